import type { RawDocument } from '../raw-document.ts';
import { UnreadableFile } from '../unreadable-file.ts';

/**
 * What one value of a list of rows is: a text, or a row of named values.
 * @param where its place, for messages: "line 7".
 * @throws UnreadableFile for a number, a list or nothing.
 */
export function documentOf(value: unknown, where: string): RawDocument {
  if (typeof value === 'string') return { kind: 'text', text: value };
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return { kind: 'row', row: value as Record<string, unknown>, where };
  throw new UnreadableFile(`At ${where} there is ${JSON.stringify(value)?.slice(0, 60)}; a row is an object with a text, or a string.`);
}
