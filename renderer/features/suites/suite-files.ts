const JSON_LINES = /\.(jsonl?|ndjson)(\.gz)?$/i;

/** Whether a file that came to the page of suites is one of questions or texts, by its name; all else is a model or a dataset. */
export function mayHoldQuestions(path: string): boolean {
  return JSON_LINES.test(path);
}
