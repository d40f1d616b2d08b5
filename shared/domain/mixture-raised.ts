import { MixtureStream } from './mixture-stream.ts';
import { type Mixture, type MixtureDefinition, type MixtureSource, type MixtureWindow, repeatedShareOf } from './mixture.ts';

/** From a position on, so much of the rest of the run is old. */
export interface Raise {
  position: number;
  replayShare: number;
}

interface Segment {
  start: number;
  mixture: Mixture;
}

/**
 * A mixture whose replay share was raised on its way. Up to a raise it is what it was; the rest of the run is a stream of its own with the new
 * share, constant, which goes on where each dataset was. So it is a pure function of the first mixture and the raises, the shares hold at
 * every prefix of each stretch, and a raise changes no window before it.
 */
export class RaisedMixture implements Mixture {
  readonly sources: readonly MixtureSource[];
  readonly #segments: Segment[];

  /** @param windows of the whole run. */
  constructor(
    first: Mixture,
    raises: readonly Raise[],
    { definition, windows, seed }: { definition: MixtureDefinition | undefined; windows: number; seed: number },
  ) {
    this.sources = first.sources;
    this.#segments = [{ start: 0, mixture: first }];
    const weights = { ...roleWeights(this.sources, 'new', definition), ...roleWeights(this.sources, 'old', definition) };
    for (const { position, replayShare } of raises) {
      const curve = [0, 1].map((at) => ({ at, share: replayShare }));
      const rest = { curve, weights };
      const stream = new MixtureStream(this.sources, rest, windows - position, seed, this.countsBefore(position));
      this.#segments.push({ start: position, mixture: stream });
    }
  }

  at(position: number): MixtureWindow {
    const { start, mixture } = this.#segments.findLast((segment) => segment.start <= position)!;
    return mixture.at(position - start);
  }

  countsBefore(positions: number): number[] {
    const counts = this.sources.map(() => 0);
    for (const [index, { start, mixture }] of this.#segments.entries()) {
      const end = Math.min(positions, this.#segments[index + 1]?.start ?? Infinity);
      if (end > start) for (const [source, count] of mixture.countsBefore(end - start).entries()) counts[source]! += count;
    }
    return counts;
  }

  repeatedShare(positions: number): number {
    return repeatedShareOf(this.countsBefore(positions), this.sources);
  }
}

/** How the datasets of a role share its tokens; by their windows where none of them had a share. */
function roleWeights(
  sources: readonly MixtureSource[],
  role: MixtureSource['role'],
  definition: MixtureDefinition | undefined,
): Record<string, number> {
  const of = sources.filter((source) => source.role === role);
  const weights = of.map(({ datasetId }) => definition?.weights[datasetId] ?? 0);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const windows = of.reduce((sum, source) => sum + source.windows, 0);
  return Object.fromEntries(of.map((source, index) => [source.datasetId, total > 0 ? weights[index]! / total : source.windows / windows]));
}
