import { GGUF_ALIGNMENT, GGUF_MAGIC, GGUF_TYPES, type GgufTypeName, GGUF_VALUE_TYPES } from '../../main/models/gguf/gguf-types.ts';

/** GGUF files built byte by byte, so that each part can be made wrong. */

export const uint32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer);
export const uint64 = (value: number | bigint): Buffer => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
export const float32 = (value: number): Buffer => Buffer.from(Float32Array.of(value).buffer);
export const text = (value: string | Buffer): Buffer => Buffer.concat([uint64(Buffer.byteLength(value)), Buffer.from(value as string)]);

/** A metadata value with its type before it. */
export type RawValue = Buffer;
type ValueType = keyof typeof GGUF_VALUE_TYPES;
export const raw = (type: ValueType, bytes: Buffer): RawValue => Buffer.concat([uint32(GGUF_VALUE_TYPES[type]), bytes]);
export const rawArray = (type: ValueType, count: number | bigint, bytes: Buffer): RawValue =>
  raw('array', Buffer.concat([uint32(GGUF_VALUE_TYPES[type]), uint64(count), bytes]));
export const whole = (value: number): RawValue => raw('uint32', uint32(value));
export const real = (value: number): RawValue => raw('float32', float32(value));
export const flag = (value: boolean): RawValue => raw('bool', Buffer.from([Number(value)]));
export const words = (value: string): RawValue => raw('string', text(value));
export const wordList = (values: readonly string[]): RawValue => rawArray('string', values.length, Buffer.concat(values.map(text)));
export const wholeList = (values: readonly number[]): RawValue => rawArray('int32', values.length, Buffer.from(Int32Array.from(values).buffer));
export const realList = (values: readonly number[]): RawValue => rawArray('float32', values.length, Buffer.from(Float32Array.from(values).buffer));

export interface RawTensor {
  name: string;
  type?: GgufTypeName;
  /** Rows first. */
  shape: readonly (number | bigint)[];
  bytes: Buffer;
  /** Written instead of the number of the type, of the axes or of the place, where they are to be wrong. */
  typeId?: number;
  axes?: number;
  offset?: number | bigint;
}

export interface RawGguf {
  magic?: number;
  version?: number;
  metadata: Map<string, RawValue>;
  tensors: RawTensor[];
  /** Written instead of the right numbers. */
  tensorCount?: number | bigint;
  valueCount?: number | bigint;
  alignment?: number;
}

export function ggufBytes({ magic = GGUF_MAGIC, version = 3, metadata, tensors, tensorCount, valueCount, alignment = GGUF_ALIGNMENT }: RawGguf): Buffer {
  const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((alignment - (bytes.length % alignment)) % alignment)]);
  let place = 0;
  const infos = tensors.map(({ name, type = 'F32', shape, bytes, typeId, axes, offset }) => {
    const info = Buffer.concat([
      text(name),
      uint32(axes ?? shape.length),
      ...shape.toReversed().map(uint64),
      uint32(typeId ?? GGUF_TYPES[type].id),
      uint64(offset ?? place),
    ]);
    place += padded(bytes).length;
    return info;
  });
  const head = Buffer.concat([
    uint32(magic),
    uint32(version),
    uint64(tensorCount ?? tensors.length),
    uint64(valueCount ?? metadata.size),
    ...[...metadata].flatMap(([key, value]) => [text(key), value]),
    ...infos,
  ]);
  return Buffer.concat([padded(head), ...tensors.map(({ bytes }) => padded(bytes))]);
}

/** Numbers that tell tensor and place. */
function numbered(start: number, count: number): Buffer {
  return Buffer.from(Float32Array.from({ length: count }, (_, index) => start + index / 1024).buffer);
}

export const TINY_TOKENS = ['<unk>', '<s>', '</s>', '▁', 'a', 'b', 'ab', '▁ab'];

/** A LLaMA of two blocks, width 8, two heads of four with one for keys and values, and eight SentencePiece tokens. */
export function tinyGguf(): RawGguf & { metadata: Map<string, RawValue> } {
  const metadata = new Map<string, RawValue>([
    ['general.architecture', words('llama')],
    ['llama.context_length', whole(64)],
    ['llama.embedding_length', whole(8)],
    ['llama.block_count', whole(2)],
    ['llama.feed_forward_length', whole(12)],
    ['llama.attention.head_count', whole(2)],
    ['llama.attention.head_count_kv', whole(1)],
    ['llama.attention.layer_norm_rms_epsilon', real(1e-5)],
    ['llama.rope.dimension_count', whole(4)],
    ['tokenizer.ggml.model', words('llama')],
    ['tokenizer.ggml.tokens', wordList(TINY_TOKENS)],
    ['tokenizer.ggml.scores', realList([0, 0, 0, -3, -4, -5, -1, -2])],
    ['tokenizer.ggml.token_type', wholeList([2, 3, 3, 1, 1, 1, 1, 1])],
  ]);
  const tensors: RawTensor[] = [];
  const add = (name: string, ...shape: number[]): void => {
    tensors.push({ name, shape, bytes: numbered(100 * tensors.length, shape.reduce((product, length) => product * length, 1)) });
  };
  add('token_embd.weight', TINY_TOKENS.length, 8);
  for (const block of [0, 1]) {
    add(`blk.${block}.attn_norm.weight`, 8);
    add(`blk.${block}.attn_q.weight`, 8, 8);
    add(`blk.${block}.attn_k.weight`, 4, 8);
    add(`blk.${block}.attn_v.weight`, 4, 8);
    add(`blk.${block}.attn_output.weight`, 8, 8);
    add(`blk.${block}.ffn_norm.weight`, 8);
    add(`blk.${block}.ffn_gate.weight`, 12, 8);
    add(`blk.${block}.ffn_up.weight`, 12, 8);
    add(`blk.${block}.ffn_down.weight`, 8, 12);
  }
  add('output_norm.weight', 8);
  return { metadata, tensors };
}
