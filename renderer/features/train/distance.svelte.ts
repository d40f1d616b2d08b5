import type { DistanceRequest } from '../../../shared/contract/dataset-checks.ts';
import type { DistanceReport } from '../../../shared/domain/distance.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { failureOf } from '../../client/failure.ts';
import type { StudioState } from '../../studio.svelte.ts';

/** Somebody who chooses several datasets one after the other asks for one measurement, not for each on the way. */
const MEASURE_DELAY_MS = 250;

type Sides = Pick<DistanceRequest, 'newDatasets' | 'oldDatasets'>;

/** How far the chosen new data are from the old: measured by itself as soon as both are chosen, with a model when asked for. */
export class DistanceState {
  readonly #studio: StudioState;
  readonly #onMeasured: () => void;
  report = $state.raw<DistanceReport | null>(null);
  /** What is being done; null while nothing is measured. */
  activity = $state<string | null>(null);
  /** Why there is no distance, such as too little text, or no loss of a model. */
  failure = $state.raw<ErrorRecord | null>(null);
  #sides: Sides | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #abort: AbortController | null = null;

  /** @param onMeasured called when a measurement has ended by itself: from then on previews know its result. */
  constructor(studio: StudioState, onMeasured: () => void) {
    this.#studio = studio;
    this.#onMeasured = onMeasured;
  }

  /** Measures the distance of these data; what was measured of others is forgotten, and their measurement ended. */
  lookUp(sides: Sides | null): void {
    if (JSON.stringify(sides) === JSON.stringify(this.#sides)) return;
    this.stop();
    this.#sides = sides;
    this.report = null;
    this.failure = null;
    if (!sides) return;
    this.activity = 'starting';
    this.#timer = setTimeout(() => void this.measure(), MEASURE_DELAY_MS);
  }

  /** @param model also measures its loss on both held-out parts. */
  async measure(model?: string): Promise<void> {
    if (!this.#sides) return;
    const abort = new AbortController();
    this.#abort = abort;
    this.failure = null;
    this.activity = 'starting';
    try {
      const request = { ...this.#sides, ...(model === undefined ? {} : { model }) };
      const events = await this.#studio.client.datasets.distance(request, { signal: abort.signal });
      for await (const { activity, report } of events) {
        if (abort.signal.aborted) return;
        if (report) this.report = report;
        else this.activity = activity;
      }
    } catch (error) {
      if (!abort.signal.aborted) this.failure = failureOf(error);
    } finally {
      if (this.#abort === abort) {
        this.#abort = null;
        this.activity = null;
      }
    }
    if (!abort.signal.aborted) this.#onMeasured();
  }

  /** Leaves the measurement off. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#abort?.abort();
    this.#abort = null;
    this.activity = null;
  }
}
