import { join } from 'node:path';
import { defaultReplay, type ReplayDefault } from '../../shared/domain/distance.ts';
import { StrataError } from '../../shared/errors.ts';
import { measureInBackground } from '../datasets/comparison.ts';
import { type DistanceSides, keep, type KeptOutcome, readKept, requestOf, restore, sidesOf } from '../datasets/distance/kept-distances.ts';
import type { TextDistance } from '../datasets/distance/measure-distance.ts';
import type { StoredDataset } from '../store/datasets.ts';
import type { StudioContext } from './context.ts';

const SEED = 1;

export interface MeasureOptions {
  seed?: number | undefined;
  /** Hears what is being done; not called where the distance is known. */
  onProgress?: (progress: { activity: string }) => void;
  /** Ends the measurement; nothing is kept then. */
  signal?: AbortSignal | undefined;
}

/** How far new data are from old, by their texts: measured once for the same datasets, and kept in the workspace. */
export class Distances {
  readonly #folder: string;

  constructor({ home }: StudioContext) {
    this.#folder = join(home, 'distances');
  }

  /** @throws StrataError BAD_INPUT when a side has too little text. */
  async measure(sides: Record<'new' | 'old', readonly StoredDataset[]>, options: MeasureOptions = {}): Promise<TextDistance> {
    const hashed = hashedSides(sides);
    return restore(await this.#known(hashed, options), hashed);
  }

  /** Measures unless that was done; that a side has too little text is a result like any other. */
  async learn(sides: Record<'new' | 'old', readonly StoredDataset[]>): Promise<void> {
    await this.#known(hashedSides(sides), {});
  }

  /** The replay share where nobody chose one, by what is known: it measures nothing. */
  async replayDefault(sides: Record<'new' | 'old', readonly StoredDataset[]>): Promise<ReplayDefault> {
    const kept = await readKept(this.#folder, hashedSides(sides), SEED);
    if (kept === null) return defaultReplay(null);
    return defaultReplay('refusal' in kept ? { refused: kept.refusal.found } : kept.distance);
  }

  async #known(sides: DistanceSides, { seed = SEED, onProgress, signal }: MeasureOptions): Promise<KeptOutcome> {
    const kept = await readKept(this.#folder, sides, seed);
    if (kept) return kept;
    const measured = await measureInBackground(requestOf(sides, seed), {
      ...(onProgress ? { onProgress } : {}),
      ...(signal ? { signal } : {}),
    }).catch((error: unknown) => {
      if (error instanceof StrataError && error.code === 'BAD_INPUT') return error; // too little text: so it stays
      throw error;
    });
    return keep(this.#folder, sides, seed, measured);
  }
}

function hashedSides(sides: Record<'new' | 'old', readonly StoredDataset[]>): DistanceSides {
  const hashed = (side: readonly StoredDataset[]): DistanceSides['new'] =>
    side.map(({ id, name, path, hash }) => ({ id, name, hash, directory: path }));
  return sidesOf({ new: hashed(sides.new), old: hashed(sides.old) });
}
