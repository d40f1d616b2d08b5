import type { Line, LineUnit } from '../../../shared/contract/lines.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { words } from '../../../shared/words/words.ts';
import { failureOf } from '../../client/failure.ts';
import { Latest } from '../../client/latest.ts';
import type { StudioState } from '../../studio.svelte.ts';

/** One model's line while its page is open: what is known of it, and the measuring of what is not. */
export class LineState {
  readonly #studio: StudioState;
  readonly #model: string;
  line = $state.raw<Line | null>(null);
  #unit = $state<LineUnit>('nats');
  /** How far the measuring is; null while none goes on. */
  progress = $state.raw<{ activity: string; done: number; of: number } | null>(null);
  failure = $state.raw<ErrorRecord | null>(null);
  #abort: AbortController | null = null;
  readonly #latest = new Latest();

  constructor(studio: StudioState, model: string) {
    this.#studio = studio;
    this.#model = model;
  }

  get unit(): LineUnit {
    return this.#unit;
  }

  set unit(unit: LineUnit) {
    this.#unit = unit;
    void this.load();
  }

  async load(): Promise<void> {
    const signal = this.#latest.next();
    await this.#attempt(async () => {
      const line = await this.#studio.client.lines.show({ model: this.#model, unit: this.#unit });
      if (!signal.aborted) this.line = line;
    });
  }

  /** Measures what is missing. */
  async measure(): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    this.progress = { activity: words('lines.starting'), done: 0, of: 1 };
    await this.#attempt(async () => {
      const events = await this.#studio.client.lines.measure({ model: this.#model, unit: this.#unit }, { signal: abort.signal });
      for await (const { line, ...progress } of events) {
        if (abort.signal.aborted) return;
        if (line) this.line = line;
        else this.progress = progress;
      }
    }, abort.signal);
    if (this.#abort !== abort) return;
    this.#abort = null;
    this.progress = null;
  }

  /** Leaves the measuring off; what was measured stays. */
  stop(): void {
    this.#abort?.abort();
    this.#abort = null;
    this.progress = null;
    void this.load();
  }

  /** Names the model that learned all tasks together; null takes it back. */
  async setJoint(joint: string | null): Promise<void> {
    await this.#attempt(async () => {
      await this.#studio.client.lines.setJoint({ model: this.#model, joint });
      await this.load();
    });
  }

  dispose(): void {
    this.#abort?.abort();
  }

  async #attempt(work: () => Promise<void>, signal?: AbortSignal): Promise<void> {
    this.failure = null;
    try {
      await work();
    } catch (error) {
      if (!signal?.aborted) this.failure = failureOf(error);
    }
  }
}
