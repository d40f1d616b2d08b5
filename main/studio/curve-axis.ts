import type { CURVE_AXES } from '../../shared/contract/comparison.ts';
import { readCurve } from '../store/curves.ts';
import type { Reader } from '../store/open-store.ts';
import type { StoredRun } from '../store/runs.ts';

/** Where a step of a run lies on an axis: itself, the tokens trained on until then, or the seconds that their steps took. */
export function axisOf(reader: Reader, run: StoredRun, axis: (typeof CURVE_AXES)[number]): (step: number) => number {
  const { batch, context } = run.configuration;
  switch (axis) {
    case 'step':
      return (step) => step;
    case 'tokens':
      return (step) => step * batch * context;
    case 'time':
      return secondsAt(reader, run);
  }
}

/** By the speed that each step was noted with; a run without such notes is taken to have been equally fast all the time. */
function secondsAt(reader: Reader, { id, configuration, seconds, stepsDone }: StoredRun): (step: number) => number {
  const { x: steps, y: speeds } = readCurve(reader, id, 'tokensPerSecond');
  const tokensPerStep = configuration.batch * configuration.context;
  const elapsed: number[] = [];
  let [lastStep, sum] = [0, 0];
  for (const [index, step] of steps.entries()) {
    sum += speeds[index]! > 0 ? ((step - lastStep) * tokensPerStep) / speeds[index]! : 0;
    lastStep = step;
    elapsed.push(sum);
  }
  if (steps.length === 0) return (step) => (stepsDone > 0 ? ((seconds ?? 0) * step) / stepsDone : 0);
  return (step) => {
    const after = firstNotBelow(steps, step);
    if (after === steps.length) return sum;
    const [fromStep, fromSeconds] = after === 0 ? [0, 0] : [steps[after - 1]!, elapsed[after - 1]!];
    const part = steps[after] === fromStep ? 1 : (step - fromStep) / (steps[after]! - fromStep);
    return fromSeconds + part * (elapsed[after]! - fromSeconds);
  };
}

/** Index of the first value that is not below another, in a sorted row; its length where all are. */
function firstNotBelow(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
