import { locale, words } from '../words/words.ts';
import type { ReplaySchedule } from './mixture-curve.ts';
import type { CurvePoint, MixtureDefinition, Weighting } from './mixture.ts';

const percent = (share: number): string =>
  `${(share * 100).toLocaleString(locale().numbers, { maximumFractionDigits: 1, useGrouping: false })} %`;

/** What a run's mixture was defined by, as labels and words. */
export function describeMixture(
  { weighting, temperature, maxRepeats, schedule, curve, weights }: MixtureDefinition,
  datasets: readonly { id: string; name: string; role: string }[],
): [string, string][] {
  const parts = datasets
    .map(({ id, name, role }) => {
      const part = { name, share: percent(weights[id] ?? 0) };
      return role === 'new' ? words('domain.partOfNew', part) : words('domain.partOfOld', part);
    })
    .join(', ');
  const isTempered = weighting === 'size' && temperature !== 1;
  const weightsSaid = isTempered
    ? words('domain.weightsTempered', { weighting: weightingWords(weighting), temperature, parts })
    : words('domain.weightsAre', { weighting: weightingWords(weighting), parts });
  return [
    [words('domain.weights'), weightsSaid],
    [
      words('domain.replayOverRun'),
      isFlat(curve) ? scheduleName(schedule) : words('domain.courseIs', { schedule: scheduleName(schedule), course: curveWords(curve) }),
    ],
    [words('domain.capOnRepeats'), maxRepeats === null ? words('domain.none') : String(maxRepeats)],
  ];
}

function weightingWords(weighting: Weighting): string {
  return {
    size: words('domain.bySize'),
    sqrt: words('domain.bySqrt'),
    equal: words('domain.equally'),
    manual: words('domain.byHand'),
  }[weighting];
}

/** A course of the replay share by its name; one that was typed is as it was typed. */
export function scheduleName(schedule: string): string {
  const names: Record<ReplaySchedule, string> = {
    constant: words('mixing.constant'),
    'replay-heavy-start': words('mixing.heavyStart'),
    falling: words('mixing.falling'),
    'new-heavy-end': words('mixing.newEnd'),
  };
  return names[schedule as ReplaySchedule] ?? schedule;
}

/** What a course of the replay share means, for beside its name. */
export function scheduleMeaning(schedule: ReplaySchedule): string {
  return {
    constant: words('domain.constantMeans'),
    'replay-heavy-start': words('domain.heavyStartMeans'),
    falling: words('domain.fallingMeans'),
    'new-heavy-end': words('domain.newEndMeans'),
  }[schedule];
}

/** The share of old tokens over a run: where it bends, "10 % at 0 %, 0 % at 100 %" of the windows. */
export function curveWords(curve: readonly CurvePoint[]): string {
  if (isFlat(curve)) return words('domain.throughout', { share: percent(curve[0]!.share) });
  return curve.map(({ at, share }) => words('domain.shareAt', { share: percent(share), at: percent(at) })).join(', ');
}

function isFlat(curve: readonly CurvePoint[]): boolean {
  return curve.every(({ share }) => share === curve[0]!.share);
}
