import type { DatasetMeasure, MeasuredRole } from '../../shared/domain/measurement.ts';
import type { MeasuredLoss } from '../../shared/domain/run.ts';
import { estimateRatio, type Estimate } from '../../shared/domain/statistics.ts';
import { isScored, type WindowScores } from '../llama/measure.ts';
import type { ByteLength } from '../models/tokenizers/token-bytes.ts';
import type { HeldOutWindow } from './windows.ts';

/** A window whose tokens have their bytes beside them. */
export interface SizedWindow extends HeldOutWindow {
  bytes: Uint16Array; // [T]
}

/** Bytes of text that each token of a window stands for; a text begins with its document. */
export function sized(window: HeldOutWindow, byteLength: ByteLength): SizedWindow {
  const { tokens, documents } = window;
  const bytes = new Uint16Array(tokens.length);
  let leading: number[] | null = null;
  for (const [index, id] of tokens.entries()) {
    // A window may begin within a document. If that is where the document begins, then with a special token; the first is not scored anyway.
    const begins = index === 0 ? byteLength(id, null) === 0 : documents[index] !== documents[index - 1];
    if (begins) leading = [];
    bytes[index] = byteLength(id, leading);
    leading = leading && bytes[index] === 0 ? [...leading, id] : null;
  }
  return { ...window, bytes };
}

/** Sums over the scored tokens of each document, in the order of the documents. */
export interface DocumentSums {
  tokens: number[];
  losses: number[];
  /** Null where there was no base to compare with. */
  drifts: number[] | null;
}

/** The sums of one dataset's documents, window after window. */
export class DocumentTally {
  /** Rising, whatever the order in which windows come: what tokenizers cut elsewhere is still paired document by document. */
  readonly #documents: number[] = [];
  readonly tokens: number[] = [];
  readonly bytes: number[] = [];
  readonly losses: number[] = [];
  readonly drifts: number[] = [];
  /** Positions at which the base ranks the model's most likely token first, and second or third. */
  readonly unshifted: number[] = [];
  readonly marginal: number[] = [];
  #hasBase = false;
  /** Of the windows, also those that are only read. */
  #readTokens = 0;

  add(window: SizedWindow, { losses, drifts, ranks }: WindowScores): void {
    this.#readTokens += window.tokens.length;
    this.#hasBase = drifts !== null;
    for (const [index, loss] of losses.entries()) {
      const position = index + 1;
      if (!isScored(window, position)) continue;
      const place = this.#placeOf(window.documents[position]!);
      this.tokens[place]!++;
      this.bytes[place]! += window.bytes[position]!;
      this.losses[place]! += loss;
      if (!drifts || !ranks) continue;
      this.drifts[place]! += drifts[index]!;
      if (ranks[index] === 1) this.unshifted[place]!++;
      else if (ranks[index]! <= 3) this.marginal[place]!++;
    }
  }

  /** The documents of several tallies, one after the other. */
  static joined(tallies: readonly DocumentTally[]): DocumentTally {
    const all = new DocumentTally();
    for (const tally of tallies.filter(({ tokens }) => tokens.length > 0)) {
      const [from, into] = [tally.#columns, all.#columns];
      for (const [index, column] of into.entries()) column.push(...from[index]!);
      all.#hasBase = tally.#hasBase;
      all.#readTokens += tally.#readTokens;
    }
    return all;
  }

  get #columns(): number[][] {
    return [this.tokens, this.bytes, this.losses, this.drifts, this.unshifted, this.marginal];
  }

  #placeOf(document: number): number {
    let [place, end] = [0, this.#documents.length];
    while (place < end) {
      const middle = (place + end) >> 1;
      if (this.#documents[middle]! < document) place = middle + 1;
      else end = middle;
    }
    if (this.#documents[place] === document) return place;
    this.#documents.splice(place, 0, document);
    for (const column of this.#columns) column.splice(place, 0, 0);
    return place;
  }

  /** A copy: the tally goes on. */
  sums(): DocumentSums {
    return { tokens: [...this.tokens], losses: [...this.losses], drifts: this.#hasBase ? [...this.drifts] : null };
  }

  /**
   * @param heldOutTokens of the whole held-out part.
   * @param resamples of the bootstrap over documents.
   */
  measure(
    dataset: { datasetId: string; name: string; hash: string; role: MeasuredRole },
    heldOutTokens: number,
    resamples: number,
  ): DatasetMeasure {
    const perToken = (sums: number[]): Estimate => estimateRatio({ sums, weights: this.tokens }, { resamples });
    const [tokens, bytes] = [total(this.tokens), total(this.bytes)];
    const [unshifted, marginal] = [total(this.unshifted) / tokens, total(this.marginal) / tokens];
    return {
      ...dataset,
      tokens,
      bytes,
      documents: this.tokens.length,
      coverage: this.#readTokens / heldOutTokens,
      loss: perToken(this.losses),
      bitsPerByte:
        bytes > 0 ? estimateRatio({ sums: this.losses.map((loss) => loss / Math.LN2), weights: this.bytes }, { resamples }) : null,
      agreement: this.#hasBase ? perToken(this.unshifted) : null,
      drift: this.#hasBase ? perToken(this.drifts) : null,
      shift: this.#hasBase ? { unshifted, marginal, shifted: Math.max(0, 1 - unshifted - marginal) } : null,
    };
  }
}

/** Loss over the documents of several datasets together. */
export function lossOf(sums: readonly DocumentSums[], resamples: number): MeasuredLoss {
  const weights = sums.flatMap(({ tokens }) => tokens);
  const { value, error } = estimateRatio({ sums: sums.flatMap(({ losses }) => losses), weights }, { resamples });
  return { loss: value, tokens: total(weights), error };
}

/** Drift over the documents of several datasets together; null where it was not measured. */
export function driftOf(sums: readonly DocumentSums[], resamples: number): Estimate | null {
  if (sums.length === 0 || sums.some(({ drifts }) => drifts === null)) return null;
  const weights = sums.flatMap(({ tokens }) => tokens);
  return estimateRatio({ sums: sums.flatMap(({ drifts }) => drifts!), weights }, { resamples });
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
