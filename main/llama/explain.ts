import type { Engine } from '../engine/engine.ts';
import { headChunks, hiddenStates, logitsOf, sliceRows } from './model.ts';
import type { Llama } from './parameters.ts';

/** What a model thinks of each token of a text after its first, from those before it. Natural logarithms. */
export interface TokenView {
  logProbability: number;
  /** The likeliest tokens at this place, the likeliest first. */
  top: { id: number; logProbability: number }[];
}

/** Logits in the engine and their values outside it. */
const COPIES = 2;

/** Log-probabilities of tokens 1..n-1 of a text [T], with the `alternatives` likeliest tokens at each place. */
export async function viewTokens(engine: Engine, model: Llama, ids: Int32Array, alternatives: number): Promise<TokenView[]> {
  const time = ids.length;
  const hidden = hiddenStates(engine, model, { batch: 1, time, inputs: ids });
  const views: TokenView[] = [];
  const V = model.config.vocabularySize;
  for (const [piece] of headChunks([{ windows: 1, times: time }], V, COPIES)) {
    const logits = engine.scope(() => logitsOf(engine, model, sliceRows(engine, hidden, piece!))); // [rows, V]
    const values = (await engine.read(logits)) as Float32Array;
    engine.dispose(logits);
    for (let row = 0; row < piece!.size; row++) {
      const target = ids[piece!.begin + row + 1];
      if (target !== undefined) views.push(viewRow(values.subarray(row * V, (row + 1) * V), target, alternatives));
    }
  }
  engine.dispose(hidden);
  return views;
}

function viewRow(logits: Float32Array, target: number, alternatives: number): TokenView {
  const total = logSumExp(logits);
  const top: number[] = []; // ids, the likeliest first
  for (let id = 0; id < logits.length; id++) {
    if (top.length === alternatives && logits[id]! <= logits[top.at(-1)!]!) continue;
    const place = top.findIndex((other) => logits[other]! < logits[id]!);
    top.splice(place === -1 ? top.length : place, 0, id);
    if (top.length > alternatives) top.pop();
  }
  return {
    logProbability: logits[target]! - total,
    top: top.map((id) => ({ id, logProbability: logits[id]! - total })),
  };
}

/** `log sum exp` of a row, in 64 bits. */
export function logSumExp(logits: Float32Array): number {
  let largest = -Infinity;
  for (const logit of logits) if (logit > largest) largest = logit;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - largest);
  return largest + Math.log(sum);
}
