import type { MeasurementsAtStep, RunEvent } from '../../../shared/contract/runs.ts';
import { isUnfinished, type MetricPoint, type RunStatus, type RunSummary } from '../../../shared/domain/run.ts';
import { Attempts } from '../../client/attempts.svelte.ts';
import { failureOf } from '../../client/failure.ts';
import type { StudioState } from '../../studio.svelte.ts';
import { route } from '../../ui/route.svelte.ts';
import { RunCourse } from './course.svelte.ts';

/** One run on its page: its summary, its metrics, and what happens while it goes on. */
export class RunState extends Attempts {
  readonly #studio: StudioState;
  readonly #id: string;
  readonly #abort = new AbortController();
  summary = $state.raw<RunSummary | null>(null);
  /** What was recorded of it. */
  readonly course: RunCourse;
  /** Tags in use on any run, to choose from. */
  knownTags = $state.raw<readonly string[]>([]);
  event = $state.raw<RunEvent | null>(null);

  constructor(studio: StudioState, id: string) {
    super();
    this.#studio = studio;
    this.#id = id;
    this.course = new RunCourse(() => studio.client, id);
    void this.#follow();
  }

  get metrics(): readonly MetricPoint[] {
    return this.course.metrics;
  }

  /** Dataset by dataset, step by step. */
  get measurements(): readonly MeasurementsAtStep[] {
    return this.course.measurements;
  }

  /** Ends the following of the run; the run itself goes on. */
  dispose(): void {
    this.#abort.abort();
  }

  /** After the studio was lost for a while: fetches what was missed, and follows what goes on. */
  followAgain(): void {
    this.failure = null;
    void this.#follow();
  }

  async #follow(): Promise<void> {
    try {
      await this.#fetch();
      if (!this.summary || !isUnfinished(this.summary.status)) return;
      let status: RunStatus = this.summary.status;
      const events = await this.#studio.client.runs.watch({ run: this.#id }, { signal: this.#abort.signal });
      for await (const event of events) {
        this.event = event;
        if (event.status !== status) {
          status = event.status;
          await this.#studio.refresh(); // it has left the queue, or its turn has come
        }
        if (await this.course.follow(event)) await this.#fetchSummary();
      }
      await this.#fetch();
      await this.#studio.refresh();
    } catch (error) {
      if (!this.#abort.signal.aborted) this.failure = failureOf(error);
    }
  }

  async #fetch(): Promise<void> {
    await Promise.all([this.#fetchSummary(), this.course.load()]);
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
