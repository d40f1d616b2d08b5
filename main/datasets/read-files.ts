import { createReadStream } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { linesOf } from './lines.ts';
import { knownTextOf, textOfRow } from './rows.ts';
import { UnreadableFile } from './unreadable-file.ts';

/** Reads documents from files of any kind Strata knows, as streams: memory is bounded by the longest document. */

/** Plain text formats: the whole file is one text. */
const TEXT_EXTENSIONS = new Set(['.txt', '.text', '.md', '.markdown']);
const ROW_EXTENSIONS = new Set(['.jsonl', '.ndjson']);
export const READABLE = '.txt, .text, .md, .markdown, .jsonl, .ndjson, .json, each also as .gz';

/** A line with only this ends a document in a text file: the convention of many corpora. */
const DOCUMENT_SEPARATOR = '<|endoftext|>';

/**
 * A plain text is one long document. It is cut into sections of about this many characters, between paragraphs where possible,
 * so that some of them can be held out; nothing is lost.
 */
const SECTION_CHARACTERS = 4000;

/** A JSON array is parsed whole, so its size is bounded; larger files belong into JSON Lines. */
const MAX_JSON_BYTES = 500 * 1024 * 1024;

/** A line is held whole, and a string of V8 ends at 512 MB; the longest line of a known corpus (text8) has 100 MB. */
const MAX_LINE_BYTES = 256 * 1024 * 1024;

/** Bytes looked at to tell text from something else. */
const PROBE_BYTES = 8192;

export interface FoundFile {
  path: string;
  /** Why a file of a chosen folder is left out; null for a file to read. */
  skipReason: string | null;
}

/** Files that describe the data beside them; in a folder of Markdown they are data themselves. */
const ABOUT_DATA = /^(readme|license|licence|changelog|notice)\b/i;

/** Every file of the paths, folders gone through in the order of names; hidden files and folders are left out. */
export async function findFiles(paths: readonly string[]): Promise<FoundFile[]> {
  const found: FoundFile[] = [];
  const visit = async (path: string): Promise<void> => {
    const entries = await readdir(path, { withFileTypes: true });
    const hasData = entries.some(({ name }) => isReadable(name) && !/\.(md|markdown)$/i.test(name) && !ABOUT_DATA.test(name));
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name.startsWith('.')) continue;
      const child = join(path, entry.name);
      if (entry.isDirectory()) await visit(child);
      else if (entry.isSymbolicLink() && (await isFolder(child)))
        found.push({ path: child, skipReason: 'It is a link to a folder. Choose that folder itself to import it.' });
      else if (entry.isFile() || entry.isSymbolicLink()) found.push({ path: child, skipReason: skipReason(entry.name, hasData) });
    }
  };
  for (const path of paths) {
    if (await isFolder(path)) await visit(path);
    else found.push({ path, skipReason: null });
  }
  return found;
}

/** Whether a path, or what a link points to, is a folder. */
async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() === true;
}

function skipReason(name: string, hasData: boolean): string | null {
  if (!isReadable(name)) return `Not a format Strata reads (${READABLE}).`;
  return hasData && ABOUT_DATA.test(name) ? 'It describes the data beside it. Choose the file itself to import it.' : null;
}

function formatOf(path: string): { isGzip: boolean; extension: string } {
  const isGzip = path.toLowerCase().endsWith('.gz');
  return { isGzip, extension: extname(isGzip ? path.slice(0, -3) : path).toLowerCase() };
}

function isReadable(path: string): boolean {
  const { extension } = formatOf(path);
  return TEXT_EXTENSIONS.has(extension) || ROW_EXTENSIONS.has(extension) || extension === '.json';
}

/**
 * Documents of one file, in order.
 * @throws UnreadableFile with a sentence that says what is wrong and where.
 */
export async function* documentsOf(path: string): AsyncIterable<string> {
  const info = await stat(path).catch(() => null);
  if (!info) throw new UnreadableFile('There is no such file.');
  if (!info.isFile()) throw new UnreadableFile('It is not a file.');
  if (info.size === 0) throw new UnreadableFile('The file is empty.');
  const { isGzip, extension } = formatOf(path);
  if (!isReadable(path))
    throw new UnreadableFile(`Strata does not read ${extension || 'files without an extension'} yet; it reads ${READABLE}.`);
  let documents = 0;
  for await (const document of readable(path, isGzip, extension, info.size)) {
    if (document.trim() === '') continue;
    documents++;
    yield document;
  }
  if (documents === 0) throw new UnreadableFile('There is no text in it.');
}

async function* readable(path: string, isGzip: boolean, extension: string, size: number): AsyncIterable<string> {
  try {
    await refuseMisnamed(path, isGzip);
    if (ROW_EXTENSIONS.has(extension)) yield* rowsOf(linesOf(bytesOf(path, isGzip), MAX_LINE_BYTES));
    else if (extension === '.json') yield* jsonOf(path, isGzip, size);
    else yield* sectionsOf(linesOf(bytesOf(path, isGzip), MAX_LINE_BYTES));
  } catch (error) {
    if (error instanceof UnreadableFile) throw error;
    throw new UnreadableFile(explain(error, path));
  }
}

function explain(error: unknown, path: string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'Z_BUF_ERROR' || /unexpected end of file/i.test(message)) return 'The gzip data ends too early: the file is truncated.';
  if (code?.startsWith('Z_')) return `It is not intact gzip data (${message}).`;
  if (error instanceof TypeError && message.includes('UTF-8'))
    return `It is not UTF-8 text: ${message}. Save it as UTF-8 and import it again.`;
  if (error instanceof RangeError) return `It has ${message}. Split it into lines or documents and import it again.`;
  if (code === 'EACCES') return 'It may not be read: check its permissions.';
  return `${basename(path)}: ${message}`;
}

/** A file's bytes, unpacked. Whoever stops early closes the file. */
async function* bytesOf(path: string, isGzip: boolean): AsyncIterable<Uint8Array> {
  const file = createReadStream(path);
  // The pipeline hands errors on and closes the file when its reader stops; the reader hears of them where it reads.
  const stream = isGzip ? pipeline(file, createGunzip(), () => undefined) : file;
  let probed = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (probed < PROBE_BYTES) refuseBinary(chunk.subarray(0, PROBE_BYTES - probed), probed === 0);
    probed += chunk.length;
    yield chunk;
  }
}

async function refuseMisnamed(path: string, isGzip: boolean): Promise<void> {
  const file = await open(path, 'r');
  try {
    const start = new Uint8Array(2);
    await file.read(start, 0, 2, 0);
    const isPacked = start[0] === 0x1f && start[1] === 0x8b;
    if (isGzip && !isPacked) throw new UnreadableFile('It is named .gz but is not gzip data.');
    if (!isGzip && isPacked) throw new UnreadableFile('It is gzip data; name it .gz.');
  } finally {
    await file.close();
  }
}

/** Zero bytes do not occur in text: their presence tells an image or a program from a strangely encoded text. */
function refuseBinary(probe: Uint8Array, isStart: boolean): void {
  if (isStart && ((probe[0] === 0xff && probe[1] === 0xfe) || (probe[0] === 0xfe && probe[1] === 0xff)))
    throw new UnreadableFile('It is UTF-16 text. Save it as UTF-8 and import it again.');
  if (probe.includes(0)) throw new UnreadableFile('It is a binary file, not text.');
}

async function* rowsOf(lines: AsyncIterable<string>): AsyncIterable<string> {
  let number = 0;
  for await (const line of lines) {
    number++;
    if (line.trim() === '') continue;
    let row: unknown;
    try {
      row = JSON.parse(line);
    } catch (error) {
      throw new UnreadableFile(`Line ${number} is not JSON (${(error as Error).message}).`);
    }
    yield textOfRow(row, `line ${number}`);
  }
}

async function* jsonOf(path: string, isGzip: boolean, size: number): AsyncIterable<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of bytesOf(path, isGzip)) {
    bytes += part.length;
    if (bytes > MAX_JSON_BYTES)
      throw new UnreadableFile(
        `It is a JSON file of over ${MAX_JSON_BYTES / 2 ** 20} MB (${size} bytes packed). Convert it to JSON Lines, which can be streamed.`,
      );
    parts.push(part);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts));
  } catch {
    throw new UnreadableFile('It is not UTF-8 text. Save it as UTF-8 and import it again.');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UnreadableFile(`It is not JSON (${(error as Error).message}).`);
  }
  const rows = rowsIn(value);
  if (rows.length === 0) throw new UnreadableFile('There is no list of rows in it.');
  for (const [index, row] of rows.entries()) yield textOfRow(row, `row ${index + 1}`);
}

/**
 * Rows of a JSON value: a list, or an object that holds a list of objects beside other things, is a row itself, or has a row
 * under each key.
 */
function rowsIn(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value !== 'object' || value === null) return [];
  const values: unknown[] = Object.values(value);
  const lists = values.filter((each) => Array.isArray(each));
  const table = lists.find((list) => typeof list[0] === 'object');
  return table ?? (knownTextOf(value) === null ? (lists[0] ?? values) : [value]);
}

/** A text's documents, or sections of one long document. */
async function* sectionsOf(lines: AsyncIterable<string>): AsyncIterable<string> {
  // Lines with their ends, so that the pieces of a cut line can be told from lines.
  let section: string[] = [];
  let length = 0;
  let isSeparated = false;
  let pending: string[] = [];
  const textOf = (parts: string[]): string => parts.join('').replace(/\n$/, '');
  const take = (): string[] => {
    const parts = section;
    section = [];
    length = 0;
    return parts;
  };
  for await (const line of lines) {
    if (line.trim() === DOCUMENT_SEPARATOR) {
      // What was cut before the first separator belongs together: it was the first document.
      if (!isSeparated) {
        isSeparated = true;
        section = [...pending, ...section];
        pending = [];
      }
      yield textOf(take());
      continue;
    }
    const isParagraphEnd = line.trim() === '';
    const pieces = isSeparated ? [line] : piecesOf(line);
    for (const [index, piece] of pieces.entries()) {
      const isLineEnd = index === pieces.length - 1;
      section.push(isLineEnd ? `${piece}\n` : piece);
      length += piece.length + 1;
      if (isSeparated || length < SECTION_CHARACTERS) continue;
      if (isParagraphEnd || !isLineEnd || length >= 2 * SECTION_CHARACTERS) {
        // Held back while it may still turn out that the file has separators; a bounded number of sections.
        if (pending.length > 0) yield textOf(pending);
        pending = take();
      }
    }
  }
  if (pending.length > 0) yield textOf(pending);
  if (section.length > 0) yield textOf(take());
}

/** A line longer than two sections in pieces, cut after a blank where there is one; together they are the line. */
function piecesOf(line: string): string[] {
  const pieces: string[] = [];
  let start = 0;
  while (line.length - start >= 2 * SECTION_CHARACTERS) {
    const middle = start + SECTION_CHARACTERS;
    const blank = line.slice(middle, middle + SECTION_CHARACTERS).search(/\s/);
    let end = blank === -1 ? middle + SECTION_CHARACTERS : middle + blank + 1;
    if (/[\uD800-\uDBFF]/.test(line[end - 1]!)) end--; // never between the halves of one character
    pieces.push(line.slice(start, end));
    start = end;
  }
  if (start < line.length || pieces.length === 0) pieces.push(line.slice(start));
  return pieces;
}
