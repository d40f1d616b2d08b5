import type { MixtureDefinition } from './mixture.ts';

const percent = (share: number): string => `${Number((share * 100).toFixed(1))} %`;

/** What a run's mixture was defined by, as labels and words. */
export function describeMixture(
  { weighting, temperature, maxRepeats, schedule, curve, weights }: MixtureDefinition,
  datasets: readonly { id: string; name: string; role: string }[],
): [string, string][] {
  const isFlat = curve.every(({ share }) => share === curve[0]!.share);
  const tempered = weighting === 'size' && temperature !== 1 ? `, temperature ${temperature}` : '';
  const parts = datasets.map(({ id, name, role }) => `${name} ${percent(weights[id] ?? 0)} of ${role}`);
  return [
    ['weights', `${weighting}${tempered}: ${parts.join(', ')}`],
    [
      'replay over the run',
      isFlat ? schedule : `${schedule}: ${curve.map(({ at, share }) => `${percent(share)} at ${percent(at)}`).join(', ')}`,
    ],
    ['cap on repeats', maxRepeats === null ? 'none' : String(maxRepeats)],
  ];
}
