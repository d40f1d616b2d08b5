/** tokenizer.model files written byte by byte, apart from the product's reader. */

export interface RawPiece {
  text: string | Uint8Array;
  score?: number;
  /** As sentencepiece_model.proto numbers them; absent: 1, normal. */
  type?: number;
}

export function varint(value: bigint | number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

export const numberField = (field: number, value: bigint | number): Buffer => Buffer.concat([varint(field << 3), varint(value)]);

export function bytesField(field: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([varint((field << 3) | 2), varint(bytes.length), bytes]);
}

export function floatField(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([varint((field << 3) | 5), bytes]);
}

export function pieceField({ text, score, type }: RawPiece): Buffer {
  const fields = [bytesField(1, typeof text === 'string' ? Buffer.from(text) : text)];
  if (score !== undefined) fields.push(floatField(2, score));
  if (type !== undefined) fields.push(numberField(3, type));
  return bytesField(1, Buffer.concat(fields));
}

/** @param trainer fields 3 (kind), 40 (unknown), 41 (start), 42 (end) and the like. @param normalizer fields 3 and 4, and the like. */
export function sentencePieceFile(
  pieces: readonly RawPiece[],
  trainer: Readonly<Record<number, number>> = { 3: 2 },
  normalizer: Readonly<Record<number, number>> = {},
): Buffer {
  const fields = (values: Readonly<Record<number, number>>): Buffer =>
    Buffer.concat(Object.entries(values).map(([field, value]) => numberField(Number(field), value)));
  return Buffer.concat([...pieces.map(pieceField), bytesField(2, fields(trainer)), bytesField(3, fields(normalizer))]);
}

/** A BPE model of a few letters with all bytes. */
export const LETTER_PIECES: readonly RawPiece[] = [
  { text: '<unk>', score: 0, type: 2 },
  { text: '<s>', score: 0, type: 3 },
  { text: '</s>', score: 0, type: 3 },
  ...Array.from({ length: 256 }, (_, byte) => ({ text: `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, score: 0, type: 6 })),
  { text: '▁a', score: -1 },
  { text: 'ab', score: 0 },
  { text: '</', score: -2 },
  { text: 's>', score: -3 },
  ...[...'▁abs</>'].map((text, index) => ({ text, score: -10 - index })),
];
