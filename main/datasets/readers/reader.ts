import type { RawDocument } from '../raw-document.ts';
import type { SourceFile } from '../source-file.ts';

/** Takes note of something that a reader assumed, for the list of an import's results: "read as Windows-1252". */
export type Note = (sentence: string) => void;

/** Reads the documents of one file of its format, in order, without holding more of it than a document. */
export type Reader = (file: SourceFile, note: Note) => AsyncIterable<RawDocument>;
