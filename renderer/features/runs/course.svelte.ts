import type { MeasurementsAtStep, RunEvent, SamplesOfRun } from '../../../shared/contract/runs.ts';
import type { DrawnWindows, MetricPoint } from '../../../shared/domain/run.ts';
import type { Client } from '../../client/client.ts';
import { lastStepOf, MEASURED_SERIES, MOST_POINTS, STEP_SERIES, withMore } from './course.ts';

/** Figures of single steps are fetched so often at most; what is measured, as soon as it is there. */
const STEPS_INTERVAL_MS = 1000;

/** What was recorded of a run, as far as its page shows it: fetched once, then only what has been added since. */
export class RunCourse {
  readonly #client: () => Client;
  readonly #run: string;
  metrics = $state.raw<MetricPoint[]>([]);
  /** Dataset by dataset, step by step. */
  measurements = $state.raw<MeasurementsAtStep[]>([]);
  samples = $state.raw<SamplesOfRun>({ prompts: [], samples: [] });
  windows = $state.raw<DrawnWindows | null>(null);
  /** Of the last event that was followed. */
  #step = -1;
  #measuredStep: number | null = null;
  #sampledStep: number | null = null;
  #stepsFetchedAt = -Infinity;

  constructor(client: () => Client, run: string) {
    this.#client = client;
    this.#run = run;
  }

  /** Everything anew: at first, at the end, and where a run has gone back to a checkpoint. */
  async load(): Promise<void> {
    const run = this.#run;
    const { runs } = this.#client();
    [this.metrics, this.measurements, this.samples, this.windows] = await Promise.all([
      runs.metrics({ run, points: MOST_POINTS }),
      runs.measurements({ run }),
      runs.samples({ run }),
      runs.windows({ run }),
    ]);
  }

  /** Takes in what an event tells, and fetches what it announces. @returns whether something was measured. */
  async follow(event: RunEvent): Promise<boolean> {
    if (event.windows) this.windows = event.windows;
    const hasGoneBack = event.step < this.#step;
    const isMeasured = event.evaluationStep !== null && event.evaluationStep !== this.#measuredStep;
    const isSampled = event.sampledStep !== null && event.sampledStep !== this.#sampledStep;
    this.#step = event.step;
    this.#measuredStep = event.evaluationStep;
    this.#sampledStep = event.sampledStep;
    if (hasGoneBack) {
      await this.load();
      return true;
    }
    if (isMeasured) await this.#fetchMeasured();
    if (isSampled || (this.samples.prompts.length === 0 && isMeasured)) await this.#fetchSamples();
    if (performance.now() - this.#stepsFetchedAt >= STEPS_INTERVAL_MS) await this.#fetchSteps();
    return isMeasured;
  }

  async #fetchMeasured(): Promise<void> {
    const run = this.#run;
    const { runs } = this.#client();
    const afterStep = lastStepOf(this.metrics, 'loss.new');
    const [metrics, measurements] = await Promise.all([
      runs.metrics({ run, series: [...MEASURED_SERIES], afterStep }),
      runs.measurements({ run, afterStep: this.measurements.at(-1)?.step ?? -1 }),
    ]);
    this.metrics = withMore(this.metrics, metrics);
    this.measurements = [...this.measurements, ...measurements];
  }

  async #fetchSteps(): Promise<void> {
    const afterStep = lastStepOf(this.metrics, 'loss.train');
    const more = await this.#client().runs.metrics({ run: this.#run, series: [...STEP_SERIES], afterStep, points: MOST_POINTS });
    this.metrics = withMore(this.metrics, more);
    this.#stepsFetchedAt = performance.now();
  }

  async #fetchSamples(): Promise<void> {
    const afterStep = this.samples.samples.at(-1)?.step ?? -1;
    const { prompts, samples } = await this.#client().runs.samples({ run: this.#run, afterStep });
    this.samples = { prompts, samples: [...this.samples.samples, ...samples] };
  }
}
