import { randomStream } from './random.ts';
import { NORMAL_95, student95 } from './student.ts';

/**
 * Uncertainty of figures that are sums over documents divided by sums over documents, as a loss per token is. Tokens of one document depend
 * on each other, documents hardly do, so documents are what is drawn again (bootstrap by clusters; Efron and Tibshirani 1993, chapter 8).
 *
 * Redraws of few documents vary too little: as a variance that is divided by n instead of n - 1 does, and as a normal distribution beside
 * Student's. Both are made up for (Hesterberg 2015, arXiv 1411.5279, section 4.3 on narrowness), so that an interval that rests on three
 * documents is wide enough. Documents count by their weight: a long one beside many short ones is little more than one.
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

export interface BootstrapOptions {
  seed?: number;
  resamples?: number;
  /** Documents drawn before: for many figures over as many documents, which is much quicker than to draw for each. */
  bootstrap?: Bootstrap | undefined;
}

/** Documents drawn again with replacement, so many times. The same seed draws the same. */
export class Bootstrap {
  readonly documents: number;
  readonly resamples: number;
  /** How often each document was drawn, resample after resample. */
  readonly #counts: Uint16Array;
  readonly #known = new WeakMap<DocumentSums, Float64Array>();

  constructor(documents: number, { seed = 0, resamples = RESAMPLES }: Pick<BootstrapOptions, 'seed' | 'resamples'> = {}) {
    this.documents = documents;
    this.resamples = resamples;
    this.#counts = new Uint16Array(documents * resamples);
    const random = randomStream(seed);
    for (let begin = 0; begin < this.#counts.length; begin += documents) {
      for (let draw = 0; draw < documents; draw++) this.#counts[begin + Math.floor(random() * documents)]!++;
    }
  }

  /**
   * The figure of each resample; not a number for one that drew nothing but documents without weight. Kept for as long as the figure is: of
   * fifty runs beside one baseline, the baseline's is needed fifty times.
   */
  ratios(figure: DocumentSums): Float64Array {
    const ratios = this.#known.get(figure) ?? this.#drawn(figure);
    this.#known.set(figure, ratios);
    return ratios;
  }

  #drawn({ sums, weights }: DocumentSums): Float64Array {
    const { documents } = this;
    return Float64Array.from({ length: this.resamples }, (_, resample) => {
      const begin = resample * documents;
      let [sum, weight] = [0, 0];
      for (let document = 0; document < documents; document++) {
        const count = this.#counts[begin + document]!;
        sum += count * sums[document]!;
        weight += count * weights[document]!;
      }
      return sum / weight;
    });
  }
}

/** `sum of sums / sum of weights`, with its standard error by bootstrap over documents. The same seed gives the same error. */
export function estimateRatio(figure: DocumentSums, { bootstrap, ...options }: BootstrapOptions = {}): Estimate {
  const { sums, weights } = figure;
  const value = total(sums) / total(weights);
  if (sums.length < 2) return { value, error: null };
  const drawn = (bootstrap ?? new Bootstrap(sums.length, options)).ratios(figure);
  return { value, error: deviation(drawn) * narrowness(effectiveDocuments(weights)) };
}

/** Two of the same documents measured twice: what the second has more than the first, with what a bootstrap of the pairs says of it. */
export interface PairedDifference extends Estimate {
  /** The middle 95 % of what documents drawn again give, widened by how few they are; null with fewer than two documents. */
  interval: [low: number, high: number] | null;
}

/**
 * Difference `b - a` of two figures over the same documents, which are drawn again together: what makes a document hard for both cancels.
 * Both must have the same documents in the same order.
 */
export function estimateDifference(a: DocumentSums, b: DocumentSums, { bootstrap, ...options }: BootstrapOptions = {}): PairedDifference {
  const value = total(b.sums) / total(b.weights) - total(a.sums) / total(a.weights);
  if (a.sums.length < 2) return { value, error: null, interval: null };
  const drawn = bootstrap ?? new Bootstrap(a.sums.length, options);
  const before = drawn.ratios(a);
  const differences = drawn
    .ratios(b)
    .map((ratio, index) => ratio - before[index]!)
    .sort();
  const documents = effectiveDocuments(b.weights);
  const factor = narrowness(documents);
  const widened = (factor * student95(Math.max(1, Math.round(documents) - 1))) / NORMAL_95;
  const end = (fraction: number): number => value + widened * (quantile(differences, fraction) - value);
  return { value, error: deviation(differences) * factor, interval: [end(0.025), end(0.975)] };
}

/** How many documents of one weight say as much as these do (Kish 1965). */
function effectiveDocuments(weights: ArrayLike<number>): number {
  let [sum, squares] = [0, 0];
  for (let index = 0; index < weights.length; index++) {
    sum += weights[index]!;
    squares += weights[index]! ** 2;
  }
  return sum ** 2 / squares;
}

/** What the deviation of redraws of so many documents falls short of that of new ones; one alone would fall short of everything. */
function narrowness(documents: number): number {
  const least = Math.max(2, documents);
  return Math.sqrt(least / (least - 1));
}

/** Value at a fraction of a sorted row, interpolated between neighbours. */
export function quantile(sorted: ArrayLike<number>, fraction: number): number {
  const place = fraction * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!);
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
