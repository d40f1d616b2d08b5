import { parentPort } from 'node:worker_threads';
import type { RawDocument } from '../raw-document.ts';
import { UnreadableFile } from '../unreadable-file.ts';
import type { ReadingAnswer, ReadingTask } from './threaded.ts';
import { arrowRows } from './arrow-rows.ts';
import { parquetRows } from './parquet-rows.ts';
import { pdfSections } from './pdf-pages.ts';

/** The thread of threaded.ts: documents of one file after the other, a batch each time it is asked. */

const BATCH_DOCUMENTS = 256;

const DOCUMENTS = { parquet: parquetRows, arrow: arrowRows, pdf: pdfSections };

const port = parentPort!;
let documents: AsyncIterator<RawDocument> | null = null;
let notes: string[] = [];

// Libraries leave failures unheard that came after another one, which the file's reader has heard of.
process.on('unhandledRejection', () => undefined);

port.on('message', (task: ReadingTask) => {
  void answerTo(task).then((answer) => port.postMessage(answer));
});

async function answerTo(task: ReadingTask): Promise<ReadingAnswer> {
  try {
    if ('close' in task) {
      await documents?.return?.();
      return { closed: true };
    }
    if ('path' in task) {
      notes = [];
      documents = DOCUMENTS[task.format](task.path, (note) => notes.push(note))[Symbol.asyncIterator]();
    }
    const batch: RawDocument[] = [];
    while (batch.length < BATCH_DOCUMENTS) {
      const next = await documents!.next();
      if (next.done) return { documents: batch, notes, isLast: true };
      batch.push(next.value);
    }
    return { documents: batch, notes: [], isLast: false };
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    return error instanceof UnreadableFile ? { refusal: message } : { fault: { message, code } };
  }
}
