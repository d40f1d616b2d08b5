import type { RawDocument } from '../raw-document.ts';

/**
 * What one value of a list of rows is: a text, a row of named values, or unreadable where it is a number, a list or nothing.
 * @param where its place, for messages: "line 7".
 */
export function documentOf(value: unknown, where: string): RawDocument {
  if (typeof value === 'string') return { kind: 'text', text: value };
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return { kind: 'row', row: value as Record<string, unknown>, where };
  const reason = `At ${where} there is ${JSON.stringify(value)?.slice(0, 60)}; a row is an object with a text, or a string.`;
  return { kind: 'unreadable', reason };
}
