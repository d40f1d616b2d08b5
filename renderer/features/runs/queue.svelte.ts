import type { RunSummary } from '../../../shared/domain/run.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { words } from '../../../shared/words/words.ts';
import { failureOf } from '../../client/failure.ts';
import type { StudioState } from '../../studio.svelte.ts';
import type { ToastsState } from '../../ui/toasts.svelte.ts';
import { droppedPlace, neighbourPlace } from './queue-order.ts';
import type { NamedRun } from './run-actions.svelte.ts';

/** What can be done with the run that trains, with those that wait for it, and with those that were paused. */
export class QueueState {
  readonly #studio: StudioState;
  readonly #toasts: ToastsState;
  failure = $state.raw<ErrorRecord | null>(null);
  /** The run that something is being done with. */
  busy = $state<string | null>(null);
  /** The one that is being dragged. */
  dragged = $state<string | null>(null);

  constructor(studio: StudioState, toasts: ToastsState) {
    this.#studio = studio;
    this.#toasts = toasts;
  }

  get ids(): string[] {
    return this.#studio.queue.map(({ id }) => id);
  }

  /** Whether there is anything to show. */
  get isEmpty(): boolean {
    const { activeRun, queue, pausedRuns } = this.#studio;
    return activeRun === null && queue.length === 0 && pausedRuns.length === 0;
  }

  shift(run: string, direction: 'up' | 'down'): Promise<void> {
    return this.#move(run, neighbourPlace(this.ids, run, direction));
  }

  /** Lets go what is dragged over another one. */
  async drop(onto: string): Promise<void> {
    const { dragged } = this;
    this.dragged = null;
    if (dragged !== null) await this.#move(dragged, droppedPlace(this.ids, dragged, onto));
  }

  async #move(run: string, before: string | null | undefined): Promise<void> {
    if (before === undefined) return;
    await this.#attempt(run, async () => this.#take(await this.#studio.client.queue.move({ run, before })));
  }

  async setPriority(run: string, priority: number): Promise<void> {
    await this.#attempt(run, async () => this.#take(await this.#studio.client.queue.setPriority({ run, priority })));
  }

  /** Shown at once; the other lists follow. */
  #take(queue: readonly RunSummary[]): void {
    this.#studio.queue = queue;
  }

  /** What trains gives its memory back; what waits is put aside. */
  async pause({ id, name }: NamedRun): Promise<void> {
    await this.#attempt(id, async () => {
      await this.#studio.client.runs.pause({ run: id });
      this.#toasts.show(words('runs.pausedNow', { run: name }), { label: words('runs.resume'), run: () => void this.resume({ id, name }) });
    });
  }

  async resume({ id }: NamedRun): Promise<void> {
    await this.#attempt(id, async () => void (await this.#studio.client.runs.resume({ run: id })));
  }

  /** Takes a run that waits out for good: it stays in the history, from where it can be cloned. */
  async remove({ id, name }: NamedRun): Promise<void> {
    await this.#attempt(id, async () => {
      await this.#studio.client.runs.stop({ run: id });
      this.#toasts.show(words('runs.takenOut', { run: name }));
    });
  }

  async #attempt(run: string, work: () => Promise<void>): Promise<void> {
    this.busy = run;
    this.failure = null;
    try {
      await work();
    } catch (error) {
      this.failure = failureOf(error);
    } finally {
      this.busy = null;
      await this.#studio.refresh();
    }
  }
}
