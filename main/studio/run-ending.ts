import { setTimeout as delay } from 'node:timers/promises';
import { isUnfinished, type RunStatus } from '../../shared/domain/run.ts';
import { StrataError } from '../../shared/errors.ts';
import { changeOwner, type StoredRun, updateRun } from '../store/runs.ts';
import { now, type StudioContext } from './context.ts';
import { findStoredRun } from './find-run.ts';
import type { RunOwners } from './run-owners.ts';

/** How often a run that was asked to end is looked at. */
const LOOK_INTERVAL_MS = 200;
/** How long a pause or stop may take: a step, a measurement and a checkpoint. */
const CONTROL_TIMEOUT_MS = 10 * 60_000;

/** Of a run that trains. */
export const GOING_ON: readonly RunStatus[] = ['preparing', 'running'];

/** How a run is paused or ended early, whoever trains it. */
export class RunEnding {
  readonly #context: StudioContext;
  readonly #owners: RunOwners;

  constructor(context: StudioContext, owners: RunOwners) {
    this.#context = context;
    this.#owners = owners;
  }

  /**
   * Asks for a pause or a stop and waits until the run has ended. A run that waits leaves the queue.
   * @returns its id.
   * @throws StrataError CONFLICT when it neither trains nor waits.
   */
  async ask(reference: string, control: 'pause' | 'stop'): Promise<string> {
    this.#owners.markOrphans();
    const asked = this.#find(reference);
    if (this.#leaveQueue(asked, control)) return asked.id;
    const { id, status, name } = this.#find(reference); // it may have left the queue to be trained
    if (!GOING_ON.includes(status)) {
      throw new StrataError('CONFLICT', `The run cannot be asked to ${control}: it is not training.`, {
        found: `run "${name}" is ${status}`,
        allowed: 'a run that is training, or waits in the queue',
      });
    }
    this.#owners.ask(id, control);
    const deadline = performance.now() + CONTROL_TIMEOUT_MS; // the clock on the wall may be set meanwhile
    while (this.#goesOn(id) && performance.now() < deadline) await delay(LOOK_INTERVAL_MS);
    return id;
  }

  /** Asks for the end of a run that goes on, for a reason that stays with it; does not wait until it has ended. */
  stopBecause(id: string, stopReason: string): void {
    const run = this.#find(id);
    if (!isUnfinished(run.status)) return;
    updateRun(this.#context.store, id, { stopReason, warnings: [...run.warnings, { at: now(), text: stopReason }] });
    if (!this.#leaveQueue(run, 'stop')) this.#owners.ask(id, 'stop');
  }

  /** Takes a run that waits out of the queue. @returns whether it did wait. */
  #leaveQueue(run: StoredRun, control: 'pause' | 'stop'): boolean {
    if (run.status !== 'queued') return false;
    const { store } = this.#context;
    // What has trained before keeps its checkpoint, from which it can go on or be ended with a result.
    const status = control === 'stop' && run.stepsDone === 0 ? 'stopped' : 'paused';
    const hasLeft = changeOwner(store, run, { status, ownerPid: null, heartbeatAt: run.heartbeatAt });
    if (hasLeft && status === 'stopped') updateRun(store, run.id, { finishedAt: now() });
    return hasLeft;
  }

  #goesOn(id: string): boolean {
    this.#owners.markOrphans();
    return GOING_ON.includes(this.#find(id).status);
  }

  #find(reference: string): StoredRun {
    return findStoredRun(this.#context.store, reference);
  }
}
