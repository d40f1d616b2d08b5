import type { NextDomain } from '../../../shared/contract/lines.ts';
import type { TrainRequest } from '../../../shared/contract/training.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { failureOf } from '../../client/failure.ts';
import type { StudioState } from '../../studio.svelte.ts';

/** What the next run takes over from one that it goes on from. */
export class CarriedState {
  readonly #studio: StudioState;
  next = $state.raw<NextDomain | null>(null);
  failure = $state.raw<ErrorRecord | null>(null);
  /** The dataset of which a sample is being made. */
  sampling = $state<string | null>(null);

  constructor(studio: StudioState) {
    this.#studio = studio;
  }

  /** Asks what a run carries over; null when it cannot be gone on from. */
  async fetch(run: string): Promise<NextDomain | null> {
    this.failure = null;
    try {
      this.next = await this.#studio.client.training.nextDomain({ run });
    } catch (error) {
      this.next = null;
      this.failure = failureOf(error);
    }
    return this.next;
  }

  /** Nothing is carried over any more; what was filled in stays. */
  leave(): void {
    this.next = null;
    this.failure = null;
  }

  /** Settings that are as before and have no field on the page. */
  get settings(): Pick<TrainRequest, 'seed' | 'engine' | 'advanced'> {
    if (!this.next) return {};
    const { seed, engine, advanced = {} } = this.next.request;
    return { ...(seed === undefined ? {} : { seed }), ...(engine === undefined ? {} : { engine }), advanced };
  }

  /** Keeps a sample of a dataset for replay; its id, or null when that was refused. */
  async sample({ dataset, tokens }: NextDomain['samples'][number]): Promise<string | null> {
    if (!this.next) return null;
    this.sampling = dataset;
    this.failure = null;
    try {
      const made = await this.#studio.client.datasets.sample({ dataset, tokens, model: this.next.request.model });
      this.next = { ...this.next, samples: this.next.samples.filter((each) => each.dataset !== dataset) };
      await this.#studio.refresh();
      return made.id;
    } catch (error) {
      this.failure = failureOf(error);
      return null;
    } finally {
      this.sampling = null;
    }
  }
}
