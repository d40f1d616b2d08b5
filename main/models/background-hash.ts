import { Worker } from 'node:worker_threads';
import { StrataError } from '../../shared/errors.ts';
import { workerEntry } from './worker-entry.ts';

/** Pieces that wait for the thread or are worked on; with one more the caller waits. */
const SLOTS = 4;
/** As long as the pieces in which tensors are read. */
const SLOT_BYTES = 2 ** 22;

/** What the thread is told: where the next bytes lie, or that none follow. */
export type HashTask = { slot: number; length: number } | 'end';
/** What it answers: which slot is free again, or the hash. */
export type HashAnswer = { free: number } | { digest: string };
export interface HashWorkerStart {
  slots: SharedArrayBuffer[];
}

/** The sha256 of bytes as they pass by, on a thread of its own: two hashes of the same bytes take the time of one. */
export class BackgroundHash {
  readonly #slots = Array.from({ length: SLOTS }, () => new SharedArrayBuffer(SLOT_BYTES));
  readonly #free = this.#slots.map((_, index) => index);
  readonly #worker: Worker;
  readonly #digest: Promise<string>;
  #wake: () => void = () => undefined;
  #failure: Error | null = null;

  constructor() {
    this.#worker = new Worker(workerEntry('./hash-worker', import.meta.url), {
      workerData: { slots: this.#slots } satisfies HashWorkerStart,
      execArgv: [], // options of the process may speak of its main script
    });
    this.#digest = new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        this.#failure ??= error;
        this.#wake();
        reject(this.#failure);
      };
      this.#worker.on('message', (answer: HashAnswer) => {
        if ('digest' in answer) resolve(answer.digest);
        else this.#free.push(answer.free);
        this.#wake();
      });
      this.#worker.on('error', fail);
      this.#worker.on('exit', (code) => fail(died(code)));
    });
    this.#digest.catch(() => undefined); // heard by update and digest
  }

  /** Takes a copy of the bytes: they may be overwritten when the promise is kept. Calls must not overlap. */
  async update(bytes: Uint8Array): Promise<void> {
    for (let begin = 0; begin < bytes.length; begin += SLOT_BYTES) {
      while (this.#free.length === 0 && !this.#failure) await new Promise<void>((resolve) => (this.#wake = resolve));
      if (this.#failure) throw this.#failure;
      const slot = this.#free.pop()!;
      const piece = bytes.subarray(begin, begin + SLOT_BYTES);
      new Uint8Array(this.#slots[slot]!).set(piece);
      this.#worker.postMessage({ slot, length: piece.length } satisfies HashTask);
    }
  }

  /** The hash of everything so far, in hexadecimal digits. Nothing may follow. */
  async digest(): Promise<string> {
    this.#worker.postMessage('end' satisfies HashTask);
    return this.#digest.finally(() => this.close());
  }

  /** Ends the thread, whether or not the hash was asked for. */
  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

function died(code: number): StrataError {
  return new StrataError('CRASHED', 'The thread that hashes a file ended.', {
    found: `exit code ${code}`,
    allowed: 'a thread that ends when it is told to',
    hint: 'Do it again; nothing of it was kept. If it repeats, the memory may be full.',
  });
}
