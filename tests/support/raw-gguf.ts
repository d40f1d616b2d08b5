/** A GGUF file read byte by byte, apart from the product's reader, for files that are known to be whole. */
export interface RawGguf {
  version: number;
  /** Each value with its type's number; of arrays the number of the elements' type. */
  metadata: Map<string, { type: number; of?: number; value: unknown }>;
  /** In the order of the file. Axes as they stand there: innermost first. */
  tensors: Map<string, { type: number; axes: number[]; offset: number }>;
  dataStart: number;
}

export function readRawGguf(file: Buffer): RawGguf {
  let at = 0;
  const take = (length: number): number => (at += length) - length;
  const uint32 = (): number => file.readUInt32LE(take(4));
  const uint64 = (): number => Number(file.readBigUInt64LE(take(8)));
  const text = (): string => {
    const length = uint64();
    return file.toString('utf8', take(length), at);
  };
  const valueOf = (type: number): unknown => {
    if (type === 4) return uint32();
    if (type === 5) return file.readInt32LE(take(4));
    if (type === 6) return file.readFloatLE(take(4));
    if (type === 7) return file.readUInt8(take(1)) === 1;
    if (type === 8) return text();
    throw new Error(`type ${type}`);
  };
  if (file.toString('latin1', take(4), at) !== 'GGUF') throw new Error('no GGUF');
  const version = uint32();
  const [tensorCount, valueCount] = [uint64(), uint64()];
  const metadata: RawGguf['metadata'] = new Map();
  for (let index = 0; index < valueCount; index++) {
    const key = text();
    const type = uint32();
    if (type !== 9) metadata.set(key, { type, value: valueOf(type) });
    else {
      const of = uint32();
      metadata.set(key, { type, of, value: Array.from({ length: uint64() }, () => valueOf(of)) });
    }
  }
  const tensors: RawGguf['tensors'] = new Map();
  for (let index = 0; index < tensorCount; index++) {
    const name = text();
    const axes = Array.from({ length: uint32() }, uint64);
    tensors.set(name, { type: uint32(), axes, offset: uint64() });
  }
  return { version, metadata, tensors, dataStart: Math.ceil(at / 32) * 32 };
}
