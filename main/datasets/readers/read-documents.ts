import type { RawDocument } from '../raw-document.ts';
import type { SourceFile } from '../source-file.ts';
import { explain } from '../sources/explain.ts';
import { UnreadableFile } from '../unreadable-file.ts';
import { type Format, formatOf, READABLE } from './formats.ts';
import type { Note, Reader } from './reader.ts';
import { withItsOwnBytes } from './signatures.ts';

/** The reader of each format, loaded when the first file of it comes: some libraries take long to load. */
const READERS: Readonly<Record<Format, () => Promise<Reader>>> = {
  text: async () => (await import('./text.ts')).readText,
  markdown: async () => (await import('./text.ts')).readText,
  html: async () => (await import('./html.ts')).readHtml,
  pdf: async () => (await import('./threaded.ts')).readPdf,
  docx: async () => (await import('./docx.ts')).readDocx,
  epub: async () => (await import('./epub.ts')).readEpub,
  code: async () => (await import('./code.ts')).readCode,
  json: async () => (await import('./json-or-lines.ts')).readJsonOrLines,
  jsonl: async () => (await import('./json-or-lines.ts')).readJsonOrLines,
  csv: async () => (await import('./csv.ts')).readCsv,
  parquet: async () => (await import('./threaded.ts')).readParquet,
  arrow: async () => (await import('./threaded.ts')).readArrow,
};

/**
 * The documents of one file, in order; blank texts are passed over. A file that fails has failed as a whole: what came before is half of it.
 * Rows that cannot be read stand among the others; a file of nothing else fails with the first of them.
 * @param note hears, once each, what was assumed about the file ("Read as Windows-1252, guessed from its bytes.").
 * @throws UnreadableFile with a sentence that says what is wrong and where; the system's own error where it is not the file's (a full disk).
 */
export async function* readDocuments(file: SourceFile, note: Note = () => undefined): AsyncIterable<RawDocument> {
  const format = formatOf(file.name);
  if (file.bytes === 0) throw new UnreadableFile('The file is empty.');
  if (format === null) throw new UnreadableFile(`Strata does not read ${endingOf(file.name)}; it reads ${READABLE}.`);
  const told = new Set<string>();
  const noteOnce: Note = (sentence) => {
    if (told.has(sentence)) return;
    told.add(sentence);
    note(sentence);
  };
  let documents = 0;
  let unreadable: string | null = null;
  try {
    const read = await READERS[format]();
    for await (const document of read(withItsOwnBytes(file, format), noteOnce)) {
      if (document.kind === 'text' && document.text.trim() === '') continue;
      if (document.kind === 'unreadable') unreadable ??= document.reason;
      else documents++;
      yield document;
    }
  } catch (error) {
    throw explain(error);
  }
  if (documents === 0) throw new UnreadableFile(unreadable ?? 'There is no text in it.');
}

function endingOf(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot > 0 ? name.slice(dot).toLowerCase() : 'files without an extension';
}
