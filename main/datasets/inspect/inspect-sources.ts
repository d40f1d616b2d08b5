import type { ChosenMapping, ImportedFile, Inspection } from '../../../shared/contract/dataset-import.ts';
import { LicenceFinder } from '../import/licence-file.ts';
import { suggestName } from '../import/suggest-name.ts';
import type { RawDocument } from '../raw-document.ts';
import { type Format, formatOf, FORMATS } from '../readers/formats.ts';
import { readDocuments } from '../readers/read-documents.ts';
import { ROWS_FOR_GUESSING } from '../shapes/guess-mapping.ts';
import type { SourceFile } from '../source-file.ts';
import { findFiles } from '../sources/find-files.ts';
import type { Found } from '../sources/found.ts';
import { refuseMissing } from '../sources/refuse-missing.ts';
import { UnreadableFile } from '../unreadable-file.ts';
import { InspectedShapes, type RowDocument } from './inspected-shapes.ts';

/** How much is looked at. */
export interface InspectLimits {
  /** After so long it answers with what it has. */
  milliseconds: number;
  /** Files that are opened. */
  opened: number;
}
const LIMITS: InspectLimits = { milliseconds: 2000, opened: 300 };

/** Formats that take long to open: a few show what is in all. */
const HEAVY: readonly Format[] = ['pdf', 'docx', 'epub'];
const HEAVY_OPENED = 3;
/** Texts that are opened to see whether they can be read. */
const TEXTS_OPENED = 40;
const TEXT_EXAMPLES = 5;
const EXAMPLE_CHARACTERS = 500;
/** Files that are left out and named. */
const MOST_LEFT_OUT = 200;

/**
 * Looks at files and folders as an import would find them, in a bounded time: every file is counted, the first of them are opened, and nothing is
 * read to its end. A file that takes longer than the rest of the time is not waited for.
 * @throws StrataError NOT_FOUND for a path that is not there.
 */
export async function inspectSources(
  paths: readonly string[],
  mappings: readonly ChosenMapping[],
  limits: InspectLimits = LIMITS,
): Promise<Inspection> {
  await refuseMissing(paths);
  const end = performance.now() + limits.milliseconds;
  const look = new Look(mappings, limits.opened);
  let timer: NodeJS.Timeout | undefined;
  const isOver = new Promise<'over'>((resolve) => (timer = setTimeout(() => resolve('over'), limits.milliseconds)));
  const all = (async () => {
    const sources = { onDiskFile: (_path: string, bytes: number): void => void (look.bytes += bytes) };
    for await (const found of findFiles(paths, sources)) {
      await look.at(found);
      if (performance.now() >= end) return 'over' as const;
    }
    return 'whole' as const;
  })();
  // What is still being read then is left to its thread's end.
  all.catch(() => undefined);
  const how = await Promise.race([all, isOver]);
  clearTimeout(timer);
  const seen = look.result();
  const isComplete = how === 'whole';
  return { name: suggestName(paths), isComplete, ...seen, isLeftOutExact: isComplete && seen.isLeftOutExact };
}

/** What has been seen so far. */
class Look {
  bytes = 0;
  readonly #shapes: InspectedShapes;
  #opened = 0;
  readonly #mostOpened: number;
  #files = 0;
  readonly #formats = new Map<Format, number>();
  readonly #openedByFormat = new Map<Format, number>();
  readonly #leftOut: ImportedFile[] = [];
  #leftOutCount = 0;
  /** No file was left unopened, or only begun. */
  #isEachRead = true;
  #textFiles = 0;
  readonly #texts: { path: string; text: string }[] = [];
  readonly #licences = new LicenceFinder();

  constructor(mappings: readonly ChosenMapping[], mostOpened: number) {
    this.#shapes = new InspectedShapes(mappings);
    this.#mostOpened = mostOpened;
  }

  async at(found: Found): Promise<void> {
    await this.#licences.offer(found.path);
    this.#files++;
    if (found.kind !== 'file') return this.#leaveOut({ path: found.path, status: found.kind, reason: found.reason });
    const format = formatOf(found.file.name);
    if (format !== null) this.#formats.set(format, (this.#formats.get(format) ?? 0) + 1);
    const isText = format !== null && !ROWS.includes(format);
    if (!this.#shallOpen(format)) {
      this.#isEachRead = false;
      if (isText) this.#textFiles++;
      return;
    }
    this.#opened++;
    if (format !== null) this.#openedByFormat.set(format, (this.#openedByFormat.get(format) ?? 0) + 1);
    try {
      await this.#open(found.file);
    } catch (error) {
      if (!(error instanceof UnreadableFile)) throw error;
      this.#leaveOut({ path: found.path, status: 'failed', reason: error.message });
    }
  }

  result(): Omit<Inspection, 'name' | 'isComplete'> {
    const formats = [...this.#formats].map(([format, files]) => ({ format: FORMATS[format].name, files }));
    return {
      files: this.#files,
      bytes: this.bytes,
      formats: formats.sort((a, b) => b.files - a.files),
      leftOut: this.#leftOut,
      leftOutCount: this.#leftOutCount,
      isLeftOutExact: this.#isEachRead,
      shapes: this.#shapes.result(),
      texts: { files: this.#textFiles, examples: this.#texts },
      licence: this.#licences.licence,
    };
  }

  #shallOpen(format: Format | null): boolean {
    if (this.#opened >= this.#mostOpened) return false;
    if (format === null) return true; // to be told why not
    const most = HEAVY.includes(format) ? HEAVY_OPENED : ROWS.includes(format) ? Infinity : TEXTS_OPENED;
    return (this.#openedByFormat.get(format) ?? 0) < most;
  }

  /** Reads as many rows as an import guesses from, or the first text. */
  async #open(file: SourceFile): Promise<void> {
    const rows: RowDocument[] = [];
    for await (const document of readDocuments(file)) {
      if (document.kind === 'unreadable') continue; // left out of an import
      if (document.kind === 'text') {
        if (rows.length > 0) continue; // texts among rows
        this.#isEachRead = false;
        return this.#showText(file.path, document);
      }
      if (rows.push(document) === ROWS_FOR_GUESSING) {
        this.#isEachRead = false;
        break;
      }
    }
    const problem = this.#shapes.add(file.path, rows);
    if (problem !== null) this.#leaveOut({ path: file.path, status: 'failed', reason: problem });
  }

  #showText(path: string, { text }: Extract<RawDocument, { kind: 'text' }>): void {
    this.#textFiles++;
    if (this.#texts.length < TEXT_EXAMPLES) this.#texts.push({ path, text: text.slice(0, EXAMPLE_CHARACTERS).toWellFormed() });
  }

  #leaveOut(file: ImportedFile): void {
    this.#leftOutCount++;
    if (this.#leftOut.length < MOST_LEFT_OUT) this.#leftOut.push(file);
  }
}

/** Formats of rows. */
const ROWS: readonly Format[] = ['json', 'jsonl', 'csv', 'parquet', 'arrow'];
