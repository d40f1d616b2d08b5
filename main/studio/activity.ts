import { setTimeout as delay } from 'node:timers/promises';
import type { RunSummary } from '../../shared/domain/run.ts';
import { listQueued, listTraining } from '../store/run-queue.ts';
import { findRun, summaryOf } from '../store/runs.ts';
import type { StudioContext } from './context.ts';
import type { Runs } from './runs.ts';

/** How often is looked. */
const LOOK_INTERVAL_MS = 500;

/** What goes on in a workspace now, as a host shows it outside the pages. */
export interface Activity {
  /** The run that trains; `isOurs` where this process trains it. */
  training: { run: string; name: string; step: number; steps: number; isOurs: boolean } | null;
  /** Runs that wait for it. */
  waiting: number;
}

export type ActivityEvent = { kind: 'now'; activity: Activity } | { kind: 'ended'; run: RunSummary };

/** Use cases of a host that watches over what goes on: for the taskbar, for sleep, for notifications, for closing. */
export class Activities {
  readonly #context: StudioContext;
  readonly #runs: Runs;

  constructor(context: StudioContext, runs: Runs) {
    this.#context = context;
    this.#runs = runs;
  }

  now(): Activity {
    const { store } = this.#context;
    const [training] = listTraining(store);
    const waiting = listQueued(store).length;
    if (!training) return { training: null, waiting };
    const { id, name, stepsDone, configuration } = training;
    return { training: { run: id, name, step: stepsDone, steps: configuration.steps, isOurs: this.#runs.isTraining }, waiting };
  }

  /** Tells what goes on at once and at every change, and of every run that trained and does so no more. */
  async *follow(signal: AbortSignal): AsyncGenerator<ActivityEvent, void> {
    let told = '';
    let trained: string | null = null;
    while (!signal.aborted) {
      this.#runs.markOrphans(); // one whose process is gone does not train
      const activity = this.now();
      const run = activity.training?.run ?? null;
      const ended = trained === null || trained === run ? null : findRun(this.#context.store, trained);
      if (ended) yield { kind: 'ended', run: summaryOf(ended) };
      trained = run;
      const text = JSON.stringify(activity);
      if (text !== told) yield { kind: 'now', activity };
      told = text;
      await delay(LOOK_INTERVAL_MS, undefined, { signal }).catch(() => undefined); // aborted: the loop ends
    }
  }
}
