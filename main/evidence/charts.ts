import { type Group, groupsOf, spreadOf } from './analysis.ts';
import { armsFor, MIXED_ARMS } from './arms.ts';
import type { Subject } from './plan.ts';
import { type NamedPlace, type Series, seriesChart, type SeriesPoint } from './series-chart.ts';
import type { RungDistance, StudyRun } from './study.ts';

/** What the tables of docs/evidence.md say, as pictures. */

export interface Picture {
  /** Its file's name. */
  file: string;
  description: string;
  svg: string;
}

/** Dashes by replay share: none is drawn through. */
const DASHES = [undefined, '7 4', '2 4'] as const;

/** Every arm without replay, its learning rates joined from the smallest to the largest. */
export function armsPicture(subject: Subject, runs: readonly StudyRun[]): Picture {
  const groups = groupsOf(runs.filter(({ target, replay }) => target === subject.target && replay === 0));
  const series = armsFor(subject.blocks).map(({ key, title }, index): Series => {
    const own = groups.filter(({ arm }) => arm === key).sort((a, b) => a.learningRate - b.learningRate);
    return { name: title, colour: (index % 10) + 1, dash: index < 10 ? undefined : '7 4', points: own.map(tradeOff) };
  });
  return picture(
    `evidence-arms-${subject.key}`,
    'Gain against forgetting of every arm without replay, with 95 % intervals',
    TRADE_OFF,
    series,
  );
}

/** The arms that were trained with replay, from no replay to the largest share. */
export function replayPicture(subject: Subject, runs: readonly StudyRun[]): Picture {
  const groups = groupsOf(runs.filter(({ target }) => target === subject.target));
  const series = mixedArms(subject).map(({ key, title, rate }, index): Series => {
    const own = groups.filter(({ arm, learningRate }) => arm === key && learningRate === rate).sort((a, b) => a.replay - b.replay);
    return { name: title, colour: index + 1, points: own.map(tradeOff) };
  });
  return picture(`evidence-replay-${subject.key}`, 'Gain against forgetting from no replay to the largest share', TRADE_OFF, series);
}

const TRADE_OFF = { x: 'forgetting, nats per token', y: 'gain, nats per token' };

/** Forgetting and gain over the distance of the new text, one line for each method and share. */
export function ladderPictures(subject: Subject, runs: readonly StudyRun[], rungs: readonly RungDistance[]): Picture[] {
  return (['forgetting', 'gain'] as const).map((what) => {
    const series = mixedArms(subject).flatMap(({ key, title, rate }, index) =>
      LADDER.map((share, dash): Series => {
        const groups = groupsOf(runs.filter((run) => run.arm === key && run.learningRate === rate && run.replay === share));
        const points = rungs.flatMap(({ target, excess }) => {
          const group = groups.find((each) => each.target === target);
          return group ? [overDistance(group, excess, what)] : [];
        });
        return { name: share === 0 ? title : `${title}, ${100 * share} % replay`, colour: index + 1, dash: DASHES[dash], points };
      }),
    );
    const axes = { x: 'distance of words above the floor, 0 to 1', y: `${what}, nats per token` };
    const places = rungs.map(({ target, excess }) => ({ x: excess, name: target }));
    const description = `${what[0]!.toUpperCase()}${what.slice(1)} over the distance of the new text`;
    return picture(`evidence-ladder-${what}`, description, axes, series, places);
  });
}

/** Shares on every rung. */
export const LADDER: readonly number[] = [0, 0.05, 0.25];

function mixedArms(subject: Subject): { key: string; title: string; rate: number }[] {
  const arms = armsFor(subject.blocks);
  return MIXED_ARMS(subject.blocks).map((key) => {
    const { title, rates } = arms.find((arm) => arm.key === key)!;
    return { key, title, rate: rates[1] };
  });
}

function tradeOff({ runs }: Group): SeriesPoint {
  const [gain, forgetting] = [spreadOf(runs.map((run) => run.gain)), spreadOf(runs.map((run) => run.forgetting))];
  return { x: forgetting.mean, xHalf: forgetting.halfWidth, y: gain.mean, yHalf: gain.halfWidth };
}

function overDistance({ runs }: Group, distance: number, what: 'gain' | 'forgetting'): SeriesPoint {
  const { mean, halfWidth } = spreadOf(runs.map((run) => run[what]));
  return { x: distance, xHalf: null, y: mean, yHalf: halfWidth };
}

function picture(
  file: string,
  description: string,
  axes: { x: string; y: string },
  series: readonly Series[],
  places: readonly NamedPlace[] = [],
): Picture {
  const drawn = series.filter(({ points }) => points.length > 0);
  return { file: `${file}.svg`, description, svg: seriesChart(description, axes, drawn, places) };
}
