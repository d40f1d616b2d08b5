import type { Evaluation, MetricPoint } from '../../shared/domain/run.ts';
import type { Engine } from '../engine/engine.ts';
import { type MeasuredWindow, measureWindows } from '../llama/measure.ts';
import type { Llama } from '../llama/parameters.ts';

export interface WindowsLoss {
  /** Nats per scored token. */
  loss: number;
  tokens: number;
  /** Mean KL(base || model) per scored token; 0 when there is no base to compare with. */
  drift: number;
}

/** Rows of one forward pass: enough to keep the cores busy, few enough to stay small. */
const ROWS_AT_ONCE = 4096;

/** Mean loss (and drift from a base) over windows, which are measured in batches of equal length. */
export async function measureLoss(
  engine: Engine,
  model: Llama,
  windows: readonly MeasuredWindow[],
  base: Llama | null = null,
): Promise<WindowsLoss> {
  const total = { tokens: 0, loss: 0, drift: 0 };
  for (let start = 0; start < windows.length;) {
    const length = windows[start]!.tokens.length;
    let end = start + 1;
    const most = Math.max(1, Math.floor(ROWS_AT_ONCE / length));
    while (end < windows.length && end - start < most && windows[end]!.tokens.length === length) end++;
    const sums = await measureWindows(engine, model, windows.slice(start, end), base);
    total.tokens += sums.tokens;
    total.loss += sums.loss;
    total.drift += sums.drift;
    start = end;
  }
  return { loss: total.loss / total.tokens, tokens: total.tokens, drift: total.drift / total.tokens };
}

/** An evaluation as points of a run's metrics. */
export function evaluationPoints(step: number, evaluation: Evaluation): MetricPoint[] {
  const points: MetricPoint[] = [{ step, series: 'loss.new', value: evaluation.new.loss }];
  if (evaluation.old) points.push({ step, series: 'loss.old', value: evaluation.old.loss });
  if (evaluation.drift !== null) points.push({ step, series: 'drift', value: evaluation.drift });
  return points;
}
