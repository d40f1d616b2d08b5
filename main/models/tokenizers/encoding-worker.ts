import { parentPort, workerData } from 'node:worker_threads';
import { StrataError, toStrataError } from '../../../shared/errors.ts';
import { loadContentEncoder } from '../content-encoder.ts';
import { type EncodedBatch, encodeBatch, type WorkerAnswer, type WorkerStart, type WorkerTask } from './parallel-encoding.ts';

/** One of the threads of parallel-encoding.ts: encodes batch after batch. */

const port = parentPort!;
const { directory, hash, rendering } = workerData as WorkerStart;

try {
  const encoder = await loadContentEncoder(directory, rendering);
  if (encoder.hash !== hash) {
    throw new StrataError('CONFLICT', 'The tokenizer was changed while texts were encoded with it.', {
      found: `another tokenizer.json or chat template in ${directory}`,
      hint: 'Start again, and leave the model as it is meanwhile.',
      allowed: 'the tokenizer.json with which the encoding began',
    });
  }
  port.on('message', ({ contents }: WorkerTask) => answer(() => encodeBatch(encoder, contents)));
  port.postMessage('ready' satisfies WorkerAnswer);
} catch (error) {
  port.postMessage({ error: toStrataError(error).toRecord() } satisfies WorkerAnswer);
}

function answer(encode: () => EncodedBatch): void {
  try {
    const batch = encode();
    const moved = [batch.ids, batch.lengths, batch.isMasked, ...(batch.learned ? [batch.learned] : [])].map(({ buffer }) => buffer);
    port.postMessage(batch satisfies WorkerAnswer, moved);
  } catch (error) {
    port.postMessage({ error: toStrataError(error).toRecord() } satisfies WorkerAnswer);
  }
}
