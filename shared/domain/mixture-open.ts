import { ReplayCurve } from './mixture-curve.ts';
import { type Raise, RaisedMixture } from './mixture-raised.ts';
import { MixtureStream } from './mixture-stream.ts';
import { FirstMixture } from './mixture-v1.ts';
import type { Mixture, MixtureSource } from './mixture.ts';
import type { RunConfiguration } from './run.ts';

type Described = Pick<RunConfiguration, 'mixture' | 'replayShare' | 'steps' | 'batch' | 'seed'>;

/**
 * The mixture of a run: by its definition, or, for a run from before there were definitions, by its replay share alone; with what its guard
 * raised on the way.
 */
export function openMixture(configuration: Described, sources: readonly MixtureSource[], raises: readonly Raise[] = []): Mixture {
  const { mixture, replayShare, steps, batch, seed } = configuration;
  const windows = steps * batch;
  const first = mixture ? new MixtureStream(sources, mixture, windows, seed) : new FirstMixture(sources, replayShare, seed);
  return raises.length === 0 ? first : new RaisedMixture(first, raises, { definition: mixture, windows, seed });
}

/** Which share of the windows from a position on is old, as it was planned; with a raise, by the last. */
export function plannedShare({ mixture, replayShare, steps, batch }: Described, position: number, raises: readonly Raise[]): number {
  const raised = raises.at(-1);
  if (raised) return raised.replayShare;
  const windows = steps * batch;
  if (!mixture || position >= windows) return replayShare;
  const curve = new ReplayCurve(mixture.curve, windows);
  return (curve.before(windows) - curve.before(position)) / (windows - position);
}
