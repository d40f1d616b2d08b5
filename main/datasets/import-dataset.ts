import { mkdir, rm, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { type CleaningSettings, DEFAULT_CLEANING } from '../../shared/domain/cleaning.ts';
import type { Mapping, ShapeGuess } from '../../shared/domain/shape.ts';
import { StrataError } from '../../shared/errors.ts';
import type { DatasetFile, DatasetManifest } from './dataset-manifest.ts';
import { type CleanDocuments, cleanDocuments } from './import/clean-documents.ts';
import { type Collected, collectDocuments } from './import/collect-documents.ts';
import { formatOf, READABLE } from './readers/formats.ts';
import { archiveOf } from './sources/archive-kind.ts';
import { nameUnpacked } from './sources/unpacked-file.ts';
import { splitDocuments } from './split.ts';
import { type NewDocument, partialOf, workFolderOf, writeDataset } from './write-dataset.ts';

/** How far an import is. */
export interface ImportProgress {
  /** What is being done now, for the user. */
  activity: string;
  filesDone: number;
  documents: number;
  /** Bytes read of files; of packed ones as they come out. */
  bytesRead: number;
}

export interface ImportOptions {
  name?: string;
  /** Where the files came from, in words for the user; the paths when absent. */
  source?: string;
  origin?: string;
  licence?: string;
  cleaning?: CleaningSettings;
  /** How rows with these columns are read, where the user chose; null leaves it to the guess. */
  chooseMapping?: (guess: ShapeGuess) => Mapping | null;
  /** Draws another held-out part. */
  seed?: number;
  /** Goes on with what an import to the same destination that was stopped has read. */
  resume?: boolean;
  /** Stops it; what it has read stays for one that goes on. */
  signal?: AbortSignal;
  onProgress?: (progress: ImportProgress) => void;
}

/**
 * Reads files and folders into a new dataset folder: documents in order, cleaned, copies left out, a held-out part chosen by the hash of each
 * document's text, so that the same documents always have the same split. The folder appears under its name only when it is complete.
 * @throws StrataError NOT_FOUND when a path does not exist, BAD_INPUT when no file could be read or there are too few documents to hold one
 * out; nothing is left behind then. INTERRUPTED when the signal stops it: what was read is kept for `resume`.
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
    await rm(partialOf(destination), { recursive: true, force: true });
    throw error;
  }
}

async function importInto(paths: readonly string[], destination: string, work: string, options: ImportOptions): Promise<DatasetManifest> {
  const { signal, onProgress = () => undefined, chooseMapping, cleaning = DEFAULT_CLEANING } = options;
  const progress: ImportProgress = { activity: 'Reading', filesDone: 0, documents: 0, bytesRead: 0 };
  const tell = (changes: Partial<ImportProgress>): void => {
    Object.assign(progress, changes);
    onProgress({ ...progress });
  };
  const collected = await collectDocuments(paths, work, {
    ...(signal ? { signal } : {}),
    ...(chooseMapping ? { chooseMapping } : {}),
    onFile: (path, filesDone, documents) => tell({ activity: `Reading ${basename(path)}`, filesDone, documents }),
    onBytes: (bytes) => tell({ bytesRead: progress.bytesRead + bytes }),
  });
  if (collected.documents === 0) throw nothingImported(collected.files);
  tell({ activity: 'Cleaning', filesDone: collected.files.length, documents: collected.documents });
  const clean = await cleanDocuments(
    () => collected.read(),
    cleaning,
    join(work, 'cleaned.jsonl'),
    (seen) => {
      if (seen % 1000 === 0) tell({ activity: `Cleaning, ${seen} of ${collected.documents} documents` });
    },
  );
  const split = splitDocuments({ ...clean, ...(options.seed === undefined ? {} : { seed: options.seed }) });
  tell({ activity: 'Writing the dataset' });
  const keptByFile = new Map<number, number>();
  return await writeDataset(destination, documentsOf(clean, split.heldOut, keptByFile, signal), () => ({
    name: options.name ?? suggestName(paths),
    duplicates: clean.duplicates,
    source: options.source ?? paths.join(', '),
    origin: options.origin ?? null,
    licence: options.licence ?? null,
    files: filesAfter(collected, clean, keptByFile),
    cleaning: { settings: cleaning, report: clean.report },
    split: split.report,
    version: 1,
    parent: null,
  }));
}

async function* documentsOf(
  clean: CleanDocuments,
  heldOut: Uint8Array,
  keptByFile: Map<number, number>,
  signal?: AbortSignal,
): AsyncGenerator<NewDocument> {
  let place = 0;
  for await (const { content, file } of clean.read()) {
    signal?.throwIfAborted();
    keptByFile.set(file, (keptByFile.get(file) ?? 0) + 1);
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

/** A path that was given and is not there is a slip: nothing is imported, rather than less than was meant. */
async function refuseMissing(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
      throw new StrataError('NOT_FOUND', 'There is no such file or folder; nothing was imported.', { found: path, allowed: READABLE });
    });
  }
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

function suggestName(paths: readonly string[]): string {
  const unpacked = nameUnpacked(basename(paths[0]!));
  const isNamed = formatOf(unpacked) !== null || archiveOf(unpacked) !== null;
  const first = isNamed ? unpacked.slice(0, unpacked.length - extname(unpacked).length) : unpacked;
  return paths.length === 1 ? first || 'dataset' : `${first} and ${paths.length - 1} more`;
}
