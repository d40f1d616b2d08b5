import type { MeasurementsAtStep } from '../../../shared/contract/runs.ts';
import { type DatasetMeasure, MEASURED_ROLES } from '../../../shared/domain/measurement.ts';
import type { RunSummary } from '../../../shared/domain/run.ts';

/** A dataset before step 1 and as it was measured last, on the same text; without the former there is nothing to compare with. */
export interface MeasuredDataset {
  before: DatasetMeasure | null;
  now: DatasetMeasure;
}

/** What was measured of each dataset, new ones first, then old, then those of earlier steps of the model's line. */
export function measuredDatasets(
  run: Pick<RunSummary, 'baseline' | 'watchedBaseline' | 'final'>,
  measurements: readonly MeasurementsAtStep[],
): MeasuredDataset[] {
  const whole = run.baseline?.datasets ?? measurements.find(({ step }) => step === 0)?.datasets ?? [];
  const later = run.final?.datasets ?? measurements.findLast(({ step }) => step > 0)?.datasets;
  // Nothing is compared with itself, and on the way less is measured than at both ends.
  const first = later ? [...whole, ...(run.watchedBaseline?.datasets ?? [])] : [];
  const areOfOneText = (a: DatasetMeasure, b: DatasetMeasure): boolean =>
    a.datasetId === b.datasetId && a.role === b.role && a.tokens === b.tokens;
  return (later ?? whole)
    .map((now) => ({ now, before: first.find((each) => areOfOneText(each, now)) ?? null }))
    .sort((a, b) => MEASURED_ROLES.indexOf(a.now.role) - MEASURED_ROLES.indexOf(b.now.role));
}
