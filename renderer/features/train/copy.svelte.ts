import type { RunRequest } from '../../../shared/contract/runs.ts';
import type { TrainRequest } from '../../../shared/contract/training.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { failureOf } from '../../client/failure.ts';
import type { StudioState } from '../../studio.svelte.ts';
import { fieldless, prefill } from './prefill.ts';
import type { TrainState } from './train.svelte.ts';

/** The run that the choices of the next one were taken from, and what of it has no field on the page. */
export class CopyState {
  readonly #studio: StudioState;
  readonly #train: TrainState;
  /** Name of the run; null where nothing was taken over. */
  source = $state<string | null>(null);
  missing = $state.raw<RunRequest['missing']>([]);
  notes = $state.raw<readonly string[]>([]);
  /** Goes into the next request as it is: seed, engine, settings of the command line. */
  carried = $state.raw<Partial<TrainRequest>>({});
  isBusy = $state(false);
  failure = $state.raw<ErrorRecord | null>(null);

  constructor(studio: StudioState, train: TrainState) {
    this.#studio = studio;
    this.#train = train;
  }

  /** Takes over what a run was asked for, to be changed; answers whether it could. */
  async from({ id, name }: { id: string; name: string }): Promise<boolean> {
    this.isBusy = true;
    this.failure = null;
    try {
      const { request, missing, notes } = await this.#studio.client.runs.request({ run: id });
      this.#train.carried.leave();
      prefill(this.#train, request);
      this.source = name;
      this.missing = missing;
      this.notes = notes;
      this.carried = fieldless(request);
      return true;
    } catch (error) {
      this.failure = failureOf(error);
      return false;
    } finally {
      this.isBusy = false;
    }
  }

  /** The settings without a field take their defaults again. */
  forget(): void {
    this.source = null;
    this.missing = [];
    this.notes = [];
    this.carried = {};
  }
}
