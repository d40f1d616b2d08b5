import type { MeasurementsAtStep } from '../../../shared/contract/runs.ts';
import { type DatasetMeasure, MEASURED_ROLES } from '../../../shared/domain/measurement.ts';
import type { RunSummary } from '../../../shared/domain/run.ts';

/** A dataset before step 1 and as it was measured last; without the former there is nothing to compare with. */
export interface MeasuredDataset {
  before: DatasetMeasure | null;
  now: DatasetMeasure;
}

/** What was measured of each dataset, new ones first, then old, then those of earlier steps of the model's line. */
export function measuredDatasets(
  run: Pick<RunSummary, 'baseline' | 'final'>,
  measurements: readonly MeasurementsAtStep[],
): MeasuredDataset[] {
  const first = run.baseline?.datasets ?? measurements.find(({ step }) => step === 0)?.datasets ?? [];
  const last = run.final?.datasets ?? measurements.at(-1)?.datasets ?? first;
  return last
    .map((now) => ({ now, before: first.find(({ datasetId, role }) => datasetId === now.datasetId && role === now.role) ?? null }))
    .sort((a, b) => MEASURED_ROLES.indexOf(a.now.role) - MEASURED_ROLES.indexOf(b.now.role));
}
