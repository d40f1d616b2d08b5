import type { MeasuredRole } from '../../shared/domain/measurement.ts';
import type { Evaluation, RunConfiguration } from '../../shared/domain/run.ts';
import { RESAMPLES } from '../../shared/domain/statistics.ts';
import type { TokenShard } from '../datasets/token-shard.ts';
import type { Engine } from '../engine/engine.ts';
import type { Llama } from '../llama/parameters.ts';
import type { ByteLength } from '../models/tokenizers/token-bytes.ts';
import { DocumentTally, type DocumentSums, driftOf, lossOf, type SizedWindow, sized } from './document-tally.ts';
import { scoreAll } from './evaluation.ts';
import { heldOutWindows } from './windows.ts';

/** Redraws of documents for the standard errors of what is measured while a run goes on: they are then known to about seven percent. */
const FEW_RESAMPLES = 100;

/** What is measured of a dataset: its held-out part. */
export interface MeasuredPart {
  datasetId: string;
  name: string;
  hash: string;
  role: MeasuredRole;
  heldOut: TokenShard;
}

/** The sums of a dataset's documents at one moment. */
export interface PartSums extends DocumentSums {
  datasetId: string;
}

export interface Measured {
  evaluation: Evaluation;
  documents: PartSums[];
}

/** Base to compare with, by the role that is measured; null where none is. */
export type Reference = (role: MeasuredRole) => Llama | null;

/** A loss or a drift is not finite; the message says of which dataset. */
export class NotMeasurable extends Error {}

function describe(measured: readonly { part: MeasuredPart; tally: DocumentTally }[]): string {
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return measured
    .map(({ part: { name, role }, tally }) => {
      const { tokens, losses, drifts } = tally.sums();
      return `loss on ${role} ${name} ${sum(losses) / sum(tokens)}${drifts ? `, drift ${sum(drifts) / sum(tokens)}` : ''}`;
    })
    .join(', ');
}

interface RoleWindows {
  role: MeasuredRole;
  /** As many as are read at both ends of the run; the first `watched` of them are read in between as well. */
  windows: SizedWindow[];
  watched: number;
}

/**
 * The held-out windows of a run. Between its ends the first of them are measured, at its ends all, and of these the first once more by
 * themselves: what a curve shows, and what a guard compares, is measured on the same windows from beginning to end.
 */
export class HeldOut {
  readonly #parts: readonly MeasuredPart[];
  readonly #roles: RoleWindows[];

  /** @throws StrataError BAD_INPUT when there is nothing to measure in the data to learn or to keep. */
  constructor(
    parts: readonly MeasuredPart[],
    { context, evaluation: { tokens, tokensAtEnds = tokens, order } }: Pick<RunConfiguration, 'context' | 'evaluation'>,
    byteLength: ByteLength,
  ) {
    this.#parts = parts;
    this.#roles = (['new', 'old', 'past'] as const).map((role) => {
      const all = heldOutWindows(parts, role, context, Math.max(tokens, tokensAtEnds), order);
      const watched = heldOutWindows(parts, role, context, tokens, order).length;
      return { role, windows: all.map((window) => sized(window, byteLength)), watched };
    });
  }

  /** Windows of real text, those of what is kept first. */
  first(count: number): Int32Array[] {
    const [onNew, old] = this.#roles as [RoleWindows, RoleWindows];
    return [...old.windows, ...onNew.windows].slice(0, count).map(({ tokens }) => tokens);
  }

  /**
   * Text of a role to begin with: from different documents, each from its beginning where that is in a window, up to its end or the window's.
   * @param length tokens that it needs at least.
   */
  beginnings(role: MeasuredRole, count: number, length: number): { datasetId: string; tokens: Int32Array }[] {
    const seen = new Set<string>();
    return this.#roles
      .find((each) => each.role === role)!
      .windows.flatMap(({ source, tokens, documents }) => {
        const next = documents.findIndex((document, index) => index > 0 && document !== documents[index - 1]);
        const begin = next > 0 && tokens.length - next >= length ? next : 0;
        const end = documents.lastIndexOf(documents[begin]!) + 1;
        const key = `${source} ${documents[begin]}`;
        if (end - begin < length || seen.has(key)) return [];
        seen.add(key);
        return [{ datasetId: this.#parts[source]!.datasetId, tokens: tokens.slice(begin, end) }];
      })
      .slice(0, count);
  }

  /** What is measured while a run goes on. */
  async watch(engine: Engine, model: Llama, reference: Reference): Promise<Measured> {
    const tallies = this.#tallies();
    for (const role of this.#roles) await this.#add(engine, model, tallies, role, [0, role.watched], reference);
    return this.#measured(tallies, FEW_RESAMPLES);
  }

  /** What is measured at an end of a run: all, and of it what is measured in between. */
  async whole(engine: Engine, model: Llama, reference: Reference): Promise<{ watched: Measured; whole: Measured }> {
    const tallies = this.#tallies();
    for (const role of this.#roles) await this.#add(engine, model, tallies, role, [0, role.watched], reference);
    const isMore = this.#roles.some(({ windows, watched }) => watched < windows.length);
    const watched = this.#measured(tallies, isMore ? FEW_RESAMPLES : RESAMPLES);
    if (!isMore) return { watched, whole: watched };
    for (const role of this.#roles) await this.#add(engine, model, tallies, role, [role.watched, role.windows.length], reference);
    return { watched, whole: this.#measured(tallies, RESAMPLES) };
  }

  #tallies(): DocumentTally[] {
    return this.#parts.map(() => new DocumentTally());
  }

  async #add(
    engine: Engine,
    model: Llama,
    tallies: readonly DocumentTally[],
    { role, windows }: RoleWindows,
    [begin, end]: readonly [number, number],
    reference: Reference,
  ): Promise<void> {
    const base = reference(role);
    await scoreAll(engine, model, windows.slice(begin, end), base, (window, scores) => tallies[window.source]!.add(window, scores));
  }

  #measured(tallies: readonly DocumentTally[], resamples: number): Measured {
    const measured = this.#parts.map((part, index) => ({ part, tally: tallies[index]! })).filter(({ tally }) => tally.tokens.length > 0);
    const sumsOf = (role: MeasuredRole): DocumentSums[] =>
      measured.flatMap(({ part, tally }) => (part.role === role ? [tally.sums()] : []));
    const old = sumsOf('old');
    const isFinite = measured.every(({ tally }) => [...tally.losses, ...tally.drifts].every(Number.isFinite));
    if (!isFinite) throw new NotMeasurable(describe(measured));
    return {
      evaluation: {
        new: lossOf(sumsOf('new'), resamples),
        old: old.length > 0 ? lossOf(old, resamples) : null,
        drift: driftOf(old, resamples)?.value ?? null,
        datasets: measured.map(({ part: { heldOut, datasetId, name, hash, role }, tally }) =>
          tally.measure({ datasetId, name, hash, role }, heldOut.length, resamples),
        ),
      },
      documents: measured.map(({ part, tally }) => ({ datasetId: part.datasetId, ...tally.sums() })),
    };
  }
}
