/**
 * Element types of GGUF tensors (ggml-org/ggml, "GGUF" specification, and `ggml_type`): the number that stands in the file, and how many bytes a
 * block of so many elements takes. Rows are whole numbers of blocks.
 */
export interface GgufType {
  id: number;
  elements: number;
  bytes: number;
}

export const GGUF_TYPES = {
  F32: { id: 0, elements: 1, bytes: 4 },
  F16: { id: 1, elements: 1, bytes: 2 },
  BF16: { id: 30, elements: 1, bytes: 2 },
  Q4_0: { id: 2, elements: 32, bytes: 18 },
  Q4_1: { id: 3, elements: 32, bytes: 20 },
  Q5_0: { id: 6, elements: 32, bytes: 22 },
  Q5_1: { id: 7, elements: 32, bytes: 24 },
  Q8_0: { id: 8, elements: 32, bytes: 34 },
  Q2_K: { id: 10, elements: 256, bytes: 84 },
  Q3_K: { id: 11, elements: 256, bytes: 110 },
  Q4_K: { id: 12, elements: 256, bytes: 144 },
  Q5_K: { id: 13, elements: 256, bytes: 176 },
  Q6_K: { id: 14, elements: 256, bytes: 210 },
  IQ4_NL: { id: 20, elements: 32, bytes: 18 },
  IQ4_XS: { id: 23, elements: 256, bytes: 136 },
} as const satisfies Record<string, GgufType>;
export type GgufTypeName = keyof typeof GGUF_TYPES;

export const GGUF_MAGIC = 0x46554747; // "GGUF", little-endian
/** Tensor data begins at a multiple of this, unless `general.alignment` says otherwise. */
export const GGUF_ALIGNMENT = 32;

/** Types of metadata values, by the number that stands in the file. */
export const GGUF_VALUE_TYPES = {
  uint8: 0,
  int8: 1,
  uint16: 2,
  int16: 3,
  uint32: 4,
  int32: 5,
  float32: 6,
  bool: 7,
  string: 8,
  array: 9,
  uint64: 10,
  int64: 11,
  float64: 12,
} as const;

/** Kinds of vocabulary entries in `tokenizer.ggml.token_type`. */
export const GGUF_TOKEN_TYPES = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;
