import type { SourceFile } from '../source-file.ts';
import { UnreadableFile } from '../unreadable-file.ts';

/**
 * All bytes of a file that can only be read whole.
 * @throws UnreadableFile when it has more than the limit; nothing beyond is held.
 */
export async function wholeBytes(file: SourceFile, maxBytes: number, what: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of file.open()) {
    bytes += part.length;
    if (bytes > maxBytes)
      throw new UnreadableFile(
        `It is ${what} of over ${Math.round(maxBytes / 2 ** 20)} MB, which has to be held whole. Split it and import the parts.`,
      );
    parts.push(part);
  }
  return Buffer.concat(parts);
}
