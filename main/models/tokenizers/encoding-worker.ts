import { parentPort, workerData } from 'node:worker_threads';
import { StrataError, toStrataError } from '../../../shared/errors.ts';
import { loadTokenizer } from '../tokenizer.ts';
import { type EncodedBatch, encodeBatch, type WorkerAnswer, type WorkerStart, type WorkerTask } from './parallel-encoding.ts';

/** One of the threads of parallel-encoding.ts: encodes batch after batch. */

const port = parentPort!;
const { directory, hash } = workerData as WorkerStart;

try {
  const tokenizer = await loadTokenizer(directory);
  if (tokenizer.hash !== hash) {
    throw new StrataError('CONFLICT', 'The tokenizer was changed while texts were encoded with it.', {
      found: `another tokenizer.json in ${directory}`,
      hint: 'Start again, and leave the model as it is meanwhile.',
      allowed: 'the tokenizer.json with which the encoding began',
    });
  }
  port.on('message', ({ texts }: WorkerTask) => answer(() => encodeBatch(tokenizer, texts)));
  port.postMessage('ready' satisfies WorkerAnswer);
} catch (error) {
  port.postMessage({ error: toStrataError(error).toRecord() } satisfies WorkerAnswer);
}

function answer(encode: () => EncodedBatch): void {
  try {
    const batch = encode();
    port.postMessage(batch satisfies WorkerAnswer, [batch.ids.buffer, batch.lengths.buffer]);
  } catch (error) {
    port.postMessage({ error: toStrataError(error).toRecord() } satisfies WorkerAnswer);
  }
}
