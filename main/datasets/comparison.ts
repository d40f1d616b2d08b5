import { Worker } from 'node:worker_threads';
import type { DataCheckReport } from '../../shared/domain/data-check.ts';
import { type ErrorRecord, StrataError } from '../../shared/errors.ts';
import { workerEntry } from '../models/worker-entry.ts';
import type { CheckRequest } from './checks/check-datasets.ts';
import type { DistanceRequest, TextDistance } from './distance/measure-distance.ts';

/** What the thread of comparison-worker.ts is asked, and what it answers. */
export type ComparisonTask = { kind: 'check'; request: CheckRequest } | { kind: 'distance'; request: DistanceRequest };
export interface ComparisonProgress {
  activity: string;
  /** Null where nobody counts. */
  done: number | null;
  of: number | null;
}
export type ComparisonAnswer = { progress: ComparisonProgress } | { result: unknown } | { error: ErrorRecord };

export interface ComparisonOptions {
  onProgress?: (progress: ComparisonProgress) => void;
  /** Ends the thread; the promise is then rejected as INTERRUPTED. */
  signal?: AbortSignal;
}

/** `checkDatasets` on a thread of its own: the studio answers meanwhile. */
export function checkInBackground(request: CheckRequest, options: ComparisonOptions = {}): Promise<DataCheckReport> {
  return inBackground({ kind: 'check', request }, options) as Promise<DataCheckReport>;
}

/** `measureDistance` on a thread of its own. */
export function measureInBackground(request: DistanceRequest, options: ComparisonOptions = {}): Promise<TextDistance> {
  return inBackground({ kind: 'distance', request }, options) as Promise<TextDistance>;
}

async function inBackground(task: ComparisonTask, { onProgress = () => undefined, signal }: ComparisonOptions): Promise<unknown> {
  if (signal?.aborted) throw interrupted();
  const worker = new Worker(workerEntry('./comparison-worker', import.meta.url), {
    workerData: task,
    execArgv: [], // options of the process may speak of its main script
  });
  let stop = (): void => undefined;
  try {
    return await new Promise<unknown>((resolve, reject) => {
      stop = () => reject(interrupted());
      signal?.addEventListener('abort', stop, { once: true });
      worker.on('message', (answer: ComparisonAnswer) => {
        if ('progress' in answer) onProgress(answer.progress);
        else if ('error' in answer) reject(StrataError.fromRecord(answer.error));
        else resolve(answer.result);
      });
      worker.on('error', reject);
      worker.on('exit', (code) =>
        reject(new StrataError('CRASHED', 'The thread that compares datasets ended.', { found: `exit code ${code}` })),
      );
    });
  } finally {
    signal?.removeEventListener('abort', stop);
    await worker.terminate();
  }
}

function interrupted(): StrataError {
  return new StrataError('INTERRUPTED', 'The comparison was left off.');
}
