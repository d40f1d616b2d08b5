import { setImmediate } from 'node:timers/promises';
import type { Comparison } from '../../shared/contract/comparison.ts';
import { bitsPerNat, type Comparability, ENGINE_AGREEMENT } from '../../shared/domain/comparability.ts';
import type { Role, RunSummary } from '../../shared/domain/run.ts';
import { Bootstrap, type DocumentSums, estimateDifference } from '../../shared/domain/statistics.ts';
import { type ComparedMeasure, verdictOf } from '../../shared/domain/verdict.ts';
import { type DatasetDocumentSums, findDocumentSums } from '../store/measurements.ts';
import type { Reader } from '../store/open-store.ts';

type RunVerdict = Comparison['verdicts'][number];

const ROLE_OF: Record<ComparedMeasure, Role> = { gain: 'new', forgetting: 'old', drift: 'old' };

/**
 * Whether runs are better than a baseline, by a bootstrap of the documents that both were measured on: what makes a document hard for both
 * cancels, so that much smaller differences are told than the errors of the two figures suggest.
 */
export async function verdictsOf(
  reader: Reader,
  runs: readonly RunSummary[],
  baseline: RunSummary,
  { measures, unit }: Comparability,
): Promise<RunVerdict[]> {
  const documents = new DocumentsOfRuns(reader);
  const verdicts: RunVerdict[] = [];
  for (const run of runs) {
    if (run.id === baseline.id) continue;
    for (const measure of measures) verdicts.push(verdictFor(measure, run, baseline, unit, documents));
    await setImmediate(); // thousands of documents of many runs take seconds, in which others are answered too
  }
  return verdicts;
}

function verdictFor(
  measure: ComparedMeasure,
  run: RunSummary,
  baseline: RunSummary,
  unit: Comparability['unit'],
  documents: DocumentsOfRuns,
): RunVerdict {
  const refused = (difference: number | null, reason: string): RunVerdict => ({
    ...{ run: run.id, measure, difference, error: null, interval: null },
    ...{ verdict: 'cannot-tell', reason },
  });
  const values = [baseline, run].map((each) => inUnit(each, measure, unit));
  for (const [index, each] of [baseline, run].entries()) {
    if (values[index] === null) return refused(null, missing(each, measure));
  }
  const difference = values[1]! - values[0]!;
  const [before, after] = [documents.of(baseline, measure, unit), documents.of(run, measure, unit)];
  for (const [index, each] of [baseline, run].entries()) {
    if (![before, after][index])
      return refused(difference, `Of "${each.name}" no single documents were kept: it was measured before they were.`);
  }
  if (!isSame(before!, after!)) return refused(difference, 'Not the same documents were measured.');
  const paired = estimateDifference(before!, after!, { bootstrap: documents.drawn(before!.sums.length) });
  if (!paired.interval) return refused(paired.value, 'One document alone tells nothing of others.');
  const tolerance = run.engine === baseline.engine ? 0 : toleranceIn(unit);
  const verdict = verdictOf(measure, paired, tolerance);
  const isWithin = verdict === 'cannot-tell' && verdictOf(measure, paired) !== 'cannot-tell';
  const reason = isWithin ? 'The difference is within what the two engines agree to.' : null;
  return { run: run.id, measure, difference: paired.value, error: paired.error, interval: paired.interval, verdict, reason };
}

/** Both the measurement before and the one after may be off by what engines agree to. */
function toleranceIn(unit: Comparability['unit']): number {
  return (2 * ENGINE_AGREEMENT) / (unit === 'bits' ? Math.LN2 : 1);
}

/** A figure of a run in the unit of a comparison; null where it was not measured. */
export function inUnit(run: RunSummary, measure: ComparedMeasure, unit: Comparability['unit']): number | null {
  const factor = unitFactor(run, ROLE_OF[measure], unit);
  const value = run[measure];
  return value === null || factor === null ? null : value * factor;
}

/** What nats per token of a run are multiplied with; null where the unit cannot be had. */
export function unitFactor({ baseline }: RunSummary, role: Role, unit: Comparability['unit']): number | null {
  if (unit !== 'bits') return 1;
  return baseline ? bitsPerNat(baseline, role) : null;
}

function missing({ name, baseline, final }: RunSummary, measure: ComparedMeasure): string {
  if (!baseline) return `"${name}" has no measurement before step 1, which gain and forgetting are against.`;
  if (!final) return `"${name}" has no measurement at its end.`;
  return `Of "${name}" ${measure} was not measured.`;
}

/** A measure's sums over the documents of a run, and what tells whether two runs have the same ones. */
interface PairedSums extends DocumentSums {
  sums: number[];
  weights: number[];
  /** Version and number of documents of each dataset; tokens too where tokenizers are the same. */
  key: string;
}

function isSame(a: PairedSums, b: PairedSums): boolean {
  return a.key === b.key;
}

/** Documents of runs, each read once: of fifty runs beside one baseline, the baseline's are needed fifty times. */
class DocumentsOfRuns {
  readonly #reader: Reader;
  readonly #known = new Map<string, PairedSums | null>();
  readonly #bootstraps = new Map<number, Bootstrap>();

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  /** So many documents drawn again, the same for every pair of runs that has as many. */
  drawn(documents: number): Bootstrap {
    const known = this.#bootstraps.get(documents) ?? new Bootstrap(documents);
    this.#bootstraps.set(documents, known);
    return known;
  }

  of(run: RunSummary, measure: ComparedMeasure, unit: Comparability['unit']): PairedSums | null {
    const key = `${run.id} ${measure}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const sums = this.#read(run, measure, unit);
    this.#known.set(key, sums);
    return sums;
  }

  #read(run: RunSummary, measure: ComparedMeasure, unit: Comparability['unit']): PairedSums | null {
    const of = (when: 'baseline' | 'final'): DatasetDocumentSums[] =>
      findDocumentSums(this.#reader, run.id, when)
        .filter(({ role }) => role === ROLE_OF[measure])
        .sort((a, b) => (a.hash < b.hash ? -1 : 1));
    const [before, after] = [of('baseline'), of('final')];
    if (after.length === 0 || (measure !== 'drift' && before.length !== after.length)) return null;
    if (measure === 'drift' && after.some(({ drifts }) => drifts === null)) return null;
    const sums = after.flatMap(({ losses, drifts }, index) => {
      if (measure === 'drift') return [...drifts!];
      const first = before[index]!.losses;
      return Array.from(losses, (loss, document) => (measure === 'gain' ? first[document]! - loss : loss - first[document]!));
    });
    // The bytes of a document are not kept, but those of all: each gets them by its tokens.
    const factor = unitFactor(run, ROLE_OF[measure], unit);
    if (factor === null) return null;
    const weights = after.flatMap(({ tokens }) => [...tokens].map((count) => count / factor));
    const tokens = unit === 'bits' ? '' : ` ${after.flatMap((each) => [...each.tokens]).join(' ')}`;
    return { sums, weights, key: `${after.map(({ hash, tokens: { length } }) => `${hash} ${length}`).join(' ')}${tokens}` };
  }
}
