import type { MeasurementsAtStep } from '../../../shared/contract/runs.ts';
import type { Guard } from '../../../shared/domain/guard.ts';
import type { MeasuredRole } from '../../../shared/domain/measurement.ts';
import type { MetricPoint } from '../../../shared/domain/run.ts';
import { type Curve, levelOf, pointsOf } from '../../ui/line-chart.ts';

/** How old and new knowledge went over a run, as curves: by role, by dataset, or as drift; with the level that the guard allows. */

export const RETENTION_VIEWS = { roles: 'Old and new', datasets: 'By dataset', drift: 'Drift' } as const;
export type RetentionView = keyof typeof RETENTION_VIEWS;

interface Course {
  metrics: readonly MetricPoint[];
  measurements: readonly MeasurementsAtStep[];
  guard: Guard | undefined;
}

const ROLE_COLOURS: Record<MeasuredRole, string> = { new: '--chart-new', old: '--chart-old', past: '--chart-past' };
const DASHES: readonly (number[] | undefined)[] = [undefined, [7, 4], [2, 3], [10, 4, 2, 4]];

/** Which views say something about a run. */
export function viewsOf({ metrics, measurements }: Pick<Course, 'metrics' | 'measurements'>): RetentionView[] {
  const datasets = new Set(measurements.flatMap((at) => at.datasets.map(({ datasetId }) => datasetId)));
  const hasDrift = metrics.some(({ series }) => series === 'drift');
  return ['roles', ...(datasets.size > 0 ? ['datasets' as const] : []), ...(hasDrift ? ['drift' as const] : [])];
}

export function retentionCurves(view: RetentionView, course: Course): Curve[] {
  switch (view) {
    case 'roles':
      return byRole(course);
    case 'datasets':
      return byDataset(course.measurements);
    case 'drift': {
      const curve: Curve = { label: 'drift', colour: '--chart-old', points: pointsOf(course.metrics, 'drift') };
      return course.guard?.measure === 'drift' ? [curve, levelOf('the limit', '--bad', course.guard.limit, [curve])] : [curve];
    }
  }
}

/** The level before step 1 and the limit are those of the same windows as the curve; results are measured on more tokens than it is. */
function byRole({ metrics, guard }: Course): Curve[] {
  const curves: Curve[] = [{ label: 'new', colour: '--chart-new', points: pointsOf(metrics, 'loss.new') }];
  const old: Curve = { label: 'old', colour: '--chart-old', points: pointsOf(metrics, 'loss.old') };
  const before = old.points[0]?.y;
  if (before === undefined) return curves;
  curves.push(old, levelOf('old, before', '--chart-old', before, [old]));
  const limit = allowedLoss(guard, before);
  if (limit !== null) curves.push(levelOf('the limit', '--bad', limit, [old]));
  return curves;
}

/** The old loss up to which the guard does nothing; null where it watches something else. */
export function allowedLoss(guard: Guard | undefined, before: number): number | null {
  if (guard?.measure === 'loss') return before + guard.limit;
  return guard?.measure === 'percent' ? before * (1 + guard.limit / 100) : null;
}

function byDataset(measurements: readonly MeasurementsAtStep[]): Curve[] {
  const curves = new Map<string, Curve>();
  const seen: Record<MeasuredRole, number> = { new: 0, old: 0, past: 0 };
  for (const { step, datasets } of measurements) {
    for (const { datasetId, name, role, loss } of datasets) {
      const id = `${role} ${datasetId}`;
      let curve = curves.get(id);
      if (!curve) {
        const dash = DASHES[seen[role]++ % DASHES.length];
        curve = { id, label: `${name} (${role})`, colour: ROLE_COLOURS[role], ...(dash && { dash }), points: [] };
        curves.set(id, curve);
      }
      curve.points.push({ x: step, y: loss.value });
    }
  }
  return [...curves.values()];
}
