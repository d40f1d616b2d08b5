import type { CurvePoint, MixtureDefinition } from './mixture.ts';

const percent = (share: number): string => `${Number((share * 100).toFixed(1))} %`;

/** What a run's mixture was defined by, as labels and words. */
export function describeMixture(
  { weighting, temperature, maxRepeats, schedule, curve, weights }: MixtureDefinition,
  datasets: readonly { id: string; name: string; role: string }[],
): [string, string][] {
  const tempered = weighting === 'size' && temperature !== 1 ? `, temperature ${temperature}` : '';
  const parts = datasets.map(({ id, name, role }) => `${name} ${percent(weights[id] ?? 0)} of ${role}`);
  return [
    ['weights', `${weighting}${tempered}: ${parts.join(', ')}`],
    ['replay over the run', isFlat(curve) ? schedule : `${schedule}: ${curveWords(curve)}`],
    ['cap on repeats', maxRepeats === null ? 'none' : String(maxRepeats)],
  ];
}

/** The share of old tokens over a run: where it bends, "10 % at 0 %, 0 % at 100 %" of the windows. */
export function curveWords(curve: readonly CurvePoint[]): string {
  if (isFlat(curve)) return `${percent(curve[0]!.share)} throughout`;
  return curve.map(({ at, share }) => `${percent(share)} at ${percent(at)}`).join(', ');
}

function isFlat(curve: readonly CurvePoint[]): boolean {
  return curve.every(({ share }) => share === curve[0]!.share);
}
