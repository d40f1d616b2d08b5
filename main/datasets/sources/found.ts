import type { SourceFile } from '../source-file.ts';

/** What is found where a user points: a file to read, or something left out or broken, with a sentence that says why. */
export type Found = { kind: 'file'; path: string; file: SourceFile } | { kind: 'skipped' | 'failed'; path: string; reason: string };
