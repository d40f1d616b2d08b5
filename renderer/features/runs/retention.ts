import type { MeasurementsAtStep } from '../../../shared/contract/runs.ts';
import type { Guard } from '../../../shared/domain/guard.ts';
import type { MeasuredRole } from '../../../shared/domain/measurement.ts';
import type { MetricPoint, RunConfiguration } from '../../../shared/domain/run.ts';
import { words } from '../../../shared/words/words.ts';
import { type Curve, levelOf, pointsOf } from '../../ui/line-chart.ts';

/** How old and new knowledge went over a run, as curves: each by itself, in one chart, by dataset, or as drift; with the level that the guard allows. */

export const RETENTION_VIEWS = ['sides', 'roles', 'datasets', 'drift'] as const;
export type RetentionView = (typeof RETENTION_VIEWS)[number];

interface Course {
  metrics: readonly MetricPoint[];
  measurements: readonly MeasurementsAtStep[];
  guard: Guard | undefined;
  /** While it goes on, the step that it goes on to: levels reach to there, so that the charts show how far it is. */
  until?: number | null;
}

const ROLE_COLOURS: Record<MeasuredRole, string> = { new: '--chart-new', old: '--chart-old', past: '--chart-past' };
const DASHES: readonly (number[] | undefined)[] = [undefined, [7, 4], [2, 3], [10, 4, 2, 4]];

/** On how much text the course rests beside the results; null where both rest on the same. Until the end there are no results that rest on more. */
export function restsOn({ tokens, tokensAtEnds }: RunConfiguration['evaluation'], hasEnded: boolean): string | null {
  if (tokensAtEnds === undefined || tokensAtEnds === tokens) return null;
  return hasEnded ? words('training.onFewer', { tokens, tokensAtEnds }) : words('training.onFewerYet', { tokens, tokensAtEnds });
}

/** Which views say something about a run. */
export function viewsOf({ metrics, measurements }: Pick<Course, 'metrics' | 'measurements'>): RetentionView[] {
  const datasets = new Set(measurements.flatMap((at) => at.datasets.map(({ datasetId }) => datasetId)));
  const hasDrift = metrics.some(({ series }) => series === 'drift');
  return ['sides', 'roles', ...(datasets.size > 0 ? ['datasets' as const] : []), ...(hasDrift ? ['drift' as const] : [])];
}

/** Old knowledge by itself, with where it was before step 1 and the loss up to which the guard does nothing; empty without old data. */
export function keptCurves({ metrics, guard, until }: Course): Curve[] {
  const old: Curve = { label: words('training.old'), colour: '--chart-old', points: pointsOf(metrics, 'loss.old') };
  const before = old.points[0]?.y;
  if (before === undefined) return [];
  const limit = allowedLoss(guard, before);
  return [
    old,
    levelOf(words('training.before'), '--text-faint', before, reaching(old, until)),
    ...(limit === null ? [] : [levelOf(words('training.limit'), '--bad', limit, reaching(old, until))]),
  ];
}

/** New knowledge by itself, with where it was before step 1. */
export function learnedCurves({ metrics, until }: Pick<Course, 'metrics' | 'until'>): Curve[] {
  const curve: Curve = { label: words('training.new'), colour: '--chart-new', points: pointsOf(metrics, 'loss.new') };
  const before = curve.points[0]?.y;
  return before === undefined ? [] : [curve, levelOf(words('training.before'), '--text-faint', before, reaching(curve, until))];
}

/** The places that a curve covers, and the one that it is to reach. */
function reaching(curve: Curve, until: number | null | undefined): Curve[] {
  return until === null || until === undefined ? [curve] : [curve, { ...curve, points: [{ x: until, y: 0 }] }];
}

/** Curves of a view that is one chart. */
export function retentionCurves(view: Exclude<RetentionView, 'sides'>, course: Course): Curve[] {
  switch (view) {
    case 'roles':
      return byRole(course);
    case 'datasets':
      return byDataset(course.measurements);
    case 'drift': {
      const curve: Curve = { label: words('training.drift'), colour: '--chart-old', points: pointsOf(course.metrics, 'drift') };
      return course.guard?.measure === 'drift' ? [curve, levelOf(words('training.limit'), '--bad', course.guard.limit, [curve])] : [curve];
    }
  }
}

/** The level before step 1 and the limit are those of the same windows as the curve; results are measured on more tokens than it is. */
function byRole({ metrics, guard }: Course): Curve[] {
  const curves: Curve[] = [{ label: words('training.new'), colour: '--chart-new', points: pointsOf(metrics, 'loss.new') }];
  const old: Curve = { label: words('training.old'), colour: '--chart-old', points: pointsOf(metrics, 'loss.old') };
  const before = old.points[0]?.y;
  if (before === undefined) return curves;
  curves.push(old, levelOf(words('training.oldBefore'), '--chart-old', before, [old]));
  const limit = allowedLoss(guard, before);
  if (limit !== null) curves.push(levelOf(words('training.limit'), '--bad', limit, [old]));
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
        curve = { id, label: labelOf(role, name), colour: ROLE_COLOURS[role], ...(dash && { dash }), points: [] };
        curves.set(id, curve);
      }
      curve.points.push({ x: step, y: loss.value });
    }
  }
  return [...curves.values()];
}

function labelOf(role: MeasuredRole, name: string): string {
  const keys = { new: 'training.ofNew', old: 'training.ofOld', past: 'training.ofPast' } as const;
  return words(keys[role], { name });
}
