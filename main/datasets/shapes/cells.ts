import { type CellType, cellTypeInWords } from '../../../shared/domain/shape.ts';
import { isMessages } from './chat-messages.ts';

/** A row of named values, as readers find it. */
export type Row = Readonly<Record<string, unknown>>;

/** A choice with the label that an answer names it by, where it has one. */
export interface LabelledChoice {
  text: string;
  label: string | null;
}

/** What a value is, whatever its column is called. Null, missing and blank values are empty. */
export function typeOfCell(value: unknown): CellType {
  const unpacked = unpack(value);
  switch (typeof unpacked) {
    case 'string':
      return unpacked.trim() === '' ? 'empty' : 'text';
    case 'number':
    case 'bigint':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'object':
      break;
    default:
      return 'empty';
  }
  if (unpacked === null) return 'empty';
  if (Array.isArray(unpacked)) {
    if (unpacked.length === 0) return 'empty';
    if (unpacked.every((each) => typeof each === 'string')) return 'texts';
    if (isMessages(unpacked)) return 'messages';
    return choicesOfCell(unpacked)?.some(({ label }) => label !== null) ? 'choices' : 'list';
  }
  return choicesOfCell(unpacked) === null ? 'object' : 'choices';
}

/** In words, with the beginning of the value, for messages. */
export function describeCell(value: unknown): string {
  const type = typeOfCell(value);
  return type === 'empty' ? cellTypeInWords(type) : `${cellTypeInWords(type)} (${inShort(value)})`;
}

/** The beginning of a value. */
export function inShort(value: unknown, length = 60): string {
  const text =
    typeof value === 'string' ? value : JSON.stringify(value, (_key, each: unknown) => (typeof each === 'bigint' ? `${each}` : each));
  return text.length > length ? `${text.slice(0, length).toWellFormed()}…` : text;
}

/** A cell's text: a string as it stands, or paragraphs in a list; empty where there is nothing; null where it holds something else. */
export function textOfCell(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return '';
  return Array.isArray(value) && value.every((each) => typeof each === 'string') ? value.join('\n') : null;
}

/** The choices in one cell: texts or numbers, `{text: [...], label: [...]}`, or `[{text, label}]`; null where it holds none. */
export function choicesOfCell(value: unknown): LabelledChoice[] | null {
  const cell = unpack(value);
  if (Array.isArray(cell)) {
    const choices = cell.map(choiceOf);
    return choices.length > 0 && choices.every((each) => each !== null) ? choices : null;
  }
  if (typeof cell !== 'object' || cell === null) return null;
  const { text, label } = cell as { text?: unknown; label?: unknown };
  if (!Array.isArray(text) || !Array.isArray(label) || text.length !== label.length || text.length === 0) return null;
  const choices = text.map((each: unknown, index) => choiceOf({ text: each, label: (label as unknown[])[index] }));
  return choices.every((each) => each !== null) ? choices : null;
}

function choiceOf(value: unknown): LabelledChoice | null {
  if (typeof value === 'string' || typeof value === 'number') return { text: String(value), label: null };
  const { text, label } = (value ?? {}) as { text?: unknown; label?: unknown };
  if (typeof text !== 'string' || (typeof label !== 'string' && typeof label !== 'number')) return null;
  return { text, label: String(label) };
}

/** Tables of texts (CSV) hold lists and objects as JSON. */
export function unpack(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*(\[\s*["{]|\{\s*")/.test(value)) return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}
