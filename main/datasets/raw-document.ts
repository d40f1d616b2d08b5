/**
 * What a reader finds in a file, in order: a text as it stands, a row of named values whose shape is recognised afterwards, or a row that
 * cannot be read, with a sentence that says why and where.
 */
export type RawDocument =
  | { kind: 'text'; text: string; title?: string }
  | { kind: 'row'; row: Readonly<Record<string, unknown>>; /** Its place, for messages: "line 7". */ where: string }
  | { kind: 'unreadable'; reason: string };
