import type { Comparison, Curve } from '../../../shared/contract/comparison.ts';
import type { MetricSeries } from '../../../shared/domain/run.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { failureOf } from '../../client/failure.ts';
import { Latest } from '../../client/latest.ts';
import type { StudioState } from '../../studio.svelte.ts';
import type { Axis } from './compare-words.ts';

/** The slider of the matched comparison must not ask at every pixel. */
const GAIN_DELAY_MS = 80;

/** Some runs side by side. */
export class CompareState {
  readonly #studio: StudioState;
  readonly ids: readonly string[];
  comparison = $state.raw<Comparison | null>(null);
  curves = $state.raw<readonly Curve[]>([]);
  failure = $state.raw<ErrorRecord | null>(null);
  /** The run that stands out in every chart and table. */
  highlighted = $state<string | null>(null);
  /** For the matched comparison; null: as much as all reached. */
  gain = $state<number | null>(null);
  readonly #latest = new Latest();
  readonly #latestCurves = new Latest();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(studio: StudioState, ids: readonly string[]) {
    this.#studio = studio;
    this.ids = ids;
  }

  /** Makes a run stand out, or none where it did already. */
  highlight(run: string): void {
    this.highlighted = this.highlighted === run ? null : run;
  }

  /**
   * What is shown stays until there is an answer; one that a newer question has overtaken is dropped. Verdicts on many runs take longer than
   * all the rest, which is shown first when nothing is yet.
   */
  async load(baseline: string | null): Promise<void> {
    const signal = this.#latest.next();
    try {
      const pins = this.comparison === null && baseline !== null ? [null, baseline] : [baseline];
      for (const pin of pins) {
        const gain = this.gain !== null && this.gain > 0 ? { gain: this.gain } : {};
        const comparison = await this.#studio.client.runs.compare({ runs: [...this.ids], baseline: pin, ...gain });
        if (signal.aborted) return;
        this.comparison = comparison;
        this.failure = null;
      }
    } catch (error) {
      if (!signal.aborted) this.failure = failureOf(error);
    }
  }

  loadCurves(series: MetricSeries, axis: Axis): Promise<void> {
    return this.#latestCurves.ask(
      () => this.#studio.client.runs.curves({ runs: [...this.ids], series: [series], axis }),
      (curves) => (this.curves = curves),
      (error) => (this.failure = failureOf(error)),
    );
  }

  /** Reads the runs at another gain. */
  match(gain: number, baseline: string | null): void {
    this.gain = gain;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.load(baseline), GAIN_DELAY_MS);
  }
}
