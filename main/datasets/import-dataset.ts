import { mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ChosenMapping } from '../../shared/contract/dataset-import.ts';
import { type CleaningSettings, DEFAULT_CLEANING } from '../../shared/domain/cleaning.ts';
import { plainTextOf } from '../../shared/domain/content.ts';
import { StrataError } from '../../shared/errors.ts';
import { words } from '../../shared/words/words.ts';
import type { DatasetFile, DatasetManifest } from './dataset-manifest.ts';
import { chooserOf } from './import/choose-mapping.ts';
import { type CleanDocuments, cleanDocuments } from './import/clean-documents.ts';
import { type Collected, collectDocuments } from './import/collect-documents.ts';
import { ImportMeter, type ImportProgress } from './import/import-meter.ts';
import { LanguageSample } from './import/language-sample.ts';
import { suggestName } from './import/suggest-name.ts';
import { READABLE } from './readers/formats.ts';
import { refuseMissing } from './sources/refuse-missing.ts';
import { splitDocuments } from './split.ts';
import { type NewDocument, partialOf, workFolderOf, writeDataset } from './write-dataset.ts';

export interface ImportOptions {
  name?: string;
  /** Where the files came from, in words for the user; the paths when absent. */
  source?: string;
  origin?: string;
  /** Empty for none; that of a file LICENSE or the like among the sources when absent. */
  licence?: string;
  cleaning?: CleaningSettings;
  /** How rows with these columns are read, where the user chose. */
  mappings?: readonly ChosenMapping[];
  /** Draws another held-out part. */
  seed?: number;
  /** What it is a later version of: see the manifest. */
  version?: number;
  parent?: string;
  /** Goes on with what an import to the same destination that was stopped has read, and keeps it when it fails by no fault of the sources. */
  resume?: boolean;
  /** Stops it; what it has read stays for one that goes on. */
  signal?: AbortSignal;
  onProgress?: (progress: ImportProgress) => void;
}

/**
 * Reads files and folders into a new dataset folder: documents in order, cleaned, copies left out, a held-out part chosen by the hash of each
 * document's text, so that the same documents always have the same split. The folder appears under its name only when it is complete.
 * @throws StrataError NOT_FOUND when a path does not exist: nothing was done then. BAD_INPUT when no file could be read or there are too few
 * documents to hold one out: nothing is left behind. INTERRUPTED when the signal stops it: what was read is kept for `resume`, and so it is
 * with `resume` when the machine is at fault.
 */
export async function importDataset(paths: readonly string[], destination: string, options: ImportOptions = {}): Promise<DatasetManifest> {
  await refuseMissing(paths);
  const work = workFolderOf(destination);
  if (!options.resume) await rm(partialOf(destination), { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  try {
    return await importInto(paths, destination, work, options);
  } catch (error) {
    if (options.signal?.aborted) throw new StrataError('INTERRUPTED', 'The import was stopped.', { hint: 'It can go on where it was.' });
    const isSourcesFault = error instanceof StrataError && error.code === 'BAD_INPUT';
    if (isSourcesFault || !options.resume) await rm(partialOf(destination), { recursive: true, force: true });
    throw error;
  }
}

async function importInto(paths: readonly string[], destination: string, work: string, options: ImportOptions): Promise<DatasetManifest> {
  const { signal, onProgress, mappings = [], cleaning = DEFAULT_CLEANING } = options;
  const meter = new ImportMeter(onProgress ?? (() => undefined));
  const ended = new AbortController();
  // Beside the reading. What is wrong with the sources, the reading meets as well.
  if (onProgress) void meter.measure(paths, ended.signal).catch(() => undefined);
  try {
    const collected = await collectDocuments(paths, work, {
      ...(signal ? { signal } : {}),
      chooseMapping: chooserOf(mappings),
      sources: meter.sources,
      onFile: (path, filesDone, documents) =>
        meter.tell({ activity: words('said.readingFile', { name: basename(path) }), filesDone, documents }),
      onBytes: (bytes) => meter.read(bytes),
    });
    if (collected.documents === 0) throw nothingImported(collected.files);
    meter.reach('cleaning', 0);
    meter.tell({ activity: words('said.cleaning'), filesDone: collected.files.length, documents: collected.documents });
    const clean = await cleanDocuments(
      () => collected.read(),
      cleaning,
      join(work, 'cleaned.jsonl'),
      (seen) => {
        if (seen % 1000 !== 0) return;
        meter.reach('cleaning', seen / collected.documents);
        meter.tell({ activity: words('said.cleaningSeen', { seen: String(seen), documents: String(collected.documents) }) });
      },
    );
    const split = splitDocuments({ ...clean, ...(options.seed === undefined ? {} : { seed: options.seed }) });
    const keptByFile = new Map<number, number>();
    const languages = new LanguageSample(clean.kept);
    return await writeDataset(
      destination,
      documentsOf(clean, split.heldOut, { keptByFile, languages, meter, ...(signal && { signal }) }),
      async () => ({
        name: options.name ?? suggestName(paths),
        duplicates: clean.duplicates,
        source: options.source ?? paths.join(', '),
        origin: options.origin ?? null,
        licence: (options.licence ?? collected.licence) || null,
        files: filesAfter(collected, clean, keptByFile),
        cleaning: { settings: cleaning, report: clean.report },
        split: split.report,
        version: options.version ?? 1,
        parent: options.parent ?? null,
        sampleOf: null,
        request: { paths: [...paths], mappings: [...mappings], seed: options.seed ?? null },
        languages: await languages.shares(),
      }),
    );
  } finally {
    ended.abort();
  }
}

interface Observers {
  keptByFile: Map<number, number>;
  languages: LanguageSample;
  meter: ImportMeter;
  signal?: AbortSignal;
}

async function* documentsOf(
  clean: CleanDocuments,
  heldOut: Uint8Array,
  { keptByFile, languages, meter, signal }: Observers,
): AsyncGenerator<NewDocument> {
  let place = 0;
  for await (const { content, file } of clean.read()) {
    signal?.throwIfAborted();
    if (place % 100 === 0) {
      meter.reach('writing', place / clean.kept);
      meter.tell({ activity: words('said.writingDataset') });
    }
    keptByFile.set(file, (keptByFile.get(file) ?? 0) + 1);
    languages.offer(place, plainTextOf(content));
    yield { content, file, heldOut: heldOut[place++] === 1 };
  }
}

/** What became of each file in the end. */
function filesAfter({ files }: Collected, { duplicatesByFile }: CleanDocuments, keptByFile: ReadonlyMap<number, number>): DatasetFile[] {
  return files.map((file, place) => {
    if (file.status !== 'imported') return file;
    const documents = keptByFile.get(place) ?? 0;
    const duplicates = duplicatesByFile.get(place) ?? 0;
    const cleaned = Math.max(0, (file.documents ?? 0) - documents - duplicates);
    const parts = [
      `${documents} ${documents === 1 ? 'document' : 'documents'}`,
      ...(duplicates > 0 ? [`${duplicates} left out because others have the same text`] : []),
      ...(cleaned > 0 ? [`${cleaned} left out by cleaning`] : []),
    ];
    const reason = [parts.join(', '), file.reason].filter((each) => each !== '').join('. ');
    return { ...file, status: documents > 0 ? 'imported' : 'skipped', documents, reason };
  });
}

/** So many files are named in an error; more would hide what it says. */
const MOST_REASONS = 20;

function nothingImported(files: readonly DatasetFile[]): StrataError {
  const mostTelling = [...files].sort((a, b) => Number(b.status === 'failed') - Number(a.status === 'failed'));
  const reasons = mostTelling.slice(0, MOST_REASONS).map(({ path, reason }) => `${basename(path)}: ${reason}`);
  const more = files.length > MOST_REASONS ? ` (and ${files.length - MOST_REASONS} more files)` : '';
  return new StrataError('BAD_INPUT', 'No text could be imported.', {
    found: reasons.length > 0 ? reasons.join(' ') + more : 'an empty folder',
    allowed: READABLE,
    hint: 'Mend or convert the files and import them again.',
  });
}
