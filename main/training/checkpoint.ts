import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { evaluationSchema, type RunConfiguration } from '../../shared/domain/run.ts';
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
  await rm(previous, { recursive: true, force: true });
  if (await exists(current)) await rename(current, previous);
  await rename(next, current);
  await rm(previous, { recursive: true, force: true });
}

/** The last complete checkpoint's state, or null when there is none yet. */
export async function readCheckpointState(runDirectory: string, configuration: RunConfiguration): Promise<CheckpointState | null> {
  const directory = await checkpointDirectory(runDirectory);
  if (!directory) return null;
  const parsed = stateSchema.safeParse(JSON.parse(await readFile(join(directory, STATE_FILE), 'utf8')));
  if (!parsed.success || parsed.data.configurationHash !== configurationHash(configuration)) {
    throw new StrataError('CORRUPT', 'The checkpoint does not belong to this run.', {
      found: parsed.success ? 'a checkpoint of another configuration' : 'a state file that cannot be read',
      hint: `Look into ${directory}; if it is damaged, delete the run and start it again.`,
    });
  }
  return parsed.data;
}

/** Puts the checkpoint's values into the optimizer's variables and the weights. */
export async function restoreCheckpoint(runDirectory: string, engine: Engine, optimizer: Optimizer): Promise<void> {
  const directory = await checkpointDirectory(runDirectory);
  if (!directory) throw new StrataError('INTERNAL', 'There is no checkpoint to restore.');
  const file = await openSafetensors(join(directory, TENSORS_FILE));
  try {
    for (const { name, variable } of optimizer.state()) {
      const values = await file.readFloat32(name);
      const value = engine.keep(engine.tensor(values, variable.shape));
      // In place later on: times one makes memory of its own, see Engine.tensor.
      engine.scope(() => variable.assign(engine.scale(value, 1)));
      engine.dispose(value);
    }
  } finally {
    await file.close();
  }
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
