import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { plainTextOf } from '../../../shared/domain/content.ts';
import { distanceReportSchema, distanceSideSchema, nearestDocumentSchema } from '../../../shared/domain/distance.ts';
import { StrataError } from '../../../shared/errors.ts';
import { writeTextAtomically } from '../../models/atomic-file.ts';
import { damagedDataset } from '../damaged-dataset.ts';
import { openDataset } from '../dataset-folder.ts';
import { type DistanceDataset, type DistanceRequest, excerptOf, type TextDistance } from './measure-distance.ts';

/** Changes whenever the same datasets give other numbers than before. */
const WAY_OF_MEASURING = 1;

/** A dataset with the hash of its documents, which never change. */
export type HashedDataset = DistanceDataset & { hash: string };

/** Both sides, each in the order of the hashes: it decides what is sampled, so the same datasets always give the same distance. */
export interface DistanceSides {
  new: readonly HashedDataset[];
  old: readonly HashedDataset[];
}

const keptSideSchema = distanceSideSchema.omit({ datasets: true });

/** A measured distance without names, ids or any text of the datasets: these may be renamed, imported again or deleted. */
const keptSchema = distanceReportSchema.omit({ lossGap: true, seconds: true }).extend({
  new: keptSideSchema,
  old: keptSideSchema,
  nearest: z.array(nearestDocumentSchema.omit({ dataset: true, name: true, excerpt: true }).extend({ datasetPlace: z.int().min(0) })),
});

/** What came of a measurement: a distance, or why these data have none. */
const outcomeSchema = z.union([
  z.object({ distance: keptSchema }),
  z.object({ refusal: z.object({ message: z.string(), found: z.string(), allowed: z.string(), hint: z.string() }) }),
]);
export type KeptOutcome = z.infer<typeof outcomeSchema>;

/** Both sides as they are measured. */
export function sidesOf(request: Record<'new' | 'old', readonly HashedDataset[]>): DistanceSides {
  const inOrder = (side: readonly HashedDataset[]): HashedDataset[] => side.toSorted((a, b) => a.hash.localeCompare(b.hash));
  return { new: inOrder(request.new), old: inOrder(request.old) };
}

/** The request that these sides are measured with. */
export function requestOf(sides: DistanceSides, seed: number): DistanceRequest {
  return { new: [...sides.new], old: [...sides.old], seed };
}

/**
 * What was kept in a folder for these sides; null where nothing was, and where the file is not what was written: it only saves time, and is
 * replaced by the next measurement.
 */
export async function readKept(folder: string, sides: DistanceSides, seed: number): Promise<KeptOutcome | null> {
  try {
    const outcome = outcomeSchema.safeParse(JSON.parse(await readFile(pathOf(folder, sides, seed), 'utf8')));
    return outcome.success ? outcome.data : null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Keeps a distance of these sides, or that they have none. */
export async function keep(folder: string, sides: DistanceSides, seed: number, outcome: TextDistance | StrataError): Promise<KeptOutcome> {
  const path = pathOf(folder, sides, seed);
  const kept = outcomeSchema.parse(
    outcome instanceof StrataError
      ? { refusal: outcome.toRecord() }
      : {
          distance: {
            ...outcome,
            nearest: outcome.nearest.map((each) => ({ ...each, datasetPlace: sides.old.findIndex(({ id }) => id === each.dataset) })),
          },
        },
  );
  await mkdir(dirname(path), { recursive: true });
  await writeTextAtomically(path, JSON.stringify(kept));
  return kept;
}

/**
 * A kept distance in full: with the datasets as they are called now, and the beginnings of documents read again.
 * @throws StrataError BAD_INPUT when these data have none; CORRUPT when a dataset's folder is damaged.
 */
export async function restore(kept: KeptOutcome, sides: DistanceSides): Promise<TextDistance> {
  if ('refusal' in kept) throw new StrataError('BAD_INPUT', kept.refusal.message, kept.refusal);
  const { distance } = kept;
  const named = (side: readonly HashedDataset[]): { id: string; name: string }[] => side.map(({ id, name }) => ({ id, name }));
  const nearest = await Promise.all(
    distance.nearest.map(async ({ datasetPlace, ...each }) => {
      const { id, name, directory } = sides.old[datasetPlace]!;
      const document = await (await openDataset(directory)).document(each.document);
      if (!document) throw damagedDataset(directory, `no document ${each.document}`);
      return { ...each, dataset: id, name, excerpt: excerptOf(plainTextOf(document.content)) };
    }),
  );
  return {
    ...distance,
    new: { ...distance.new, datasets: named(sides.new) },
    old: { ...distance.old, datasets: named(sides.old) },
    nearest,
  };
}

function pathOf(folder: string, sides: DistanceSides, seed: number): string {
  const hashes = (side: readonly HashedDataset[]): string[] => side.map(({ hash }) => hash);
  const key = JSON.stringify([WAY_OF_MEASURING, hashes(sides.new), hashes(sides.old), seed]);
  return join(folder, `${createHash('sha256').update(key).digest('hex').slice(0, 32)}.json`);
}
