import { StrataError } from '../../shared/errors.ts';
import type { JobHandle } from '../training/executor.ts';
import type { SpeechEvent, SpeechRequest } from '../training/speech-messages.ts';
import type { TrainerEvent } from '../training/messages.ts';
import type { StudioContext } from './context.ts';

/** After so long without a request the process is ended, which gives the memory of its models back. */
const IDLE_MS = 60_000;

interface Waiting {
  onEvent: (event: SpeechEvent) => void;
  resolve: (result: unknown) => void;
  reject: (error: unknown) => void;
}

/** A process that answers, and whoever waits for it. */
interface Speaking {
  handle: JobHandle;
  waiting: Map<number, Waiting>;
}

/** Keeps a process that answers requests about text, one for each engine that is asked for, so that a model is loaded once and not for every answer. */
export class Speaker {
  readonly #context: StudioContext;
  readonly #idleMs: number;
  readonly #processes = new Map<string, Speaking>();
  #idle: NodeJS.Timeout | undefined;
  #number = 0;

  constructor(context: StudioContext, idleMs = IDLE_MS) {
    this.#context = context;
    this.#idleMs = idleMs;
  }

  /**
   * Asks, and waits for the result.
   * @param signal takes the request back: the answer ends at its next token.
   * @throws StrataError INTERRUPTED when it was taken back; CRASHED when the process died.
   */
  async ask(
    request: SpeechRequest,
    {
      engine = 'auto',
      onEvent = () => undefined,
      signal,
    }: { engine?: string | undefined; onEvent?: (event: SpeechEvent) => void; signal?: AbortSignal | undefined } = {},
  ): Promise<unknown> {
    if (signal?.aborted) throw takenBack();
    const speaking = this.#process(engine);
    const number = ++this.#number;
    const leave = (): void => {
      speaking.handle.tell({ type: 'leave', number });
      speaking.waiting.get(number)?.reject(takenBack());
    };
    signal?.addEventListener('abort', leave, { once: true });
    clearTimeout(this.#idle);
    try {
      return await new Promise((resolve, reject) => {
        speaking.waiting.set(number, { onEvent, resolve, reject });
        speaking.handle.tell({ type: 'ask', number, request });
      });
    } finally {
      signal?.removeEventListener('abort', leave);
      speaking.waiting.delete(number);
      this.#rest();
    }
  }

  /** Ends every process. */
  async close(): Promise<void> {
    clearTimeout(this.#idle);
    const ending = [...this.#processes.values()];
    this.#processes.clear();
    for (const { handle } of ending) handle.kill();
    await Promise.allSettled(ending.map(({ handle }) => handle.finished));
  }

  #rest(): void {
    if ([...this.#processes.values()].some(({ waiting }) => waiting.size > 0)) return;
    clearTimeout(this.#idle);
    if (this.#processes.size === 0) return;
    this.#idle = setTimeout(() => void this.close(), this.#idleMs);
    this.#idle.unref();
  }

  #process(engine: string): Speaking {
    const present = this.#processes.get(engine);
    if (present) return present;
    const waiting = new Map<number, Waiting>();
    const handle = this.#context.executor.start({ kind: 'speech', engine }, (event) => hear(waiting, event));
    const speaking: Speaking = { handle, waiting };
    this.#processes.set(engine, speaking);
    const end = (error: unknown): void => {
      if (this.#processes.get(engine) === speaking) this.#processes.delete(engine);
      for (const { reject } of waiting.values()) reject(error);
    };
    handle.finished.then(() => end(takenBack()), end);
    return speaking;
  }
}

function hear(waiting: ReadonlyMap<number, Waiting>, event: TrainerEvent): void {
  if (event.type === 'said') waiting.get(event.number)?.onEvent(event.event);
  else if (event.type === 'answered') waiting.get(event.number)?.resolve(event.result);
  else if (event.type === 'refused') waiting.get(event.number)?.reject(StrataError.fromRecord(event.error));
}

function takenBack(): StrataError {
  return new StrataError('INTERRUPTED', 'The answer was stopped.');
}
