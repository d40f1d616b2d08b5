import type { MetricPoint, RunConfiguration } from '../../shared/domain/run.ts';
import type { CheckpointState } from './checkpoint.ts';
import type { TrainerEvent } from './messages.ts';
import type { StepResult } from './step.ts';

/** Messages about progress are at most so far apart, and no closer. */
const PROGRESS_INTERVAL_MS = 200;

/** Measurements that a checkpoint repeats: those of some hundred steps. */
const RECENT_POINTS = 1000;

/** How far a run is: the figures of its steps, told at intervals and kept in its state. */
export class RunProgress {
  readonly #configuration: RunConfiguration;
  readonly #state: CheckpointState;
  readonly #emit: (event: TrainerEvent) => void;
  /** What one measurement on the way takes. */
  readonly #secondsPerEvaluation: () => number;
  /** Measured since the last message. */
  readonly #points: MetricPoint[] = [];
  #lastTold = 0;

  constructor(
    { configuration, state }: { configuration: RunConfiguration; state: CheckpointState },
    secondsPerEvaluation: () => number,
    emit: (event: TrainerEvent) => void,
  ) {
    this.#configuration = configuration;
    this.#state = state;
    this.#secondsPerEvaluation = secondsPerEvaluation;
    this.#emit = emit;
  }

  /** Counts a step that is done, and tells of it when it is time. */
  stepDone(step: number, { loss, learningRate, gradientNorm }: StepResult, seconds: number): void {
    const { batch, context } = this.#configuration;
    this.#state.step = step;
    this.#state.trainingSeconds += seconds;
    const points: MetricPoint[] = [
      { step, series: 'loss.train', value: loss },
      { step, series: 'learningRate', value: learningRate },
      { step, series: 'gradientNorm', value: gradientNorm },
      { step, series: 'tokensPerSecond', value: (batch * context) / seconds },
    ];
    this.#points.push(...points);
    this.remember(points);
    if (performance.now() - this.#lastTold < PROGRESS_INTERVAL_MS) return;
    this.tell();
    this.#lastTold = performance.now();
  }

  /** Takes points into the run's state, which its checkpoints repeat. */
  remember(points: readonly MetricPoint[]): void {
    this.#state.recent = [...this.#state.recent, ...points].slice(-RECENT_POINTS);
  }

  /** Tells of what has not been told yet, or of these points. */
  tell(points: readonly MetricPoint[] = this.#points.splice(0)): void {
    if (points.length === 0) return;
    const { step } = this.#state;
    const { tokensPerSecond, secondsLeft } = this;
    this.#emit({ type: 'progress', step, points: [...points], tokensPerSecond, secondsLeft });
  }

  /** Of the training steps alone; 0 before the first. */
  get tokensPerSecond(): number {
    const { batch, context } = this.#configuration;
    const { step, trainingSeconds } = this.#state;
    return trainingSeconds > 0 ? (step * batch * context) / trainingSeconds : 0;
  }

  get secondsLeft(): number {
    const { steps, evaluation } = this.#configuration;
    const { step, trainingSeconds } = this.#state;
    const evaluationsLeft = Math.floor(steps / evaluation.everySteps) - Math.floor(step / evaluation.everySteps) + 1;
    return (trainingSeconds / step) * (steps - step) + this.#secondsPerEvaluation() * evaluationsLeft;
  }
}
