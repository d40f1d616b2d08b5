import { availableParallelism } from 'node:os';
import { type ResourceLimits, Worker } from 'node:worker_threads';
import { type Content, plainTextOf } from '../../../shared/domain/content.ts';
import type { Rendering } from '../../../shared/domain/rendering.ts';
import { type ErrorRecord, StrataError } from '../../../shared/errors.ts';
import { UnusableDocument } from '../unusable-document.ts';
import { workerEntry } from '../worker-entry.ts';

/** A document's ids, as token shards take them. */
export interface EncodedContent {
  ids: readonly number[] | Int32Array;
  /** 1 for each id that is to be learned, 0 for one that is only read; absent: all are learned. */
  learned?: Uint8Array;
}

/** What encodes one document; a thread has its own. */
interface DocumentEncoder {
  encode(content: Content): EncodedContent;
}

/** Ids of several documents, one after the other, as threads hand them over. */
export interface EncodedBatch {
  ids: Int32Array<ArrayBuffer>;
  /** Ids of each document. */
  lengths: Int32Array<ArrayBuffer>;
  /** Which ids are learned, and of which documents that is said; null where all of the batch are. */
  learned: Uint8Array<ArrayBuffer> | null;
  isMasked: Uint8Array<ArrayBuffer>;
  /** Why documents have no ids, by their place in the batch. */
  refused: Map<number, ErrorRecord>;
}

export interface WorkerStart {
  /** Folder of the model, and the hash that its encoder must have. */
  directory: string;
  hash: string;
  rendering: Rendering;
}
export interface WorkerTask {
  contents: readonly Content[];
}
export type WorkerAnswer = 'ready' | EncodedBatch | { error: ErrorRecord };

/** Fewer characters are encoded before threads have started. */
const WORTH_THREADS = 4_000_000;
/** Characters of a batch; a longer document is a batch of its own. */
const BATCH_CHARACTERS = 250_000;
const MOST_THREADS = 16;
/** A longer document goes to a thread that may take the memory it needs. */
const LONGEST_FOR_ALL = 8_000_000;
/**
 * Left alone, V8 lets each thread's heap grow to 250 MB of garbage before it cleans up. With these limits two threads take 420 MB in place of 740,
 * and no more time.
 */
const THREAD_LIMITS: ResourceLimits = { maxYoungGenerationSizeMb: 24, maxOldGenerationSizeMb: 1024 };
/** Batches that wait or are worked on, for each thread: no thread idles, and memory stays bounded. */
const BATCHES_PER_THREAD = 2;

export interface ParallelOptions {
  /** Threads, by default one for each core. */
  threads?: number;
  /** Characters from which on threads are started. */
  worthThreads?: number;
  /** Hears of a document that cannot be encoded, by its place in the order, and why; it is left out. Without it the first one ends the iteration. */
  onRefused?: (place: number, error: ErrorRecord) => void;
}

export function encodeBatch(encoder: DocumentEncoder, contents: readonly Content[]): EncodedBatch {
  const refused: EncodedBatch['refused'] = new Map();
  const encoded = contents.map((content, place): EncodedContent => {
    try {
      return encoder.encode(content);
    } catch (error) {
      if (!(error instanceof UnusableDocument)) throw error;
      refused.set(place, error.toRecord());
      return { ids: [] };
    }
  });
  const lengths = Int32Array.from(encoded, ({ ids }) => ids.length);
  const isMasked = Uint8Array.from(encoded, ({ learned }) => (learned ? 1 : 0));
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const ids = new Int32Array(tokens);
  const learned = isMasked.includes(1) ? new Uint8Array(tokens) : null;
  let offset = 0;
  for (const each of encoded) {
    ids.set(each.ids, offset);
    if (each.learned) learned!.set(each.learned, offset);
    offset += each.ids.length;
  }
  return { ids, lengths, learned, isMasked, refused };
}

/**
 * Ids of each document in the documents' order, the same as of one after the other: computed here while there are few, by threads once there are
 * many. Threads end with the iteration, however it ends.
 * @throws StrataError as the encoder itself; CRASHED when a thread dies.
 */
export async function* encodeInParallel(
  encoder: DocumentEncoder,
  start: WorkerStart,
  contents: AsyncIterable<Content>,
  { threads = Math.min(availableParallelism(), MOST_THREADS), worthThreads = WORTH_THREADS, onRefused }: ParallelOptions = {},
): AsyncGenerator<EncodedContent> {
  let crew: Crew | null = null;
  let single: Crew | null = null;
  let place = 0;
  const usable = function* (batch: EncodedBatch): Generator<EncodedContent> {
    const first = place;
    place += batch.lengths.length;
    yield* documentsOf(batch, first, onRefused);
  };
  const pending: (Promise<EncodedBatch> | EncodedBatch)[] = [];
  let characters = 0;
  try {
    for await (const batch of batchesOf(contents)) {
      characters += batch.characters;
      if (!crew && !single && (threads < 2 || characters < worthThreads)) {
        yield* usable(encodeBatch(encoder, batch.contents));
        continue;
      }
      if (batch.characters > LONGEST_FOR_ALL) {
        single ??= new Crew(1, start, {});
        pending.push(single.encode(batch.contents));
      } else {
        crew ??= new Crew(threads, start, THREAD_LIMITS);
        pending.push(crew.encode(batch.contents));
      }
      if (pending.length >= threads * BATCHES_PER_THREAD) yield* usable(await pending.shift()!);
    }
    while (pending.length > 0) yield* usable(await pending.shift()!);
  } finally {
    await Promise.all([crew?.dismiss(), single?.dismiss()]);
  }
}

async function* batchesOf(contents: AsyncIterable<Content>): AsyncGenerator<{ contents: Content[]; characters: number }> {
  let batch: Content[] = [];
  let characters = 0;
  for await (const content of contents) {
    batch.push(content);
    characters += plainTextOf(content).length;
    if (characters < BATCH_CHARACTERS) continue;
    yield { contents: batch, characters };
    [batch, characters] = [[], 0];
  }
  if (batch.length > 0) yield { contents: batch, characters };
}

/** @param first place of the batch's first document in the order of all. */
function* documentsOf(
  { ids, lengths, learned, isMasked, refused }: EncodedBatch,
  first: number,
  onRefused: ParallelOptions['onRefused'],
): Generator<EncodedContent> {
  let begin = 0;
  for (const [index, length] of lengths.entries()) {
    const error = refused.get(index);
    if (error) {
      if (!onRefused) throw StrataError.fromRecord(error);
      onRefused(first + index, error);
      continue;
    }
    const end = begin + length;
    yield { ids: ids.subarray(begin, end), ...(isMasked[index] === 1 && { learned: learned!.subarray(begin, end) }) };
    begin = end;
  }
}

interface Task {
  contents: readonly Content[];
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

  constructor(threads: number, start: WorkerStart, resourceLimits: ResourceLimits) {
    this.#workers = Array.from({ length: threads }, () => {
      const worker = new Worker(workerEntry('./encoding-worker', import.meta.url), { workerData: start, resourceLimits });
      worker.on('message', (answer: WorkerAnswer) => this.#hear(worker, answer));
      worker.on('error', (error) => this.#fail(error));
      worker.on('exit', (code) => this.#fail(died(code)));
      return worker;
    });
  }

  encode(contents: readonly Content[]): Promise<EncodedBatch> {
    const result = new Promise<EncodedBatch>((resolve, reject) => {
      if (this.#failure) reject(this.#failure);
      else this.#waiting.push({ contents, resolve, reject });
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
      worker.postMessage({ contents: task.contents } satisfies WorkerTask);
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
