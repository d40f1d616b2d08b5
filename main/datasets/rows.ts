import { UnreadableFile } from './unreadable-file.ts';

/** Columns that hold a row's whole text, most telling first. */
const TEXT_COLUMNS = ['text', 'content', 'document', 'body', 'code', 'article', 'passage', 'story', 'abstract'];

/** Columns that make one text together, in this order: question and answer, instruction and output. */
const PART_COLUMNS = [
  ['instruction', 'input', 'output', 'response'],
  ['prompt', 'completion', 'response', 'output'],
  ['question', 'context', 'answer', 'long_answer', 'rationale'],
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
  const columns = new Map(Object.entries(row).map(([name, value]) => [name.toLowerCase(), value]));
  for (const name of TEXT_COLUMNS) {
    const value = columns.get(name);
    if (typeof value === 'string') return value;
  }
  for (const names of PART_COLUMNS) {
    const parts = names
      .map((name) => columns.get(name))
      .filter((value): value is string => typeof value === 'string' && value.trim() !== '');
    if (parts.length >= 2) return parts.join('\n\n');
  }
  const strings = [...columns].filter(([, value]) => typeof value === 'string');
  if (strings.length === 1) return strings[0]![1] as string;
  throw new UnreadableFile(
    `At ${where} there is no text column. Found: ${[...columns.keys()].slice(0, 12).join(', ') || 'nothing'}. Known: ${TEXT_COLUMNS.join(', ')}.`,
  );
}
