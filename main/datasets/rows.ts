import { UnreadableFile } from './unreadable-file.ts';

/** Columns that hold a row's whole text, most telling first. */
const TEXT_COLUMNS = ['text', 'content', 'document', 'body', 'code', 'article', 'passage', 'story', 'abstract'];

/** A task in words and its solution in code: with only one of them half the data would be gone. */
const TASK_COLUMNS = ['text', 'code'];

/** Columns that make one text together, in this order: question and answer, instruction and output. */
const PART_COLUMNS = [
  ['instruction', 'input', 'output', 'response'],
  ['prompt', 'completion', 'response', 'output'],
  ['question', 'context', 'contexts', 'answer', 'long_answer', 'rationale'],
  ['title', 'description', 'summary'],
];

/**
 * The text of one row of JSON: a string, or an object with a text column, or one whose columns make a text together.
 * @param where the row's place, for the message ("line 7").
 * @throws UnreadableFile that lists the columns when none is known.
 */
export function textOfRow(row: unknown, where: string): string {
  if (typeof row === 'string') return row;
  if (typeof row !== 'object' || row === null || Array.isArray(row)) {
    throw new UnreadableFile(`At ${where} there is ${JSON.stringify(row)?.slice(0, 60)}; a row is an object with a text, or a string.`);
  }
  const known = knownTextOf(row);
  if (known !== null) return known;
  const strings = Object.values(row).filter((value) => typeof value === 'string');
  if (strings.length === 1) return strings[0]!;
  throw new UnreadableFile(
    `At ${where} there is no text column. Found: ${Object.keys(row).slice(0, 12).join(', ') || 'nothing'}. Known: ${TEXT_COLUMNS.join(', ')}.`,
  );
}

/** The text of the columns that Strata knows, which may be empty; null when there are none. */
export function knownTextOf(row: object): string | null {
  const columns = new Map(Object.entries(row).map(([name, value]: [string, unknown]) => [name.toLowerCase(), value]));
  const textsOf = (names: readonly string[]): string[] => names.map((name) => textOf(columns.get(name))).filter((text) => text !== null);
  const isFilled = (text: string): boolean => text.trim() !== '';
  const texts = textsOf(TEXT_COLUMNS);
  if (textsOf(TASK_COLUMNS).filter(isFilled).length < 2 && texts.some(isFilled)) return texts.find(isFilled)!;
  for (const names of [TASK_COLUMNS, ...PART_COLUMNS]) {
    const parts = textsOf(names);
    if (parts.length >= 2) return parts.filter(isFilled).join('\n\n');
  }
  return texts.length > 0 ? '' : null;
}

/** A column's text: a string, or paragraphs in a list. */
function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  const isParagraphs = Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string');
  return isParagraphs ? value.join('\n') : null;
}
