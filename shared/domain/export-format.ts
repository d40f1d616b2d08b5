import { StrataError } from '../errors.ts';
import { words } from '../words/words.ts';

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

const FORMAT_WORDS = {
  huggingface: ['exports.formatHuggingface', 'exports.meaningHuggingface'],
  gguf: ['exports.formatGguf', 'exports.meaningGguf'],
  ollama: ['exports.formatOllama', 'exports.meaningOllama'],
  pack: ['exports.formatPack', 'exports.meaningPack'],
} as const satisfies Record<ExportFormat, readonly [string, string]>;

const DTYPE_WORDS = {
  F32: 'exports.f32',
  F16: 'exports.f16',
  BF16: 'exports.bf16',
  Q8_0: 'exports.q8',
  Q4_0: 'exports.q4',
} as const satisfies Record<ExportDtype, string>;

/** What a format is called, and what for it is. */
export function formatInWords(format: ExportFormat): { label: string; meaning: string } {
  const [label, meaning] = FORMAT_WORDS[format];
  return { label: words(label), meaning: words(meaning) };
}

/** What an element type means for who chooses one. */
export function dtypeInWords(dtype: ExportDtype): string {
  return words(DTYPE_WORDS[dtype]);
}

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
