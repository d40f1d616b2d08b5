import type { EngineName } from '../engine/load-engine.ts';
import type { Command, Control, Job, TrainerEvent } from './messages.ts';

/**
 * Where jobs run. Today a child process on this machine (process-executor.ts); a cluster's job service would be another.
 * A run is fully described by its job, so nothing else may influence its result.
 */
export interface Executor {
  /**
   * Starts a job. Events arrive in order; `finished` resolves with the job's result or rejects with a StrataError
   * (CRASHED when the process died without saying why).
   */
  start(job: Job, onEvent: (event: TrainerEvent) => void): JobHandle;
  /** Forgets how an engine did in its self-test, where it is kept: its library has changed. */
  forget?(engine: EngineName): void;
}

export interface JobHandle {
  readonly finished: Promise<unknown>;
  /** Asks a training job to pause, stop or give up, and an import to stop; other jobs end at once on `interrupt`. */
  control(control: Control): void;
  /** Gives a job that answers requests one more, or takes one back. */
  tell(command: Extract<Command, { type: 'ask' | 'leave' }>): void;
  /** Ends the process without asking. */
  kill(): void;
}
