import type { ForecastResult } from '../../../shared/contract/recipes.ts';
import type { Uncertain } from '../compare/trade-off.ts';

/** A forecast as it is drawn: gain against forgetting, nats per token. */

export interface FrontierPoint {
  label: string;
  share: number;
  gain: number;
  forgetting: number;
  kind: 'pilot' | 'later';
}

/** What was measured: the pilots, and runs that were made since. */
export function measuredPoints({ forecast, checks }: ForecastResult): FrontierPoint[] {
  const { base, pilots } = forecast;
  const pointOf = (newLoss: number, oldLoss: number): { gain: number; forgetting: number } => ({
    gain: base.newLoss - newLoss,
    forgetting: oldLoss - base.oldLoss,
  });
  return [
    ...pilots.map(({ share, newLoss, oldLoss }) => ({ label: 'pilot', share, ...pointOf(newLoss, oldLoss), kind: 'pilot' as const })),
    ...checks.map(({ name, error, prediction }) => ({
      label: name,
      share: error.share,
      ...pointOf(prediction.newLoss.value + error.newLoss, prediction.oldLoss.value + error.oldLoss),
      kind: 'later' as const,
    })),
  ];
}

/** Everything that has to fit on an axis: the band, and what was measured. */
export function extentOf({ frontier, ...rest }: ForecastResult, of: 'gain' | 'forgetting'): Uncertain[] {
  const band = frontier.flatMap((at) => [at[of].low, at[of].high]);
  const measured = measuredPoints({ frontier, ...rest }).map((point) => point[of]);
  return [...band, ...measured].map((value) => ({ value, error: null }));
}

/** Corners of the band: along its better side, and back along the worse one. */
export function bandOutline(frontier: ForecastResult['frontier']): { gain: number; forgetting: number }[] {
  const better = frontier.map(({ gain, forgetting }) => ({ gain: gain.high, forgetting: forgetting.low }));
  const worse = frontier.map(({ gain, forgetting }) => ({ gain: gain.low, forgetting: forgetting.high }));
  return [...better, ...worse.reverse()];
}
