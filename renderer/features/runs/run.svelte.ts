import type { MeasurementsAtStep, RunEvent } from '../../../shared/contract/runs.ts';
import { isUnfinished, type MetricPoint, type RunStatus, type RunSummary } from '../../../shared/domain/run.ts';
import { Attempts } from '../../client/attempts.svelte.ts';
import { failureOf } from '../../client/failure.ts';
import type { StudioState } from '../../studio.svelte.ts';
import { route } from '../../ui/route.svelte.ts';

/** One run on its page: its summary, its metrics, and what happens while it goes on. */
export class RunState extends Attempts {
  readonly #studio: StudioState;
  readonly #id: string;
  readonly #abort = new AbortController();
  summary = $state.raw<RunSummary | null>(null);
  metrics = $state.raw<MetricPoint[]>([]);
  /** Dataset by dataset, step by step. */
  measurements = $state.raw<MeasurementsAtStep[]>([]);
  /** Tags in use on any run, to choose from. */
  knownTags = $state.raw<readonly string[]>([]);
  event = $state.raw<RunEvent | null>(null);

  constructor(studio: StudioState, id: string) {
    super();
    this.#studio = studio;
    this.#id = id;
    void this.#follow();
  }

  /** Ends the following of the run; the run itself goes on. */
  dispose(): void {
    this.#abort.abort();
  }

  async #follow(): Promise<void> {
    try {
      await this.#fetch();
      if (!this.summary || !isUnfinished(this.summary.status)) return;
      let status: RunStatus = this.summary.status;
      let measured = -1;
      const events = await this.#studio.client.runs.watch({ run: this.#id }, { signal: this.#abort.signal });
      for await (const event of events) {
        this.event = event;
        if (event.status !== status) {
          status = event.status;
          await this.#studio.refresh(); // it has left the queue, or its turn has come
        }
        if (event.evaluationStep !== null && event.evaluationStep !== measured) {
          measured = event.evaluationStep;
          await this.#fetch();
        }
      }
      await this.#fetch();
      await this.#studio.refresh();
    } catch (error) {
      if (!this.#abort.signal.aborted) this.failure = failureOf(error);
    }
  }

  async #fetch(): Promise<void> {
    const run = this.#id;
    await this.#fetchSummary();
    this.measurements = await this.#studio.client.runs.measurements({ run });
    this.metrics = await this.#studio.client.runs.metrics({ run, series: ['loss.new', 'loss.old', 'drift', 'loss.train'] });
  }

  async #fetchSummary(): Promise<void> {
    this.summary = await this.#studio.client.runs.show({ run: this.#id });
    route.itemTitle = this.summary.name;
  }

  /** Its marks, shelf and status as they are now; a run that is gone stays as it was shown. */
  async reload(): Promise<void> {
    try {
      const { tags } = await this.#studio.client.runs.search({ count: 1 });
      this.knownTags = tags.map(({ tag }) => tag);
      await this.#fetchSummary();
    } catch (error) {
      if (!this.#abort.signal.aborted && this.summary) this.failure = failureOf(error);
    }
  }

  /** Pause, resume or stop; following goes on where the run does. */
  async ask(what: 'pause' | 'resume' | 'stop'): Promise<void> {
    await this.attempt(async () => {
      this.summary = await this.#studio.client.runs[what]({ run: this.#id });
      await this.#studio.refresh();
      if (what === 'resume') void this.#follow();
    });
  }

  async rename(name: string): Promise<void> {
    await this.attempt(async () => {
      this.summary = await this.#studio.client.runs.rename({ run: this.#id, name });
      await this.#studio.refresh();
    });
  }

  async writeNote(note: string): Promise<void> {
    await this.attempt(async () => {
      this.summary = await this.#studio.client.runs.note({ run: this.#id, note });
    });
  }
}
