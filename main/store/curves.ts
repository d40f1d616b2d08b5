import type { CoursePoint } from '../../shared/domain/matched-gain.ts';
import type { MetricSeries } from '../../shared/domain/run.ts';
import type { Points } from '../../shared/domain/thinning.ts';
import type { Reader } from './open-store.ts';

/** Ranges of metrics as charts and comparisons read them: ten thousand points of a run, many runs at once. */

/** A whole series by step; values that are no numbers are left out. */
export function readCurve(reader: Reader, run: string, series: MetricSeries): Points {
  const points = reader
    .prepare<[string, string], [number, number]>(
      'SELECT step, value FROM metrics WHERE run = ? AND series = ? AND abs(value) < 1e300 ORDER BY step',
    )
    .raw()
    .all(run, series);
  return { x: points.map(([step]) => step), y: points.map(([, value]) => value) };
}

/** The measurements of a run that tell where it first had a gain. */
export interface RunCourse {
  /** The largest gain that was measured after step 1; null where gain and forgetting never were. */
  largestGain: number | null;
  /** The measurement before the gain was first reached, and the one that reaches it; as many as there are. */
  around(gain: number): CoursePoint[];
}

/**
 * Gain and forgetting along a run are against what was measured before step 1 on the same windows: those that are measured on the way, of which
 * there may be fewer than at its ends.
 * @param lastStep whose state became the result: of a run that was rolled back, what came later belongs to nothing that is left.
 */
export function courseOf(reader: Reader, run: string, lastStep: number): RunCourse {
  const value = (sql: string, ...values: unknown[]): number | null =>
    reader
      .prepare<unknown[], number | null>(sql)
      .pluck()
      .get(...values) ?? null;
  const lossAt = (series: MetricSeries, step: number): number | null =>
    value('SELECT value FROM metrics WHERE run = ? AND series = ? AND step = ?', run, series, step);
  const [newBefore, oldBefore] = [lossAt('loss.new', 0), lossAt('loss.old', 0)];
  if (newBefore === null || oldBefore === null) return { largestGain: null, around: () => [] };
  const least = value("SELECT min(value) FROM metrics WHERE run = ? AND series = 'loss.new' AND step BETWEEN 1 AND ?", run, lastStep);
  const at = (step: number): CoursePoint | null => {
    const [onNew, onOld] = [lossAt('loss.new', step), lossAt('loss.old', step)];
    return onNew === null || onOld === null ? null : { step, gain: newBefore - onNew, forgetting: onOld - oldBefore };
  };
  return {
    largestGain: least === null ? null : newBefore - least,
    around: (gain) => {
      const reached = value(
        "SELECT step FROM metrics WHERE run = ? AND series = 'loss.new' AND step <= ? AND ? - value >= ? ORDER BY step LIMIT 1",
        run,
        lastStep,
        newBefore,
        gain,
      );
      if (reached === null) return [];
      const before = value("SELECT max(step) FROM metrics WHERE run = ? AND series = 'loss.new' AND step < ?", run, reached);
      return [before, reached].flatMap((step) => (step === null ? [] : [at(step)])).filter((point) => point !== null);
    },
  };
}
