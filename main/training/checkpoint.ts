import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { evaluationSchema, metricPointSchema, type RunConfiguration } from '../../shared/domain/run.ts';
import { StrataError } from '../../shared/errors.ts';
import type { Engine } from '../engine/engine.ts';
import type { Optimizer } from '../llama/optimizer.ts';
import { openSafetensors, writeSafetensors } from '../models/safetensors.ts';

/**
 * What a run needs to go on as if nothing had happened: trained weights, optimizer moments (one safetensors file) and a small
 * state. The mixture's position is the step itself. A checkpoint folder is written whole beside the old one and then takes
 * its place, so at every moment one complete checkpoint exists.
 */
const stateSchema = z.object({
  schemaVersion: z.literal(1),
  configurationHash: z.string(),
  /** Steps done. */
  step: z.int().min(0),
  /** Seconds of the run so far, and of its training steps alone. */
  seconds: z.number(),
  trainingSeconds: z.number(),
  baseline: evaluationSchema,
  identityDifference: z.number().nullable(),
  /** The last measurements. A studio that died may not have recorded them, and a resumed run does not measure them again. */
  recent: z.array(metricPointSchema),
});
export type CheckpointState = z.infer<typeof stateSchema>;

const STATE_FILE = 'state.json';
const TENSORS_FILE = 'tensors.safetensors';

/** The configuration's identity, engine left out: another engine may finish a run, other settings may not. */
export function configurationHash(configuration: RunConfiguration): string {
  return createHash('sha256')
    .update(JSON.stringify({ ...configuration, engine: '' }))
    .digest('hex');
}

/** Saves the state and every variable of the optimizer below the run's folder. */
export async function writeCheckpoint(runDirectory: string, engine: Engine, optimizer: Optimizer, state: CheckpointState): Promise<void> {
  const [current, next, previous] = ['checkpoint', 'checkpoint.next', 'checkpoint.previous'].map((name) => join(runDirectory, name)) as [
    string,
    string,
    string,
  ];
  try {
    await rm(next, { recursive: true, force: true });
    await mkdir(next, { recursive: true });
    const entries = optimizer.state().map(({ name, variable }) => ({
      name,
      shape: [...variable.shape],
      dtype: 'F32' as const,
      data: async () => {
        const value = engine.keep(variable.read());
        const values = (await engine.read(value)) as Float32Array;
        engine.dispose(value);
        return values;
      },
    }));
    await writeSafetensors(join(next, TENSORS_FILE), entries);
    await writeFile(join(next, STATE_FILE), JSON.stringify(state), { flush: true });
  } catch (error) {
    await rm(next, { recursive: true, force: true }); // on a full disk every byte counts
    throw error;
  }
  // After a power cut between the renames the previous one is the only one, and stays until the next has its place.
  if (await exists(current)) {
    await rm(previous, { recursive: true, force: true });
    await rename(current, previous);
  }
  await rename(next, current);
  await rm(previous, { recursive: true, force: true });
}

/**
 * The last complete checkpoint's state, or null when there is none yet.
 * @throws StrataError CORRUPT when it is damaged or of another configuration; it stays as it is.
 */
export async function readCheckpointState(runDirectory: string, configuration: RunConfiguration): Promise<CheckpointState | null> {
  const directory = await checkpointDirectory(runDirectory);
  if (!directory) return null;
  const text = await readFile(join(directory, STATE_FILE), 'utf8');
  let state: CheckpointState;
  try {
    state = stateSchema.parse(JSON.parse(text));
  } catch (error) {
    throw damaged(directory, `a ${STATE_FILE} that cannot be understood`, error);
  }
  if (state.configurationHash !== configurationHash(configuration)) {
    throw new StrataError('CORRUPT', 'The checkpoint does not belong to this run.', {
      found: `a checkpoint of another configuration in ${directory}`,
      allowed: 'a checkpoint of the configuration that was frozen at the start',
      hint: 'Start the run again, or put the folder of this run back.',
    });
  }
  return state;
}

/**
 * Puts the checkpoint's values into the optimizer's variables and the weights.
 * @throws StrataError CORRUPT when its tensors are damaged; the file stays as it is.
 */
export async function restoreCheckpoint(runDirectory: string, engine: Engine, optimizer: Optimizer): Promise<void> {
  const directory = await checkpointDirectory(runDirectory);
  if (!directory) throw new StrataError('INTERNAL', 'There is no checkpoint to restore.');
  const file = await openSafetensors(join(directory, TENSORS_FILE)).catch((error: unknown) => {
    throw damaged(directory, error instanceof StrataError ? `${TENSORS_FILE}: ${error.found}` : `no ${TENSORS_FILE}`, error);
  });
  try {
    for (const { name, variable } of optimizer.state()) {
      const shape = file.tensors.get(name)?.shape;
      if (shape?.join() !== variable.shape.join()) throw damaged(directory, `${name} of shape [${shape?.join(', ') ?? 'none'}]`);
      const value = engine.keep(engine.tensor(await file.readFloat32(name), variable.shape));
      // In place later on: times one makes memory of its own, see Engine.tensor.
      engine.scope(() => variable.assign(engine.scale(value, 1)));
      engine.dispose(value);
    }
  } finally {
    await file.close();
  }
}

function damaged(directory: string, found: string, cause?: unknown): StrataError {
  return new StrataError('CORRUPT', 'The checkpoint is damaged.', {
    found: `${found} in ${directory}`,
    hint: 'Put the folder back from a backup and resume, or start the run again. The base and the recorded measurements are not affected.',
    cause,
  });
}

async function checkpointDirectory(runDirectory: string): Promise<string | null> {
  // A power cut between the two renames leaves only the previous one.
  for (const name of ['checkpoint', 'checkpoint.previous']) {
    const directory = join(runDirectory, name);
    if (await exists(join(directory, STATE_FILE))) return directory;
  }
  return null;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
