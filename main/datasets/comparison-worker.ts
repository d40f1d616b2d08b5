import { parentPort, workerData } from 'node:worker_threads';
import { toStrataError } from '../../shared/errors.ts';
import { checkDatasets } from './checks/check-datasets.ts';
import type { ComparisonAnswer, ComparisonProgress, ComparisonTask } from './comparison.ts';
import { measureDistance } from './distance/measure-distance.ts';

/** The thread of comparison.ts: one comparison, then its end. */

const port = parentPort!;
const tell = (progress: ComparisonProgress): void => port.postMessage({ progress } satisfies ComparisonAnswer);

try {
  port.postMessage({ result: await perform(workerData as ComparisonTask) } satisfies ComparisonAnswer);
} catch (error) {
  port.postMessage({ error: toStrataError(error).toRecord() } satisfies ComparisonAnswer);
}

function perform(task: ComparisonTask): Promise<unknown> {
  switch (task.kind) {
    case 'check':
      return checkDatasets(task.request, tell);
    case 'distance':
      return measureDistance(task.request, (activity) => tell({ activity, done: null, of: null }));
  }
}
