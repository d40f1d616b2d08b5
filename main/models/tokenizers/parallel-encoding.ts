import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { type ErrorRecord, StrataError } from '../../../shared/errors.ts';
import { workerEntry } from '../worker-entry.ts';

/** What encodes one text; a thread has its own. */
interface DocumentEncoder {
  encodeDocument(text: string): number[];
}

/** Ids of several texts, one after the other, as threads hand them over. */
export interface EncodedBatch {
  ids: Int32Array<ArrayBuffer>;
  /** Ids of each text. */
  lengths: Int32Array<ArrayBuffer>;
}

export interface WorkerStart {
  /** Folder of the tokenizer, and the hash that it must have. */
  directory: string;
  hash: string;
}
export interface WorkerTask {
  texts: readonly string[];
}
export type WorkerAnswer = 'ready' | EncodedBatch | { error: ErrorRecord };

/** Fewer characters are encoded before threads have started. */
const WORTH_THREADS = 4_000_000;
/** Characters of a batch; a longer text is a batch of its own. */
const BATCH_CHARACTERS = 250_000;
const MOST_THREADS = 16;
/** Batches that wait or are worked on, for each thread: no thread idles, and memory stays bounded. */
const BATCHES_PER_THREAD = 2;

export interface ParallelOptions {
  /** Threads, by default one for each core. */
  threads?: number;
  /** Characters from which on threads are started. */
  worthThreads?: number;
}

export function encodeBatch(encoder: DocumentEncoder, texts: readonly string[]): EncodedBatch {
  const encoded = texts.map((text) => encoder.encodeDocument(text));
  const lengths = Int32Array.from(encoded, ({ length }) => length);
  const ids = new Int32Array(lengths.reduce((sum, length) => sum + length, 0));
  let offset = 0;
  for (const each of encoded) {
    ids.set(each, offset);
    offset += each.length;
  }
  return { ids, lengths };
}

/**
 * Ids of each text in the texts' order, the same as of one after the other: computed here while there are few, by threads once there are
 * many. Threads end with the iteration, however it ends.
 * @throws StrataError as the tokenizer itself; CRASHED when a thread dies.
 */
export async function* encodeInParallel(
  encoder: DocumentEncoder,
  start: WorkerStart,
  texts: AsyncIterable<string>,
  { threads = Math.min(availableParallelism(), MOST_THREADS), worthThreads = WORTH_THREADS }: ParallelOptions = {},
): AsyncGenerator<Int32Array> {
  let crew: Crew | null = null;
  const pending: (Promise<EncodedBatch> | EncodedBatch)[] = [];
  let characters = 0;
  try {
    for await (const batch of batchesOf(texts)) {
      characters += batch.reduce((sum, text) => sum + text.length, 0);
      if (!crew && (threads < 2 || characters < worthThreads)) {
        yield* textsOf(encodeBatch(encoder, batch));
        continue;
      }
      crew ??= new Crew(threads, start);
      pending.push(crew.encode(batch));
      if (pending.length >= threads * BATCHES_PER_THREAD) yield* textsOf(await pending.shift()!);
    }
    while (pending.length > 0) yield* textsOf(await pending.shift()!);
  } finally {
    await crew?.dismiss();
  }
}

async function* batchesOf(texts: AsyncIterable<string>): AsyncGenerator<string[]> {
  let batch: string[] = [];
  let characters = 0;
  for await (const text of texts) {
    batch.push(text);
    characters += text.length;
    if (characters < BATCH_CHARACTERS) continue;
    yield batch;
    [batch, characters] = [[], 0];
  }
  if (batch.length > 0) yield batch;
}

function* textsOf({ ids, lengths }: EncodedBatch): Generator<Int32Array> {
  let begin = 0;
  for (const length of lengths) yield ids.subarray(begin, (begin += length));
}

interface Task {
  texts: readonly string[];
  resolve: (batch: EncodedBatch) => void;
  reject: (error: Error) => void;
}

/** Threads, each with one batch at a time; a batch waits until one is free. */
class Crew {
  readonly #workers: Worker[];
  readonly #waiting: Task[] = [];
  readonly #idle: Worker[] = [];
  readonly #busy = new Map<Worker, Task>();
  #failure: Error | null = null;

  constructor(threads: number, start: WorkerStart) {
    this.#workers = Array.from({ length: threads }, () => {
      const worker = new Worker(workerEntry('./encoding-worker', import.meta.url), { workerData: start });
      worker.on('message', (answer: WorkerAnswer) => this.#hear(worker, answer));
      worker.on('error', (error) => this.#fail(error));
      worker.on('exit', (code) => this.#fail(died(code)));
      return worker;
    });
  }

  encode(texts: readonly string[]): Promise<EncodedBatch> {
    const result = new Promise<EncodedBatch>((resolve, reject) => {
      if (this.#failure) reject(this.#failure);
      else this.#waiting.push({ texts, resolve, reject });
    });
    result.catch(() => undefined); // heard when its turn comes, or never when the iteration ended before
    this.#handOut();
    return result;
  }

  async dismiss(): Promise<void> {
    this.#failure ??= new StrataError('INTERRUPTED', 'Encoding was ended.');
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #hear(worker: Worker, answer: WorkerAnswer): void {
    if (answer !== 'ready' && 'error' in answer) {
      this.#fail(StrataError.fromRecord(answer.error));
      return;
    }
    if (answer !== 'ready') this.#busy.get(worker)?.resolve(answer);
    this.#busy.delete(worker);
    this.#idle.push(worker);
    this.#handOut();
  }

  #handOut(): void {
    while (this.#idle.length > 0 && this.#waiting.length > 0) {
      const [worker, task] = [this.#idle.pop()!, this.#waiting.shift()!];
      this.#busy.set(worker, task);
      worker.postMessage({ texts: task.texts } satisfies WorkerTask);
    }
  }

  /** The first failure is that of everything that still waits. */
  #fail(error: Error): void {
    this.#failure ??= error;
    for (const task of [...this.#busy.values(), ...this.#waiting.splice(0)]) task.reject(this.#failure);
    this.#busy.clear();
  }
}

function died(code: number): StrataError {
  return new StrataError('CRASHED', 'A thread that encodes texts ended.', {
    found: `exit code ${code}`,
    allowed: 'threads that run until all texts are encoded',
    hint: 'The machine may be out of memory: close other programs, then start it again.',
  });
}
