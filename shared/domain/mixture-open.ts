import { MixtureStream } from './mixture-stream.ts';
import { FirstMixture } from './mixture-v1.ts';
import type { Mixture, MixtureSource } from './mixture.ts';
import type { RunConfiguration } from './run.ts';

/** The mixture of a run: by its definition, or, for a run from before there were definitions, by its replay share alone. */
export function openMixture(
  { mixture, replayShare, steps, batch, seed }: Pick<RunConfiguration, 'mixture' | 'replayShare' | 'steps' | 'batch' | 'seed'>,
  sources: readonly MixtureSource[],
): Mixture {
  return mixture ? new MixtureStream(sources, mixture, steps * batch, seed) : new FirstMixture(sources, replayShare, seed);
}
