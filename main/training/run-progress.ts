import type { DrawnWindows, MetricPoint, RunConfiguration } from '../../shared/domain/run.ts';
import type { CheckpointState } from './checkpoint.ts';
import type { TrainerEvent } from './messages.ts';
import { residentMemory } from './process-memory.ts';
import type { StepResult } from './step.ts';

/** Messages about progress are at most so far apart, and no closer. */
const PROGRESS_INTERVAL_MS = 200;

/** Measurements that a checkpoint repeats: those of some hundred steps. */
const RECENT_POINTS = 1000;

/** What only the session knows of a run that goes on. */
interface Course {
  /** Seconds that one time of what is done every so many steps takes. */
  pauses: () => readonly { everySteps: number; seconds: number }[];
  /** What was drawn up to the present step. */
  drawn: () => DrawnWindows;
}

/** How far a run is: the figures of its steps, told at intervals and kept in its state. */
export class RunProgress {
  readonly #configuration: RunConfiguration;
  readonly #state: CheckpointState;
  readonly #emit: (event: TrainerEvent) => void;
  readonly #course: Course;
  /** Measured since the last message. */
  readonly #points: MetricPoint[] = [];
  #lastTold = 0;

  constructor(
    { configuration, state }: { configuration: RunConfiguration; state: CheckpointState },
    course: Course,
    emit: (event: TrainerEvent) => void,
  ) {
    this.#configuration = configuration;
    this.#state = state;
    this.#course = course;
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
    const isTime = performance.now() - this.#lastTold >= PROGRESS_INTERVAL_MS;
    if (isTime) points.push({ step, series: 'memory', value: residentMemory() });
    this.#points.push(...points);
    this.remember(points);
    if (!isTime) return;
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
    this.#emit({ type: 'progress', step, points: [...points], tokensPerSecond, secondsLeft, windows: this.#course.drawn() });
  }

  /** Of the training steps alone; 0 before the first. */
  get tokensPerSecond(): number {
    const { batch, context } = this.#configuration;
    const { step, trainingSeconds } = this.#state;
    return trainingSeconds > 0 ? (step * batch * context) / trainingSeconds : 0;
  }

  get secondsLeft(): number {
    const { steps } = this.#configuration;
    const { step, trainingSeconds } = this.#state;
    const training = (trainingSeconds / step) * (steps - step);
    return this.#course.pauses().reduce((sum, { everySteps, seconds }) => {
      const timesLeft = Math.floor(steps / everySteps) - Math.floor(step / everySteps) + 1; // and once at the end
      return sum + seconds * timesLeft;
    }, training);
  }
}
