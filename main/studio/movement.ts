import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Movement, movementSchema } from '../../shared/domain/movement.ts';
import { StrataError } from '../../shared/errors.ts';
import { buildTokenShards } from '../datasets/token-shard.ts';
import { writeTextAtomically } from '../models/atomic-file.ts';
import { loadContentEncoder } from '../models/content-encoder.ts';
import type { StoredRun } from '../store/runs.ts';
import type { StudioContext } from './context.ts';
import type { Datasets } from './datasets.ts';
import type { Models } from './models.ts';

/** In the run's folder. */
const MOVEMENT_FILE = 'movement.json';

/**
 * How far a run moved its model from its base: from the run's folder, or measured and kept there. Hidden states are compared on its old data, or
 * on what it calls past where it has none.
 * @throws StrataError CONFLICT when the run has made no model yet; NOT_FOUND when its model or base is gone.
 */
export async function movementOf(
  { executor }: StudioContext,
  models: Models,
  datasets: Datasets,
  run: StoredRun,
  engine = 'auto',
): Promise<Movement> {
  const path = join(run.directory, MOVEMENT_FILE);
  const kept = await readFile(path, 'utf8').catch(() => null);
  const parsed = kept === null ? null : movementSchema.safeParse(parseOrNull(kept));
  if (parsed?.success) return parsed.data;
  const { configuration } = run;
  if (run.model === null) {
    throw new StrataError('CONFLICT', 'The run has not made a model yet.', {
      found: `run "${run.name}" is ${run.status}`,
      allowed: 'a run that has made a model',
      hint: 'Wait until it is done, or resume it.',
    });
  }
  const [model, base] = [models.find(run.model), models.find(configuration.baseModel.id)];
  await models.checkUnchanged(base, configuration.baseModel.hash);
  const encoder = await loadContentEncoder(base.path, configuration.rendering);
  const old = configuration.datasets.filter(({ role }) => role === 'old');
  const wanted = old.length > 0 ? old : (configuration.past ?? []);
  const present = wanted.flatMap(({ hash }) => datasets.withHeldOut(hash) ?? []);
  const parts: { name: string; heldOutPath: string }[] = [];
  for (const { name, path: directory } of present) {
    const { heldOutPath } = await buildTokenShards(directory, encoder, { needsDocuments: true, name });
    parts.push({ name, heldOutPath });
  }
  const job = {
    kind: 'movement' as const,
    engine,
    modelDirectory: model.path,
    baseModelDirectory: base.path,
    method: configuration.method,
    datasets: parts,
    context: configuration.context,
  };
  const movement = movementSchema.parse(await executor.start(job, () => undefined).finished);
  await writeTextAtomically(path, JSON.stringify(movement));
  return movement;
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // damaged: measured again
  }
}
