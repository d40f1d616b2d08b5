import { type ErrorRecord, StrataError, toStrataError } from '../../shared/errors.ts';
import { claimDevice, listTraining } from '../store/run-queue.ts';
import { changeOwner, type StoredRun, updateRun } from '../store/runs.ts';
import type { Control, TrainJob } from '../training/messages.ts';
import { signOf } from '../training/process-sign.ts';
import { folderOf, now, type StudioContext } from './context.ts';
import type { Models } from './models.ts';
import type { PreparedJob } from './run-job.ts';
import { OwnerWatch } from './owner-watch.ts';
import { RunOwner } from './run-owner.ts';

/** The runs that this process trains, and those that nobody trains any more. */
export class RunOwners {
  readonly #context: StudioContext;
  readonly #models: Models;
  readonly #owned = new Map<string, RunOwner>();
  /** Runs of this process that ended without the database hearing of it (a full disk), and why: told as soon as it can be. */
  readonly #unrecorded = new Map<string, ErrorRecord>();
  /** Of runs that other processes train. */
  readonly #watch = new OwnerWatch();
  #isClosing = false;

  constructor(context: StudioContext, models: Models) {
    this.#context = context;
    this.#models = models;
  }

  /** Makes a run this process's if the device is free; {@link train} follows. In a transaction of the caller's, where there is one. */
  claim(run: StoredRun): boolean {
    return claimDevice(this.#context.store, run, {
      ownerPid: process.pid,
      ownerSign: signOf(process.pid),
      heartbeatAt: now(),
    });
  }

  /** Starts the trainer of a claimed run. */
  train(run: StoredRun, job: PreparedJob): void {
    const { id, name, directory } = run;
    const trainJob: TrainJob = {
      kind: 'train',
      run: { id, name },
      ...job,
      runDirectory: directory,
      // The model has its run's id: what a run that was killed while it saved has left there, the resumed one replaces.
      modelDirectory: folderOf(this.#context, 'models', id),
    };
    const owner = new RunOwner(this.#context, this.#models, run, trainJob);
    this.#owned.set(id, owner);
    void owner.ended.then((unrecorded) => {
      if (this.#owned.get(id) === owner) this.#owned.delete(id);
      if (unrecorded) this.#unrecorded.set(id, unrecorded);
    });
  }

  /** Tells the trainer of a run what is asked of it, wherever the run is trained. */
  ask(id: string, control: 'pause' | 'stop'): void {
    if (!this.control(id, control)) updateRun(this.#context.store, id, { requested: control });
  }

  /** Tells the run's trainer, if it is this process's. @returns whether it is. */
  control(id: string, control: Control): boolean {
    const owner = this.#owned.get(id);
    owner?.control(control);
    return owner !== undefined;
  }

  /** Whether this process trains a run. */
  get isTraining(): boolean {
    return this.#owned.size > 0;
  }

  /** From {@link close} on: none starts any more. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** Resolves when a run of this process has ended; at once for any other. */
  async ended(id: string): Promise<void> {
    await this.#owned.get(id)?.ended;
  }

  /** @throws StrataError why the end of a run could not be written down, if so: whoever follows it must not wait for it. */
  checkRecorded(id: string): void {
    const unrecorded = this.#unrecorded.get(id);
    if (unrecorded) throw StrataError.fromRecord(unrecorded);
  }

  /** Saves a checkpoint of every run and waits until they have ended. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const owners = [...this.#owned.values()];
    for (const owner of owners) owner.control('interrupt');
    await Promise.all(owners.map((owner) => owner.ended));
  }

  /** A run whose process is gone was interrupted; it can be resumed from its last checkpoint. */
  markOrphans(): void {
    const { store, log } = this.#context;
    for (const run of listTraining(store)) {
      if (this.#owned.has(run.id)) continue;
      const error = this.#unrecorded.get(run.id) ?? null;
      if (error === null && !this.#watch.isLost(run)) continue;
      try {
        if (!changeOwner(store, run, { status: 'interrupted', ownerPid: null, heartbeatAt: run.heartbeatAt })) continue;
        updateRun(store, run.id, { error, requested: null, secondsLeft: null, activity: '' });
        this.#unrecorded.delete(run.id);
        log(`run ${run.id} lost its process and was marked as interrupted`);
      } catch (failure) {
        log(`run ${run.id} could not be marked as interrupted: ${toStrataError(failure).message}`); // reading goes on
      }
    }
  }
}
