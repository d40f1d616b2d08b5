import { parentPort, workerData } from 'node:worker_threads';
import { toStrataError } from '../../../shared/errors.ts';
import type { InspectAnswer, InspectTask } from './inspect-in-background.ts';
import { inspectSources } from './inspect-sources.ts';

/** The thread of inspect-in-background.ts: one look, then its end. */

const { paths, mappings } = workerData as InspectTask;
const answer: InspectAnswer = await inspectSources(paths, mappings).then(
  (result) => ({ result }),
  (error: unknown) => ({ error: toStrataError(error).toRecord() }),
);
parentPort!.postMessage(answer);
