import { randomStream } from './random.ts';

/**
 * Uncertainty of figures that are sums over documents divided by sums over documents, as a loss per token is. Tokens of one document depend
 * on each other, documents hardly do, so documents are what is drawn again (bootstrap by clusters; Efron and Tibshirani 1993, chapter 8).
 */

/** A figure, and its standard error; null where there are fewer than two documents to tell it from. */
export interface Estimate {
  value: number;
  error: number | null;
}

/** What documents add to a figure: a sum and what it is divided by, document by document. */
export interface DocumentSums {
  sums: ArrayLike<number>;
  weights: ArrayLike<number>;
}

/** How often documents are drawn again unless said: the error of a standard error is then about two percent of it. */
export const RESAMPLES = 1000;

/** `sum of sums / sum of weights`, with its standard error by bootstrap over documents. The same seed gives the same error. */
export function estimateRatio({ sums, weights }: DocumentSums, { seed = 0, resamples = RESAMPLES } = {}): Estimate {
  const value = total(sums) / total(weights);
  if (sums.length < 2) return { value, error: null };
  return { value, error: deviation(redraw(sums.length, seed, resamples, (drawn) => ratioOf({ sums, weights }, drawn))) };
}

/** Two of the same documents measured twice: what the second has more than the first, with what a bootstrap of the pairs says of it. */
export interface PairedDifference extends Estimate {
  /** The middle 95 % of what documents drawn again give; null with fewer than two documents. */
  interval: [low: number, high: number] | null;
}

/**
 * Difference `b - a` of two figures over the same documents, which are drawn again together: what makes a document hard for both cancels.
 * Both must have the same documents in the same order.
 */
export function estimateDifference(a: DocumentSums, b: DocumentSums, { seed = 0, resamples = RESAMPLES } = {}): PairedDifference {
  const value = total(b.sums) / total(b.weights) - total(a.sums) / total(a.weights);
  if (a.sums.length < 2) return { value, error: null, interval: null };
  const differences = redraw(a.sums.length, seed, resamples, (drawn) => ratioOf(b, drawn) - ratioOf(a, drawn)).sort();
  return { value, error: deviation(differences), interval: [quantile(differences, 0.025), quantile(differences, 0.975)] };
}

/** Value at a fraction of a sorted row, interpolated between neighbours. */
export function quantile(sorted: ArrayLike<number>, fraction: number): number {
  const place = fraction * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!);
}

function redraw(documents: number, seed: number, resamples: number, figure: (drawn: Int32Array) => number): Float64Array {
  const random = randomStream(seed);
  const drawn = new Int32Array(documents);
  return Float64Array.from({ length: resamples }, () => {
    for (let index = 0; index < documents; index++) drawn[index] = Math.floor(random() * documents);
    return figure(drawn);
  });
}

function ratioOf({ sums, weights }: DocumentSums, drawn: Int32Array): number {
  let [sum, weight] = [0, 0];
  for (const document of drawn) {
    sum += sums[document]!;
    weight += weights[document]!;
  }
  return sum / weight;
}

function total(values: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < values.length; index++) sum += values[index]!;
  return sum;
}

/** Standard deviation; a redraw of nothing but documents without weight has no ratio, and is left out. */
function deviation(redrawn: Float64Array): number {
  const values = redrawn.filter(Number.isFinite);
  const mean = total(values) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}
