import { StrataError } from '../../../shared/errors.ts';

/** What a field of a protocol buffer holds: a number (wire types 0, 1 and 5) or bytes (wire type 2). */
export type ProtobufField = { number: number; value: bigint } | { number: number; bytes: Uint8Array };

const [VARINT, FIXED64, LENGTH, FIXED32] = [0, 1, 2, 5];
const LONGEST_VARINT = 10;

/**
 * The fields of a message, in the file's order. Nothing is copied: bytes are views of the message.
 * @throws StrataError CORRUPT for what is no message.
 */
export function* protobufFields(message: Uint8Array): Generator<ProtobufField> {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  let offset = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let count = 0; count < LONGEST_VARINT; count++) {
      if (offset >= message.length) throw damaged(message, offset, 'a number that is cut short');
      const byte = message[offset++]!;
      value |= BigInt(byte & 0x7f) << BigInt(7 * count);
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw damaged(message, offset, `a number of more than ${LONGEST_VARINT} bytes`);
  };
  while (offset < message.length) {
    const begin = offset;
    const tag = varint();
    const [number, type] = [Number(tag >> 3n), Number(tag & 7n)];
    if (number === 0 || number > 0x1fffffff) throw damaged(message, begin, `a field with the number ${number}`);
    if (type === VARINT) {
      yield { number, value: varint() };
      continue;
    }
    const length = type === FIXED64 ? 8n : type === FIXED32 ? 4n : type === LENGTH ? varint() : null;
    if (length === null) throw damaged(message, begin, `a field of wire type ${type}`);
    if (length > BigInt(message.length - offset))
      throw damaged(message, begin, `${length} bytes where ${message.length - offset} are left`);
    const end = offset + Number(length);
    if (type === LENGTH) yield { number, bytes: message.subarray(offset, end) };
    else if (type === FIXED64) yield { number, value: view.getBigUint64(offset, true) };
    else yield { number, value: BigInt(view.getUint32(offset, true)) };
    offset = end;
  }
}

function damaged(message: Uint8Array, offset: number, found: string): StrataError {
  return new StrataError('CORRUPT', 'A protocol buffer cannot be read.', {
    found: `${found}, at byte ${offset} of ${message.length}`,
    hint: 'Download or copy the file again and compare its size with the original.',
    allowed: 'fields that end within the file, as the format of protocol buffers has them',
  });
}
