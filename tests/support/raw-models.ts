import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tinyConfig } from './tiny-llama.ts';

/**
 * Model folders and safetensors files written and read byte by byte, apart from the product's code, so that the product is
 * compared with something else than itself.
 */

export type RawDtype = 'F32' | 'F16' | 'BF16';

export interface RawTensor {
  dtype: string;
  shape: number[];
  bytes: Buffer;
}

/** A safetensors file: the header's length, the header as text or JSON, and whatever bytes follow. */
export function packSafetensors(header: unknown, data: Uint8Array = new Uint8Array()): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, data]);
}

/** A whole safetensors file of tensors, one after the other. */
export function packTensors(tensors: ReadonlyMap<string, RawTensor>, metadata?: Record<string, string>): Buffer {
  const header: Record<string, unknown> = metadata ? { __metadata__: metadata } : {};
  let offset = 0;
  for (const [name, { dtype, shape, bytes }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [offset, (offset += bytes.length)] };
  }
  return packSafetensors(header, Buffer.concat([...tensors.values()].map(({ bytes }) => bytes)));
}

/** Reads a file that is known to be whole. */
export function unpackTensors(file: Buffer): { tensors: Map<string, RawTensor>; metadata: unknown; dataStart: number } {
  const dataStart = 8 + Number(file.readBigUInt64LE(0));
  const { __metadata__: metadata, ...entries } = JSON.parse(file.toString('utf8', 8, dataStart)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors = Object.entries(entries).map(
    ([
      name,
      {
        dtype,
        shape,
        data_offsets: [begin, end],
      },
    ]): [string, RawTensor] => [name, { dtype, shape, bytes: file.subarray(dataStart + begin, dataStart + end) }],
  );
  return { tensors: new Map(tensors), metadata, dataStart };
}

export interface RawModel {
  /** config.json. */
  config: Record<string, unknown>;
  tensors: Map<string, RawTensor>;
}

export interface RawModelOptions {
  blocks?: number;
  /** Stores one table for both ends, as `model.embed_tokens.weight`. */
  isTied?: boolean;
  dtype?: RawDtype;
}

/** A tiny LLaMA with grouped-query attention, complete and valid; no two of its tensors have the same bytes. */
export function rawModel({ blocks = 3, isTied = false, dtype = 'F32' }: RawModelOptions = {}): RawModel {
  const { hiddenSize: C, intermediateSize: F, heads: H, keyValueHeads: K, headSize: D, vocabularySize: V } = tinyConfig;
  const shapes: [string, number[]][] = [['model.embed_tokens.weight', [V, C]]];
  for (let block = 0; block < blocks; block++) {
    for (const [suffix, shape] of [
      ['input_layernorm', [C]],
      ['self_attn.q_proj', [H * D, C]],
      ['self_attn.k_proj', [K * D, C]],
      ['self_attn.v_proj', [K * D, C]],
      ['self_attn.o_proj', [C, H * D]],
      ['post_attention_layernorm', [C]],
      ['mlp.gate_proj', [F, C]],
      ['mlp.up_proj', [F, C]],
      ['mlp.down_proj', [C, F]],
    ] as const) {
      shapes.push([`model.layers.${block}.${suffix}.weight`, [...shape]]);
    }
  }
  shapes.push(['model.norm.weight', [C]]);
  if (!isTied) shapes.push(['lm_head.weight', [V, C]]);
  const config = {
    architectures: ['LlamaForCausalLM'],
    bos_token_id: 1,
    eos_token_id: 2,
    head_dim: D,
    hidden_act: 'silu',
    hidden_size: C,
    initializer_range: 0.02,
    intermediate_size: F,
    max_position_embeddings: tinyConfig.contextLength,
    model_type: 'llama',
    num_attention_heads: H,
    num_hidden_layers: blocks,
    num_key_value_heads: K,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    tie_word_embeddings: isTied,
    torch_dtype: { F32: 'float32', F16: 'float16', BF16: 'bfloat16' }[dtype],
    vocab_size: V,
  };
  return { config, tensors: new Map(shapes.map(([name, shape]) => [name, rawTensor(name, shape, dtype)])) };
}

/** A tensor of moderate values that depend on its name. */
export function rawTensor(name: string, shape: number[], dtype: RawDtype): RawTensor {
  const seed = createHash('sha256').update(name).digest().readUInt16LE();
  const count = shape.reduce((product, axis) => product * axis, 1);
  const values = Float32Array.from({ length: count }, (_, index) => Math.sin(seed + 0.7 * index));
  return { dtype, shape, bytes: encode(values, dtype) };
}

function encode(values: Float32Array, dtype: RawDtype): Buffer {
  if (dtype === 'F32') return Buffer.from(values.buffer);
  if (dtype === 'F16') return Buffer.from(Float16Array.from(values).buffer);
  return Buffer.from(Uint16Array.from(new Uint32Array(values.buffer), (word) => word >>> 16).buffer); // cut, not rounded: any value will do
}

/** tokenizer.json of a few letters, for the tiny model's 23 tokens. */
export function letterTokenizer(): Record<string, unknown> {
  const special = ['<unk>', '<s>', '</s>'];
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: null,
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [],
      special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
    },
    decoder: { type: 'Fuse' },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: '<unk>',
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries([...special, ...' abcdefghijklmnop', 'ab', 'abc'].map((token, id) => [token, id])),
      merges: [
        ['a', 'b'],
        ['ab', 'c'],
      ],
    },
  };
}

/** Writes a model as a Hugging Face folder: in one file, or in shards with their index. */
export async function writeRawModel(
  directory: string,
  model: RawModel = rawModel(),
  { shards = 1 }: { shards?: number } = {},
): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'config.json'), JSON.stringify(model.config, null, 2));
  await writeFile(join(directory, 'tokenizer.json'), JSON.stringify(letterTokenizer()));
  await writeFile(join(directory, 'tokenizer_config.json'), JSON.stringify({ bos_token: '<s>', eos_token: '</s>' }));
  if (shards === 1) {
    await writeFile(join(directory, 'model.safetensors'), packTensors(model.tensors, { format: 'pt' }));
    return;
  }
  const names = [...model.tensors.keys()];
  const weightMap: Record<string, string> = {};
  for (let shard = 0; shard < shards; shard++) {
    const file = `model-${String(shard + 1).padStart(5, '0')}-of-${String(shards).padStart(5, '0')}.safetensors`;
    const part = names.filter((_, index) => index % shards === shard);
    for (const name of part) weightMap[name] = file;
    await writeFile(join(directory, file), packTensors(new Map(part.map((name) => [name, model.tensors.get(name)!]))));
  }
  await writeFile(join(directory, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: weightMap }));
}

/** The tensors and the configuration that lie in a folder with a single file of weights. */
export async function readRawModel(directory: string): Promise<RawModel & { metadata: unknown }> {
  const { tensors, metadata } = unpackTensors(await readFile(join(directory, 'model.safetensors')));
  const config = JSON.parse(await readFile(join(directory, 'config.json'), 'utf8')) as Record<string, unknown>;
  return { config, tensors, metadata };
}
