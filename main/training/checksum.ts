import { createHash } from 'node:crypto';
import { MAX_TRANSFER_BYTES } from '../models/atomic-file.ts';

/** SHA-256 in hexadecimal, of any size: one call of the hash takes at most two gigabytes. */
export function sha256(data: string | Uint8Array): string {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  const hash = createHash('sha256');
  for (let start = 0; start < bytes.length; start += MAX_TRANSFER_BYTES) hash.update(bytes.subarray(start, start + MAX_TRANSFER_BYTES));
  return hash.digest('hex');
}

/** The memory of an array, not a copy. */
export function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
