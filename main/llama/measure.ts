import type { Engine } from '../engine/engine.ts';
import { headChunks, hiddenStates, logitsOf, sliceRows } from './model.ts';
import { scoreTokens, type TokenScores } from './score.ts';
import type { Llama } from './parameters.ts';

/** Tokens to measure a model on: each but the first is predicted from those before it. */
export interface MeasuredWindow {
  tokens: Int32Array; // [T], T >= 2
  /** 1 where a token's prediction counts, 0 where it is only read, as a question is; when left out, all count. */
  learned?: Uint8Array; // [T]
}

/** A window as it was scored: value `i` belongs to token `i + 1`, which the first tokens predict. */
export type WindowScores = TokenScores; // each [T - 1]

/** Whether the prediction of a window's token counts; the first one's never does. */
export function isScored({ learned }: MeasuredWindow, position: number): boolean {
  return position > 0 && learned?.[position] !== 0;
}

/**
 * Scores windows of equal length: tokens 1..n-1 of each, also those that do not count. With a base, how far the model has moved from it at
 * the same positions.
 */
export async function scoreWindows(
  engine: Engine,
  model: Llama,
  windows: readonly MeasuredWindow[], // all of one length T
  base: Llama | null = null,
): Promise<WindowScores[]> {
  const batch = windows.length;
  const time = windows[0]!.tokens.length;
  const inputs = new Int32Array(batch * time);
  const targets = new Int32Array(batch * time);
  for (const [row, { tokens }] of windows.entries()) {
    inputs.set(tokens, row * time);
    targets.set(tokens.subarray(1), row * time); // the last target stays 0 and is not scored
  }
  const { losses, drifts, ranks } = await scoreTokens(engine, model, { batch, time, inputs, targets }, base);
  return windows.map((_, row) => {
    const [begin, end] = [row * time, row * time + time - 1];
    return {
      losses: losses.subarray(begin, end),
      drifts: drifts && drifts.subarray(begin, end),
      ranks: ranks && ranks.subarray(begin, end),
    };
  });
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
