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

/** @param baseline losses before step 1, which gain and forgetting are against. */
export function courseOf(reader: Reader, run: string, baseline: { new: number; old: number }): RunCourse {
  const value = (sql: string, ...values: unknown[]): number | null =>
    reader
      .prepare<unknown[], number | null>(sql)
      .pluck()
      .get(...values) ?? null;
  const least = value("SELECT min(value) FROM metrics WHERE run = ? AND series = 'loss.new' AND step > 0", run);
  const hasOld = value("SELECT 1 FROM metrics WHERE run = ? AND series = 'loss.old' LIMIT 1", run) !== null;
  const at = (step: number): CoursePoint | null => {
    const lossAt = (series: MetricSeries): number | null =>
      value('SELECT value FROM metrics WHERE run = ? AND series = ? AND step = ?', run, series, step);
    const [onNew, onOld] = [lossAt('loss.new'), lossAt('loss.old')];
    return onNew === null || onOld === null ? null : { step, gain: baseline.new - onNew, forgetting: onOld - baseline.old };
  };
  return {
    largestGain: least === null || !hasOld ? null : baseline.new - least,
    around: (gain) => {
      const reached = value(
        "SELECT step FROM metrics WHERE run = ? AND series = 'loss.new' AND ? - value >= ? ORDER BY step LIMIT 1",
        run,
        baseline.new,
        gain,
      );
      if (reached === null) return [];
      const before = value("SELECT max(step) FROM metrics WHERE run = ? AND series = 'loss.new' AND step < ?", run, reached);
      return [before, reached].flatMap((step) => (step === null ? [] : [at(step)])).filter((point) => point !== null);
    },
  };
}
