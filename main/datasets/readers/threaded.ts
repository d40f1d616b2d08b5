import { Worker } from 'node:worker_threads';
import { workerEntry } from '../../models/worker-entry.ts';
import type { RawDocument } from '../raw-document.ts';
import { UnreadableFile } from '../unreadable-file.ts';
import type { Reader } from './reader.ts';

/**
 * Columns and pages are decoded on a thread, because nothing stops their libraries where a damaged length sends them round in a circle or lets
 * them fill memory, and a failure that they leave unheard ends a process: a thread can be ended, and its memory has a limit.
 */

interface Batch {
  documents: RawDocument[];
  notes: string[];
  isLast: boolean;
}
export type ThreadedFormat = 'parquet' | 'arrow' | 'pdf';
/** What the thread is told: to begin with a file, to go on, or to leave the file. */
export type ReadingTask = { path: string; format: ThreadedFormat } | { next: true } | { close: true };
/** What it answers; `fault` is an error of the machine. */
export type ReadingAnswer = Batch | { refusal: string } | { fault: { message: string; code: string | undefined } } | { closed: true };

/** A batch takes a second on a slow disk; after this long nothing will come any more. */
const STALL_MS = 120_000;
/** Rows of one part, or a PDF file, and what is made of them. */
const MAX_HEAP_MB = 1024;

/** One thread waits for the next file: to start one takes longer than to read a small file. */
let idle: ReadingThread | null = null;

/**
 * The rows of a Parquet file, or of an Arrow file (Feather is one) or stream; the pages of a PDF file.
 * @param stallMs after so long without a batch the file is given up.
 */
export function threadedReader(format: ThreadedFormat, stallMs: number = STALL_MS): Reader {
  return async function* (file, note) {
    const { path, release } = await file.onDisk();
    const thread = idle?.isAlive ? idle : new ReadingThread();
    idle = null;
    try {
      let answer = thread.ask({ path, format }, stallMs);
      for (;;) {
        const { documents, notes, isLast } = await answer;
        if (!isLast) {
          answer = thread.ask({ next: true }, stallMs);
          answer.catch(() => undefined); // heard by the next round, unless the reader stops before
        }
        yield* documents;
        notes.forEach(note);
        if (isLast) break;
      }
    } finally {
      await thread.leave(stallMs);
      if (idle === null && thread.isAlive) idle = thread;
      else thread.end();
      await release();
    }
  };
}

export const readParquet: Reader = threadedReader('parquet');
export const readArrow: Reader = threadedReader('arrow');
export const readPdf: Reader = threadedReader('pdf');

class ReadingThread {
  isAlive = true;
  readonly #worker = new Worker(workerEntry('./reading-worker', import.meta.url), {
    execArgv: [], // options of the process may speak of its main script
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
  });
  /** Ends the wait for an answer. Answers come in the order of questions, and there is never more than one. */
  #settle: ((answer: ReadingAnswer | Error) => void) | null = null;
  #waiting: Promise<unknown> = Promise.resolve();

  constructor() {
    this.#worker.unref(); // an idle thread keeps no process alive
    this.#worker.on('message', (answer: ReadingAnswer) => this.#settle?.(answer));
    this.#worker.on('error', (error: NodeJS.ErrnoException) => this.#lose(refusalOfCrash(error)));
    this.#worker.on('exit', () => this.#lose(new UnreadableFile('It is not intact: its reader ended.')));
  }

  /** @throws UnreadableFile for the file's faults and when nothing comes in time; the machine's error itself. */
  ask(task: ReadingTask, stallMs: number): Promise<Batch> {
    const answer = this.#answerTo(task, stallMs).then((found) => {
      if ('documents' in found) return found;
      if ('refusal' in found) throw new UnreadableFile(found.refusal);
      throw 'fault' in found ? Object.assign(new Error(found.fault.message), { code: found.fault.code }) : new Error('The file was left.');
    });
    this.#waiting = answer.catch(() => undefined);
    return answer;
  }

  /** Makes the thread close its file, once it has answered. */
  async leave(stallMs: number): Promise<void> {
    await this.#waiting;
    if (this.isAlive) await this.#answerTo({ close: true }, stallMs).catch(() => this.end());
  }

  end(): void {
    this.isAlive = false;
    void this.#worker.terminate();
  }

  #answerTo(task: ReadingTask, stallMs: number): Promise<ReadingAnswer> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#lose(new UnreadableFile(`Nothing could be decoded of it for ${stallMs / 1000} seconds: it is damaged. Write it again.`));
      }, stallMs);
      this.#worker.ref();
      this.#settle = (answer) => {
        clearTimeout(timer);
        this.#settle = null;
        this.#worker.unref();
        if (answer instanceof Error) reject(answer);
        else resolve(answer);
      };
      this.#worker.postMessage(task);
    });
  }

  #lose(error: Error): void {
    this.end();
    this.#settle?.(error);
  }
}

function refusalOfCrash({ code, message }: NodeJS.ErrnoException): Error {
  if (code === 'ERR_WORKER_OUT_OF_MEMORY')
    return new UnreadableFile(
      'It needs more memory than a reader may have. Split it, or write it again with smaller row groups or batches.',
    );
  return new UnreadableFile(`It is not intact (${message}).`);
}
