import type { DatasetMeasure } from '../../shared/domain/measurement.ts';
import { DEFAULT_RENDERING } from '../../shared/domain/rendering.ts';
import type { DocumentColumns } from '../store/document-sums.ts';
import { keyOf, listLineMeasures, type Manner } from '../store/line-measures.ts';
import { findDocumentSums } from '../store/measurements.ts';
import type { StoredModel } from '../store/models.ts';
import type { Reader } from '../store/open-store.ts';
import type { StoredRun } from '../store/runs.ts';

/** What is known of a model on one held-out part, and from where. */
export interface FoundMeasure {
  /** What the held-out part goes by. */
  datasetHash: string;
  manner: Manner;
  /** Of the same windows, read in the same way: see keyOf. */
  key: string;
  measure: DatasetMeasure;
  /** Null where it was measured for a line. */
  run: { id: string; name: string } | null;
  /** Null where a run did not write them down. */
  documents(): DocumentColumns | null;
}

/**
 * Held-out measurements by the hash of the model that was measured: what runs measured of their base before step 1 and of their result, and what was
 * measured for lines.
 */
export class LineSources {
  readonly #store: Reader;
  readonly #ofRuns = new Map<string, FoundMeasure[]>();

  constructor(store: Reader, runs: readonly StoredRun[], models: readonly StoredModel[]) {
    this.#store = store;
    const results = resultsOfRuns(models);
    for (const run of runs) {
      this.#add(run.configuration.baseModel.hash, run, 'baseline');
      const result = results.get(run.id);
      if (result !== undefined) this.#add(result, run, 'final');
    }
  }

  /** A run's result comes before what another run measured of it as its base, and both before what was measured for a line. */
  of(modelHashes: readonly string[]): FoundMeasure[] {
    return modelHashes.flatMap((hash) => [
      ...(this.#ofRuns.get(hash) ?? []),
      ...listLineMeasures(this.#store, hash).map(({ documents, ...measured }): FoundMeasure => ({
        ...measured,
        key: keyOf(measured.manner, measured.measure),
        run: null,
        documents: () => documents,
      })),
    ]);
  }

  #add(modelHash: string, { id, name, configuration, ...run }: StoredRun, moment: 'baseline' | 'final'): void {
    const { completions, learn } = configuration.rendering ?? DEFAULT_RENDERING;
    const { order } = configuration.evaluation;
    const manner = { context: configuration.context, completions, learn, ...(order && { order }) };
    const found = (run[moment]?.datasets ?? []).map((measure): FoundMeasure => ({
      datasetHash: measure.hash,
      manner,
      key: keyOf(manner, measure),
      measure,
      run: { id, name },
      documents: () => findDocumentSums(this.#store, id, moment).find(({ dataset }) => dataset === measure.datasetId) ?? null,
    }));
    const known = this.#ofRuns.get(modelHash) ?? [];
    this.#ofRuns.set(modelHash, moment === 'final' ? [...found, ...known] : [...known, ...found]);
  }
}

/** Hash of the model that each run made, also where the model itself is gone but a later one says that it came of it. */
function resultsOfRuns(models: readonly StoredModel[]): Map<string, string> {
  const results = new Map<string, string>();
  for (const { run, hash, line } of models) {
    for (const [index, { id }] of line.entries()) {
      const next = line[index + 1]?.base.hash;
      if (id !== null && next) results.set(id, next);
    }
    if (run !== null) results.set(run, hash);
  }
  return results;
}
