import type { LlamaConfig } from './llama-config.ts';
import { blockOfTensor, elementsOf, EMBEDDING_TENSOR, HEAD_TENSOR, llamaTensors, type NamedShape } from './llama-tensors.ts';

/** How large a model is in the files that other programs read, computed from its configuration before anything is written. */

export const SAFETENSORS_TYPES = ['F32', 'F16', 'BF16'] as const;
export const GGUF_TYPES = ['F32', 'F16', 'BF16', 'Q8_0', 'Q4_0'] as const;
export type GgufSizeType = (typeof GGUF_TYPES)[number];

/** Bytes beside the weights: what the tokenizer and its like take. */
export interface CompanionBytes {
  /** Of the small files of a Hugging Face folder. */
  huggingface: number;
  /** Of the vocabulary and merges within a GGUF file. */
  gguf: number;
}

/** One way to store a model, and how large it is. */
export interface ExportSize {
  format: 'huggingface' | 'gguf';
  type: GgufSizeType;
  bytes: number;
}

/** Every size that an export may have. */
export function exportSizes(config: LlamaConfig, companions: CompanionBytes): ExportSize[] {
  return [
    ...SAFETENSORS_TYPES.map((type): ExportSize => ({
      format: 'huggingface',
      type,
      bytes: safetensorsBytes(config, type) + companions.huggingface,
    })),
    ...GGUF_TYPES.map((type): ExportSize => ({ format: 'gguf', type, bytes: ggufBytes(config, type) + companions.gguf })),
  ];
}

/** A number takes so many bytes; of the quantised types a block of 32, with its scale. */
const BLOCK_BYTES: Readonly<Record<GgufSizeType, { elements: number; bytes: number }>> = {
  F32: { elements: 1, bytes: 4 },
  F16: { elements: 1, bytes: 2 },
  BF16: { elements: 1, bytes: 2 },
  Q8_0: { elements: 32, bytes: 34 },
  Q4_0: { elements: 32, bytes: 18 },
};

/** Of one safetensors file with every tensor of one type: length, header and data. */
export function safetensorsBytes(config: LlamaConfig, type: (typeof SAFETENSORS_TYPES)[number]): number {
  let end = 0;
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  for (const { name, shape } of llamaTensors(config)) {
    const begin = end;
    end += elementsOf(shape) * BLOCK_BYTES[type].bytes;
    header[name] = { dtype: type, shape, data_offsets: [begin, end] };
  }
  const text = JSON.stringify(header).length;
  return 8 + Math.ceil(text / 8) * 8 + end;
}

/** Tensors of a GGUF file begin at multiples of this. */
const GGUF_ALIGNMENT = 32;
/** Magic, version and counts, and the keys that describe the architecture and what the file is: about this much. */
const GGUF_KEYS_BYTES = 2000;

/** Of a GGUF file without its vocabulary: keys, one entry for each tensor, and the data, in which each begins aligned. */
export function ggufBytes(config: LlamaConfig, type: GgufSizeType): number {
  const tensors = llamaTensors(config);
  const entries = tensors.reduce((sum, { name, shape }) => sum + 8 + ggufNameLength(name) + 4 + 8 * shape.length + 4 + 8, 0);
  const data = tensors.reduce((sum, tensor) => sum + aligned(ggufTensorBytes(tensor, type)), 0);
  return aligned(GGUF_KEYS_BYTES + entries) + data;
}

function ggufTensorBytes({ name, shape }: NamedShape, type: GgufSizeType): number {
  const { elements, bytes } = BLOCK_BYTES[ggufTypeOf(name, shape, type)];
  return (elementsOf(shape) / elements) * bytes;
}

/**
 * What a tensor is stored as: norms and biases stay F32; the table of tokens and the head, on which most depends, keep eight bits where the
 * others have four; rows that are no whole number of blocks are not quantised.
 */
function ggufTypeOf(name: string, shape: readonly number[], type: GgufSizeType): GgufSizeType {
  if (shape.length === 1) return 'F32';
  const isTable = name === EMBEDDING_TENSOR || name === HEAD_TENSOR;
  const wanted = type === 'Q4_0' && isTable ? 'Q8_0' : type;
  return shape[1]! % BLOCK_BYTES[wanted].elements === 0 ? wanted : 'F16';
}

/** Length of `blk.N.attn_q.weight` and the like. */
function ggufNameLength(name: string): number {
  const block = blockOfTensor(name);
  return block === null ? 'output_norm.weight'.length : `blk.${block}.attn_output.weight`.length;
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / GGUF_ALIGNMENT) * GGUF_ALIGNMENT;
}
