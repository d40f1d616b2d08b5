/** What a reader finds in a file, in order: a text as it stands, or a row of named values whose shape is recognised afterwards. */
export type RawDocument =
  | { kind: 'text'; text: string; title?: string }
  | { kind: 'row'; row: Readonly<Record<string, unknown>>; /** Its place, for messages: "line 7". */ where: string };
