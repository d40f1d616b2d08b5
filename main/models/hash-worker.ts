import { createHash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import type { HashAnswer, HashTask, HashWorkerStart } from './background-hash.ts';

/** The thread of background-hash.ts. */

const port = parentPort!;
const slots = (workerData as HashWorkerStart).slots.map((slot) => new Uint8Array(slot));
const hash = createHash('sha256');

port.on('message', (task: HashTask) => {
  if (task === 'end') {
    port.postMessage({ digest: hash.digest('hex') } satisfies HashAnswer);
    return;
  }
  hash.update(slots[task.slot]!.subarray(0, task.length));
  port.postMessage({ free: task.slot } satisfies HashAnswer);
});
