import { StrataError } from '../errors.ts';

/** What a model can be written as for other programs and machines, and in which element types. */

export const EXPORT_FORMATS = ['huggingface', 'gguf', 'ollama', 'pack'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export const EXPORT_DTYPES = ['F32', 'F16', 'BF16', 'Q8_0', 'Q4_0'] as const;
export type ExportDtype = (typeof EXPORT_DTYPES)[number];

const FLOATS = ['F32', 'F16', 'BF16'] as const;

/** Element types that a format may be asked for. Without one, tensors stay as they are stored; a pack's always do. */
export const DTYPES_OF_FORMAT: Readonly<Record<ExportFormat, readonly ExportDtype[]>> = {
  huggingface: FLOATS,
  gguf: EXPORT_DTYPES,
  ollama: EXPORT_DTYPES,
  pack: [],
};

/** What a format is called, and what for it is. */
export const FORMAT_WORDS: Readonly<Record<ExportFormat, { label: string; meaning: string }>> = {
  huggingface: { label: 'Hugging Face folder', meaning: 'For transformers, vLLM and training elsewhere.' },
  gguf: { label: 'GGUF file', meaning: 'For llama.cpp, LM Studio and others that run models locally.' },
  ollama: { label: 'Ollama', meaning: 'A GGUF file with the Modelfile that “ollama create” takes.' },
  pack: { label: 'Strata pack', meaning: 'Only the inserted blocks; becomes the whole model on the same base.' },
};

/** What an element type means for who chooses one. */
export const DTYPE_WORDS: Readonly<Record<ExportDtype, string>> = {
  F32: 'F32: 32 bits, nothing lost',
  F16: 'F16: 16 bits, the most widely supported',
  BF16: 'BF16: 16 bits, with the range of F32',
  Q8_0: 'Q8_0: 8.5 bits, hardly worse',
  Q4_0: 'Q4_0: 4.5 bits, smallest, a little worse',
};

/** @throws StrataError BAD_INPUT with the list of formats. */
export function parseExportFormat(text: string): ExportFormat {
  const format = EXPORT_FORMATS.find((known) => known === text.trim().toLowerCase());
  if (format) return format;
  throw new StrataError('BAD_INPUT', 'That is not a format Strata writes.', {
    found: text,
    allowed: EXPORT_FORMATS.join(', '),
    hint: 'Choose huggingface for transformers and vLLM, gguf or ollama for programs that run models locally, pack for the inserted blocks alone.',
  });
}

/**
 * Reads an element type such as `f16` for a format.
 * @throws StrataError BAD_INPUT with those that the format takes.
 */
export function parseExportDtype(text: string, format: ExportFormat): ExportDtype {
  const allowed = DTYPES_OF_FORMAT[format];
  const dtype = allowed.find((known) => known === text.trim().toUpperCase());
  if (dtype) return dtype;
  throw new StrataError('BAD_INPUT', `The format "${format}" cannot be written with this element type.`, {
    found: text,
    allowed:
      allowed.length === 0
        ? 'none: a pack keeps its tensors as they are stored'
        : `${allowed.join(', ').toLowerCase()}, or none for what is stored`,
    hint: hintForDtype(text, allowed),
  });
}

function hintForDtype(text: string, allowed: readonly ExportDtype[]): string {
  const others = EXPORT_FORMATS.filter((format) => DTYPES_OF_FORMAT[format].some((known) => known === text.trim().toUpperCase()));
  if (others.length > 0) return `Choose a format that has ${text.trim().toLowerCase()} (${others.join(', ')}), or leave the type out.`;
  return allowed.length === 0 ? 'Leave the type out.' : 'Choose one of these types, or leave it out.';
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};

/**
 * Reads a size such as `500MB` or `2GiB`, in bytes: MB are a million, MiB 2^20.
 * @throws StrataError BAD_INPUT when it is none, or less than a byte.
 */
export function parseSize(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/.exec(text.trim().toLowerCase()) ?? [];
  const factor = unit === undefined ? undefined : Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
  const bytes = factor === undefined ? NaN : Math.floor(Number(number) * factor);
  if (Number.isSafeInteger(bytes) && bytes >= 1) return bytes;
  throw new StrataError('BAD_INPUT', 'That is not a size.', {
    found: text,
    allowed: 'a size such as 500MB, 2GB or 1GiB',
    hint: 'Write a number of at least 1 byte and one of B, kB, MB, GB, KiB, MiB and GiB, without a sign.',
  });
}
