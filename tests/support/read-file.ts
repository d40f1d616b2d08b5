import { plainTextOf } from '../../shared/domain/content.ts';
import type { RawDocument } from '../../main/datasets/raw-document.ts';
import { readDocuments } from '../../main/datasets/readers/read-documents.ts';
import { contentsOf } from '../../main/datasets/shapes/read-contents.ts';
import { findFiles } from '../../main/datasets/sources/find-files.ts';
import type { Found } from '../../main/datasets/sources/found.ts';
import type { SourceOptions } from '../../main/datasets/sources/limits.ts';
import { UnreadableFile } from '../../main/datasets/unreadable-file.ts';

/** Everything that is found, in order; of a file only its path, name and what it says. */
export async function found(paths: readonly string[], options: SourceOptions = {}): Promise<Found[]> {
  const all: Found[] = [];
  for await (const each of findFiles(paths, options)) all.push(each);
  return all;
}

/** The documents of a path's files, in order; what could not be read is thrown. */
export async function rawDocumentsOf(path: string, notes: string[] = [], options: SourceOptions = {}): Promise<RawDocument[]> {
  const documents: RawDocument[] = [];
  for await (const each of findFiles([path], options)) {
    if (each.kind !== 'file') throw new UnreadableFile(each.reason);
    for await (const document of readDocuments(each.file, (note) => notes.push(note))) documents.push(document);
  }
  return documents;
}

/** The texts of a path's files: of rows, what their shape says. */
export async function textsOf(path: string, notes: string[] = []): Promise<string[]> {
  const texts: string[] = [];
  for await (const each of findFiles([path])) {
    if (each.kind !== 'file') throw new UnreadableFile(each.reason);
    for await (const { content } of contentsOf(each.file, { note: (note) => notes.push(note) })) texts.push(plainTextOf(content));
  }
  return texts;
}

/** The rows of a path's files. */
export async function rowsOf(path: string, notes: string[] = []): Promise<Readonly<Record<string, unknown>>[]> {
  return (await rawDocumentsOf(path, notes)).map((each) => {
    if (each.kind === 'unreadable') throw new UnreadableFile(each.reason);
    return each.kind === 'row' ? each.row : { text: each.text };
  });
}
