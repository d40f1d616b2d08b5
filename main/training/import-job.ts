import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type DatasetManifest, MANIFEST_FILE, readManifest } from '../datasets/dataset-manifest.ts';
import { countFiles, type DatasetSummary, summaryOf } from '../datasets/dataset-summary.ts';
import { importDataset } from '../datasets/import-dataset.ts';
import type { ImportProgress } from '../datasets/import/import-meter.ts';
import type { ImportJob, TrainerEvent } from './messages.ts';

/** Progress is told at most so often. */
const TOLD_EVERY_MS = 150;

export interface ImportedDataset {
  summary: DatasetSummary;
  /** Files in all, and how many became what, in words. */
  files: number;
  counts: string;
}

/**
 * Reads files into a dataset folder, in a process of its own: a parser that hangs or fills memory takes nothing else with it.
 * @throws StrataError as {@link importDataset}.
 */
export async function importFiles(job: ImportJob, emit: (event: TrainerEvent) => void, signal: AbortSignal): Promise<ImportedDataset> {
  const { kind: _, paths, destination, ...options } = job;
  let toldAt = -Infinity;
  const onProgress = (progress: ImportProgress): void => {
    const now = performance.now();
    if (now - toldAt < TOLD_EVERY_MS) return;
    toldAt = now;
    emit({ type: 'import', progress });
  };
  // The folder has its name when all was done: then an earlier process died before it could say so.
  const isDone = existsSync(join(destination, MANIFEST_FILE));
  const manifest: DatasetManifest = isDone
    ? await readManifest(destination)
    : await importDataset(paths, destination, { ...options, resume: true, signal, onProgress });
  return { summary: summaryOf(manifest), files: manifest.files.length, counts: countFiles(manifest.files) };
}
