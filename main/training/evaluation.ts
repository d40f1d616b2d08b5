import type { MetricPoint, Evaluation } from '../../shared/domain/run.ts';
import type { Engine } from '../engine/engine.ts';
import { isScored, type MeasuredWindow, type WindowScores, scoreWindows } from '../llama/measure.ts';
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

/** Scores windows in their order, several of equal length at once, and tells of each. */
export async function scoreAll<Window extends MeasuredWindow>(
  engine: Engine,
  model: Llama,
  windows: readonly Window[],
  base: Llama | null,
  onScored: (window: Window, scores: WindowScores) => void,
): Promise<void> {
  for (let start = 0; start < windows.length;) {
    const length = windows[start]!.tokens.length;
    let end = start + 1;
    const most = Math.max(1, Math.floor(ROWS_AT_ONCE / length));
    while (end < windows.length && end - start < most && windows[end]!.tokens.length === length) end++;
    const scored = await scoreWindows(engine, model, windows.slice(start, end), base);
    for (const [index, scores] of scored.entries()) onScored(windows[start + index]!, scores);
    start = end;
  }
}

/** Mean loss (and drift from a base) over windows, of the tokens that count. */
export async function measureLoss(
  engine: Engine,
  model: Llama,
  windows: readonly MeasuredWindow[],
  base: Llama | null = null,
): Promise<WindowsLoss> {
  const total = { tokens: 0, loss: 0, drift: 0 };
  await scoreAll(engine, model, windows, base, (window, { losses, drifts }) => {
    for (const [index, loss] of losses.entries()) {
      if (!isScored(window, index + 1)) continue;
      total.tokens++;
      total.loss += loss;
      total.drift += drifts?.[index] ?? 0;
    }
  });
  return { loss: total.loss / total.tokens, tokens: total.tokens, drift: total.drift / total.tokens };
}

/** An evaluation as points of a run's metrics. */
export function evaluationPoints(step: number, evaluation: Evaluation): MetricPoint[] {
  const points: MetricPoint[] = [{ step, series: 'loss.new', value: evaluation.new.loss }];
  if (evaluation.old) points.push({ step, series: 'loss.old', value: evaluation.old.loss });
  if (evaluation.drift !== null) points.push({ step, series: 'drift', value: evaluation.drift });
  return points;
}
