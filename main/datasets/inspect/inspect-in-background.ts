import { Worker } from 'node:worker_threads';
import type { ChosenMapping, Inspection } from '../../../shared/contract/dataset-import.ts';
import { type ErrorRecord, StrataError } from '../../../shared/errors.ts';
import { workerEntry } from '../../models/worker-entry.ts';

/** What the thread of inspect-worker.ts is asked, and what it answers. */
export interface InspectTask {
  paths: string[];
  mappings: ChosenMapping[];
}
export type InspectAnswer = { result: Inspection } | { error: ErrorRecord };

/** The inspection itself ends after two seconds; a thread that has not answered by then hangs in a file. */
const LIMIT_MS = 20_000;
/** Rows of a few files are in memory at once. */
const MAX_HEAP_MB = 1024;

/**
 * `inspectSources` on a thread of its own, which is ended when a file hangs its reader: nothing but the answer is lost by it. A thread answers
 * in an eighth of a second, a process would in a third.
 * @throws StrataError as {@link inspectSources}; BAD_INPUT when a file hangs its reader or needs too much memory; INTERRUPTED by the signal.
 */
export async function inspectInBackground(
  task: InspectTask,
  { signal, limitMs = LIMIT_MS }: { signal?: AbortSignal; limitMs?: number } = {},
): Promise<Inspection> {
  if (signal?.aborted) throw interrupted();
  const worker = new Worker(workerEntry('./inspect-worker', import.meta.url), {
    workerData: task,
    execArgv: [], // options of the process may speak of its main script
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
  });
  let stop = (): void => undefined;
  let limit: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Inspection>((resolve, reject) => {
      stop = () => reject(interrupted());
      signal?.addEventListener('abort', stop, { once: true });
      limit = setTimeout(() => reject(notLookedAt(`nothing came for ${limitMs / 1000} seconds`)), limitMs);
      worker.on('message', (answer: InspectAnswer) => {
        if ('error' in answer) reject(StrataError.fromRecord(answer.error));
        else resolve(answer.result);
      });
      worker.on('error', (error: NodeJS.ErrnoException) => reject(notLookedAt(error.message)));
      worker.on('exit', (code) => reject(notLookedAt(`its thread ended with exit code ${code}`)));
    });
  } finally {
    clearTimeout(limit);
    signal?.removeEventListener('abort', stop);
    await worker.terminate();
  }
}

function notLookedAt(found: string): StrataError {
  return new StrataError('BAD_INPUT', 'The files could not be looked at.', {
    found,
    allowed: 'files whose beginning can be read',
    hint: 'Import them without looking: a file that cannot be read is left out and named. Or choose fewer of them.',
  });
}

function interrupted(): StrataError {
  return new StrataError('INTERRUPTED', 'The files were no longer looked at.');
}
