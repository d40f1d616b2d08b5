import type { Engine } from '../engine/engine.ts';
import { headChunks, hiddenStates, logitsOf, sliceRows } from './model.ts';
import { scoreTokens } from './score.ts';
import type { Llama } from './parameters.ts';

/** Tokens to measure a model on: each but the first is predicted from those before it. */
export interface MeasuredWindow {
  tokens: Int32Array; // [T], T >= 2
  /** 1 where a token's prediction counts, 0 where it is only read, as a question is; when left out, all count. */
  learned?: Uint8Array; // [T]
}

/** Sums over scored tokens; the means are loss/tokens and drift/tokens, in nats per token. */
export interface MeasuredSums {
  tokens: number;
  loss: number;
  /** KL(base || model); 0 when no base is given. */
  drift: number;
}

/**
 * Scores windows of equal length: those of the tokens 1..n-1 of each that count, natural logarithm. With a base, also the divergence
 * `KL(base || model) = sum over v of p_base(v) (log p_base(v) - log p_model(v))` at the same positions.
 */
export async function measureWindows(
  engine: Engine,
  model: Llama,
  windows: readonly MeasuredWindow[], // all of one length T
  base: Llama | null = null,
): Promise<MeasuredSums> {
  const batch = windows.length;
  const time = windows[0]!.tokens.length;
  const inputs = new Int32Array(batch * time);
  const targets = new Int32Array(batch * time);
  for (const [row, { tokens }] of windows.entries()) {
    inputs.set(tokens, row * time);
    targets.set(tokens.subarray(1), row * time); // the last target stays 0 and is not scored
  }
  const { losses, drifts } = await scoreTokens(engine, model, { batch, time, inputs, targets }, base);
  const sums: MeasuredSums = { tokens: 0, loss: 0, drift: 0 };
  for (const [row, loss] of losses.entries()) {
    const position = (row % time) + 1; // of the token that this row predicts
    if (position === time || windows[Math.floor(row / time)]!.learned?.[position] === 0) continue;
    sums.tokens++;
    sums.loss += loss;
    sums.drift += drifts?.[row] ?? 0;
  }
  return sums;
}

/** Logits of two models in the engine, and their values outside it. */
const COPIES_FOR_DIFFERENCE = 4;

/** Largest absolute difference between two models' logits on the same windows; 0 proves that they are the same function there. */
export async function largestLogitDifference(engine: Engine, a: Llama, b: Llama, windows: readonly Int32Array[]): Promise<number> {
  let largest = 0;
  for (const window of windows) {
    const time = window.length;
    const hidden = [a, b].map((model) => ({ model, rows: hiddenStates(engine, model, { batch: 1, time, inputs: window }) }));
    for (const [piece] of headChunks([{ windows: 1, times: time }], a.config.vocabularySize, COPIES_FOR_DIFFERENCE)) {
      const both = hidden.map(({ model, rows }) => engine.scope(() => logitsOf(engine, model, sliceRows(engine, rows, piece!)))); // [rows, V]
      const [first, second] = [await engine.read(both[0]!), await engine.read(both[1]!)];
      engine.dispose(...both);
      for (let index = 0; index < first.length; index++) {
        const difference = Math.abs(first[index]! - second[index]!);
        // A NaN must count as a difference, and NaN > x is false.
        if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
      }
    }
    engine.dispose(...hidden.map(({ rows }) => rows));
  }
  return largest;
}
