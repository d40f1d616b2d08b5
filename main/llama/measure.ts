import type { Engine } from '../engine/engine.ts';
import { hiddenStates, headChunks, logitsOf, sliceRows } from './model.ts';
import type { Llama } from './parameters.ts';

/** Sums over scored tokens; the means are loss/tokens and drift/tokens, in nats per token. */
export interface MeasuredSums {
  tokens: number;
  loss: number;
  /** KL(base || model); 0 when no base is given. */
  drift: number;
}

/**
 * Scores windows of equal length: tokens 1..n-1 of each, natural logarithm. With a base, also the divergence
 * `KL(base || model) = sum over v of p_base(v) (log p_base(v) - log p_model(v))` at the same positions.
 */
export async function measureWindows(
  engine: Engine,
  model: Llama,
  windows: readonly Int32Array[], // each [T], T >= 2
  base: Llama | null = null,
): Promise<MeasuredSums> {
  const batch = windows.length;
  const time = windows[0]!.length;
  const inputs = new Int32Array(batch * time);
  const targets = new Int32Array(batch * time);
  for (const [row, window] of windows.entries()) {
    inputs.set(window, row * time);
    targets.set(window.subarray(1), row * time); // the last target stays 0 and is not scored
  }
  const hidden = hiddenStates(engine, model, { batch, time, inputs });
  const baseHidden = base ? hiddenStates(engine, base, { batch, time, inputs }) : null;
  const sums: MeasuredSums = { tokens: 0, loss: 0, drift: 0 };
  for (const { begin, size } of headChunks(inputs.length, model.config.vocabularySize)) {
    const { loss, drift } = engine.scope(() => {
      const logits = logitsOf(engine, model, sliceRows(engine, hidden, begin, size));
      const labels = engine.tensor(targets.slice(begin, begin + size), [size]);
      const chunkLoss = engine.crossEntropy(logits, labels);
      if (!base || !baseHidden) return { loss: chunkLoss, drift: null };
      const baseLog = engine.logSoftmax(logitsOf(engine, base, sliceRows(engine, baseHidden, begin, size)));
      const difference = engine.subtract(baseLog, engine.logSoftmax(logits));
      return { loss: chunkLoss, drift: engine.sum(engine.multiply(engine.exp(baseLog), difference), 1) };
    });
    const losses = await engine.read(loss);
    const drifts = drift ? await engine.read(drift) : null;
    for (let row = 0; row < size; row++) {
      if ((begin + row + 1) % time === 0) continue;
      sums.tokens++;
      sums.loss += losses[row]!;
      sums.drift += drifts?.[row] ?? 0;
    }
    engine.dispose(loss, ...(drift ? [drift] : []));
  }
  engine.dispose(hidden, ...(baseHidden ? [baseHidden] : []));
  return sums;
}

/** Largest absolute difference between two models' logits on the same windows; 0 proves that they are the same function there. */
export async function largestLogitDifference(engine: Engine, a: Llama, b: Llama, windows: readonly Int32Array[]): Promise<number> {
  let largest = 0;
  for (const window of windows) {
    const both = engine.scope(() =>
      [a, b].map((model) => {
        const hidden = hiddenStates(engine, model, { batch: 1, time: window.length, inputs: window });
        return logitsOf(engine, model, hidden); // [T, V]
      }),
    );
    const [first, second] = [await engine.read(both[0]!), await engine.read(both[1]!)];
    engine.dispose(...both);
    for (let index = 0; index < first.length; index++) {
      const difference = Math.abs(first[index]! - second[index]!);
      // A NaN must count as a difference, and NaN > x is false.
      if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
    }
  }
  return largest;
}
