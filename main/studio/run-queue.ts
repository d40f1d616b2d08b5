import { setTimeout as delay } from 'node:timers/promises';
import type { RunSummary } from '../../shared/domain/run.ts';
import { StrataError, toStrataError } from '../../shared/errors.ts';
import { listQueued, moveInQueue } from '../store/run-queue.ts';
import { summaryOf, updateRun } from '../store/runs.ts';
import type { StudioContext } from './context.ts';
import type { Runs } from './runs.ts';

/** How often a process that drives the queue looks whether the device is free. */
const LOOK_INTERVAL_MS = 500;

/**
 * Runs that wait, and what starts them. Any process of a workspace may put runs into the queue; those that {@link drive} it start the next
 * one whenever nothing trains. Which of several gets it is decided by the database, so that no run is started twice.
 */
export class RunQueue {
  readonly #context: StudioContext;
  readonly #runs: Runs;
  readonly #tend: () => void;
  /** One for each that drives. */
  readonly #ends = new Set<AbortController>();
  readonly #driving = new Set<Promise<void>>();

  /** @param tend called at every look, for whoever has to do with runs that train. */
  constructor(context: StudioContext, runs: Runs, tend: () => void = () => undefined) {
    this.#context = context;
    this.#runs = runs;
    this.#tend = tend;
  }

  /** Runs that wait, the next one first. */
  list(): RunSummary[] {
    return listQueued(this.#context.store).map(summaryOf);
  }

  /** Moves a waiting run before another one, or to the end: it then has the priority of its neighbour. */
  move({ run: reference, before }: { run: string; before: string | null }): RunSummary[] {
    const run = this.#waiting(reference);
    const other = before === null ? null : this.#waiting(before);
    if (!moveInQueue(this.#context.store, run.id, other?.id ?? null)) throw notWaiting(this.#runs.show(run.id));
    return this.list();
  }

  /** Of waiting runs, those of a higher priority go first. */
  setPriority({ run: reference, priority }: { run: string; priority: number }): RunSummary[] {
    updateRun(this.#context.store, this.#waiting(reference).id, { priority });
    return this.list();
  }

  #waiting(reference: string): RunSummary {
    const run = this.#runs.show(reference);
    if (run.status !== 'queued') throw notWaiting(run);
    return run;
  }

  /**
   * Starts waiting runs, one after the other, for as long as this process cares to: a host while it serves, a command until its run is through.
   * @returns what ends that; a run that is being trained goes on.
   */
  drive(): () => void {
    const end = new AbortController();
    this.#ends.add(end);
    const driving = this.#work(end.signal).finally(() => {
      this.#ends.delete(end);
      this.#driving.delete(driving);
    });
    this.#driving.add(driving);
    return () => end.abort();
  }

  /**
   * Drives until nothing waits and no run of this process trains.
   * @param onStart told of each run that this process starts.
   * @returns ids of these, in their order.
   */
  async drain(signal: AbortSignal, onStart: (run: RunSummary) => void = () => undefined): Promise<string[]> {
    const started: string[] = [];
    while (!signal.aborted && (this.list().length > 0 || this.#runs.isTraining)) {
      const id = await this.#look();
      if (id !== null) {
        started.push(id);
        onStart(this.#runs.show(id));
      }
      await delay(LOOK_INTERVAL_MS, undefined, { signal }).catch(() => undefined); // aborted: the loop ends
    }
    return started;
  }

  /** Ends driving; waits until what was just being started has been. */
  async close(): Promise<void> {
    for (const end of this.#ends) end.abort();
    await Promise.all(this.#driving);
  }

  async #work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#look();
      } catch (error) {
        this.#context.log(`the queue could not be looked at: ${toStrataError(error).message}`); // a locked database; the next look may succeed
      }
      await delay(LOOK_INTERVAL_MS, undefined, { signal }).catch(() => undefined); // aborted: the loop ends
    }
  }

  /** Starts the next run if the device is free. @returns its id if this process did. */
  async #look(): Promise<string | null> {
    this.#tend();
    if (this.#runs.isDeviceTaken) return null;
    const next = listQueued(this.#context.store)[0];
    return next && (await this.#runs.startQueued(next.id)) ? next.id : null;
  }
}

function notWaiting({ name, status }: RunSummary): StrataError {
  return new StrataError('CONFLICT', 'Only a run that waits in the queue has a place in it.', {
    found: `run "${name}" is ${status}`,
    allowed: 'a run that is queued',
  });
}
