import { availableParallelism } from 'node:os';
import type { TrainPreview } from '../../shared/contract/training.ts';
import { trainingFlops } from '../../shared/domain/cost.ts';
import { type BudgetRequest, measurementFlops } from '../../shared/domain/evaluation-budget.ts';
import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import type { RunConfiguration } from '../../shared/domain/run.ts';
import { words } from '../../shared/words/words.ts';

/** What a run does, as far as it takes time. */
export interface TimedRun {
  configuration: RunConfiguration;
  /** Its base's. */
  modelConfig: LlamaConfig;
  /** Of its windows, the share that has been there before. */
  repeatedShare: number;
}

export interface PlannedRun extends TimedRun {
  /** Held-out tokens that there are of each role. */
  heldOut: BudgetRequest['heldOut'];
}

/** A run of the past, as far as it tells how fast an engine is here. */
export interface PastRun extends TimedRun {
  name: string;
  /** The engine that trained it. */
  engine: string;
  /** Measured, of training steps alone. */
  tokensPerSecond: number;
}

/**
 * What TensorFlow's kernels reach on one core of the machine they were measured on (docs/performance.md), in floating-point operations a second:
 * 86e9 with the embedded base, 112e9 with SmolLM2-135M's shape. Only for the time before this machine has finished a run.
 */
const TENSORFLOW_CPU_FLOPS_PER_CORE = 85e9;

/**
 * How long a run will take. The work of a token is counted, and how fast it is done is taken from the latest run on the engine.
 * @param past runs that measured their speed, latest first.
 * @returns null when nothing is known of the engine's speed.
 */
export function estimateTime(run: PlannedRun, past: readonly PastRun[]): TrainPreview['time'] {
  const { configuration, modelConfig } = run;
  const earlier = past.find(({ engine }) => configuration.engine === 'auto' || configuration.engine === engine);
  const speed = earlier ? speedOf(earlier) : assumedSpeed(configuration.engine);
  if (speed === null) return null;
  const { steps, batch, context, evaluation } = configuration;
  const work = { config: modelConfig, method: configuration.method, context };
  const { between, ends } = measurementFlops({ ...work, heldOut: run.heldOut });
  const onTheWay = Math.floor((steps - 1) / evaluation.everySteps);
  const measuredFlops = onTheWay * between(evaluation.tokens) + ends(evaluation.tokensAtEnds ?? evaluation.tokens);
  const trainedFlops = flopsOfToken(run);
  return {
    seconds: (steps * batch * context * trainedFlops + measuredFlops) / speed,
    tokensPerSecond: speed / trainedFlops,
    basis: basisOf(earlier),
  };
}

/**
 * Operations a second that a run may count on here, and what that is concluded from: the latest run that told.
 * @returns null when nothing is known of the engine's speed.
 */
export function machineSpeed(past: readonly PastRun[]): { flopsPerSecond: number; basis: string } | null {
  const speed = past[0] ? speedOf(past[0]) : assumedSpeed('auto');
  return speed === null ? null : { flopsPerSecond: speed, basis: basisOf(past[0]) };
}

function basisOf(earlier: PastRun | undefined): string {
  return earlier ? words('said.speedOfRun', { run: earlier.name, engine: earlier.engine }) : words('said.speedElsewhere');
}

/** Operations a second that a run reached. */
function speedOf(run: PastRun): number {
  return run.tokensPerSecond * flopsOfToken(run);
}

function flopsOfToken({ configuration: { method, context }, modelConfig, repeatedShare }: TimedRun): number {
  return trainingFlops({ config: modelConfig, method, context, repeatedShare });
}

function assumedSpeed(engine: string): number | null {
  return engine === 'auto' || engine === 'tensorflow-cpu' ? TENSORFLOW_CPU_FLOPS_PER_CORE * availableParallelism() : null;
}
