import type { LineCell, LineColumn, LineUnit } from '../../shared/contract/lines.ts';
import { changeOf, type Score } from '../../shared/domain/continual.ts';
import { estimateRatio } from '../../shared/domain/statistics.ts';
import { words } from '../../shared/words/words.ts';
import type { StoredDataset } from '../store/datasets.ts';
import type { FoundMeasure } from './line-sources.ts';

/** A dataset of a line, by what its held-out part goes by. */
export interface LineData {
  name: string;
  hash: string;
  /** Itself or a sample of it; absent where neither is in the workspace. */
  stored: StoredDataset | undefined;
}

/** A moment of a line: the model, and all that is measured of it. */
export interface LineMoment {
  name: string;
  /** Null where it is not in the workspace. */
  model: string | null;
  measures: readonly FoundMeasure[];
}

/** A column of the matrix before it is shown. */
export interface Column {
  datasets: readonly LineData[];
  /** For each dataset, a measurement that says how all of the column are read; undefined where there is none yet. */
  examples: (FoundMeasure | undefined)[];
  cells: { score: Score | null; measures: (FoundMeasure | undefined)[] }[];
}

/**
 * The scores of some moments on the held-out parts of datasets together. Of each dataset those measurements count that read the same windows in the
 * same way: the manner that most moments have, and of equals the one that read most.
 */
export function columnOf(datasets: readonly LineData[], moments: readonly LineMoment[], unit: LineUnit): Column {
  const examples = datasets.map((dataset) => commonManner(dataset, moments));
  const cells = moments.map((moment) => {
    const measures = datasets.map(({ hash }, index) =>
      moment.measures.find((each) => each.datasetHash === hash && each.key === examples[index]?.key),
    );
    return { measures, score: measures.every((each) => each !== undefined) ? scoreOf(measures, unit) : null };
  });
  return { datasets, examples, cells };
}

function commonManner({ hash }: LineData, moments: readonly LineMoment[]): FoundMeasure | undefined {
  const found = new Map<string, { example: FoundMeasure; moments: Set<LineMoment> }>();
  for (const moment of moments) {
    for (const measure of moment.measures) {
      if (measure.datasetHash !== hash) continue;
      const known = found.get(measure.key) ?? { example: measure, moments: new Set() };
      known.moments.add(moment);
      found.set(measure.key, known);
    }
  }
  const ordered = [...found.values()].sort(
    (a, b) => b.moments.size - a.moments.size || b.example.measure.tokens - a.example.measure.tokens,
  );
  return ordered[0]?.example;
}

/** Minus the loss over all datasets together, in nats per token or bits per byte. */
function scoreOf(measures: readonly FoundMeasure[], unit: LineUnit): Score {
  const columns = measures.map((each) => each.documents());
  if (columns.every((each) => each !== null)) {
    const parts = columns.map(({ tokens, losses }, index) => {
      const { measure } = measures[index]!;
      // Bytes of single documents are not kept: those of the dataset are shared among them as its tokens are.
      const weight = unit === 'nats' ? 1 : measure.bytes / measure.tokens;
      const nats = unit === 'nats' ? 1 : 1 / Math.LN2;
      return { sums: losses.map((loss) => -loss * nats), weights: tokens.map((count) => count * weight) };
    });
    const documents = { sums: parts.flatMap(({ sums }) => [...sums]), weights: parts.flatMap(({ weights }) => [...weights]) };
    return { ...estimateRatio(documents), documents };
  }
  const parts = measures.map(({ measure }) =>
    unit === 'nats' ? { ...measure.loss, weight: measure.tokens } : { ...measure.bitsPerByte!, weight: measure.bytes },
  );
  const weight = parts.reduce((sum, part) => sum + part.weight, 0);
  const isErrorKnown = parts.every(({ error }) => error !== null);
  return {
    value: -parts.reduce((sum, part) => sum + part.value * part.weight, 0) / weight,
    error: isErrorKnown ? Math.hypot(...parts.map((part) => (part.error! * part.weight) / weight)) : null,
    documents: null,
  };
}

/** Why a cell is empty, and whether it need not stay so. */
export function shownCell(column: Column, row: number, moment: LineMoment, reference: Score | null): LineCell {
  const { score, measures } = column.cells[row]!;
  if (score !== null) {
    const known = measures as FoundMeasure[];
    return {
      isKnown: true,
      score: { value: score.value, error: score.error },
      tokens: known.reduce((sum, { measure }) => sum + measure.tokens, 0),
      documents: known.reduce((sum, { measure }) => sum + measure.documents, 0),
      run: known[0]!.run,
      change: reference === null || reference === score ? null : changeOf(reference, score),
    };
  }
  const gone = column.datasets.find(({ stored }, index) => measures[index] === undefined && stored === undefined);
  if (gone) return { isKnown: false, reason: words('said.datasetGone', { name: gone.name }), canBeMeasured: false };
  if (moment.model === null) return { isKnown: false, reason: words('said.modelGone', { name: moment.name }), canBeMeasured: false };
  const [dataset] = column.datasets.filter((_, index) => measures[index] === undefined);
  const other = moment.measures.find(({ datasetHash }) => datasetHash === dataset!.hash);
  const reason = other
    ? words('said.otherManner', { tokens: String(other.measure.tokens), context: String(other.manner.context) })
    : words('said.notMeasured');
  return { isKnown: false, reason, canBeMeasured: true };
}

export function shownColumn(column: Column, moments: readonly LineMoment[], reference: number): LineColumn {
  const [example] = column.examples;
  return {
    datasets: column.datasets.map(({ name, hash, stored }) => ({
      name,
      hash,
      id: stored?.id ?? null,
      isSample: stored !== undefined && stored.sampleOf !== null,
    })),
    manner: example ? { context: example.manner.context, coverage: example.measure.coverage } : null,
    cells: moments.map((moment, row) => shownCell(column, row, moment, column.cells[reference]!.score)),
  };
}
