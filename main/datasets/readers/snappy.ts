import { decompressSnappy } from 'hyparquet-compressors';

/**
 * Unpacks Snappy data after it has gone through its tags: the libraries take a damaged length of a literal for one below zero, and go round
 * in a circle for ever. https://github.com/google/snappy/blob/main/format_description.txt
 * @throws Error when a tag reaches out of what there is.
 */
export function unpackSnappy(input: Uint8Array, outputLength: number): Uint8Array {
  refuseWildTags(input, outputLength);
  return decompressSnappy(input, outputLength);
}

function refuseWildTags(input: Uint8Array, outputLength: number): void {
  let at = 0;
  while (input[at]! >= 0x80) at++; // the length of what comes out, in groups of 7 bits
  at++;
  let out = 0;
  const take = (bytes: number): number => {
    let value = 0;
    for (let index = bytes - 1; index >= 0; index--) value = value * 256 + (input[at + index] ?? 0);
    at += bytes;
    return value;
  };
  while (at < input.length) {
    const tag = input[at++]!;
    const kind = tag & 3;
    let length = (tag >>> 2) + 1;
    if (kind === 0) {
      if (length > 60) length = take(length - 60) + 1;
      at += length;
    } else {
      const offset = kind === 1 ? ((tag >>> 5) << 8) + take(1) : take(kind === 2 ? 2 : 4);
      if (kind === 1) length = ((tag >>> 2) & 7) + 4;
      if (offset === 0 || offset > out) throw new Error(`Snappy data that copies from ${offset} bytes before byte ${out}`);
    }
    out += length;
    if (at > input.length || out > outputLength) throw new Error('Snappy data that reaches beyond its end');
  }
  if (out !== outputLength) throw new Error(`Snappy data that gives ${out} of ${outputLength} bytes`);
}
