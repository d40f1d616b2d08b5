import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { freshGuardState, guardStateSchema } from '../../shared/domain/guard-rule.ts';
import { evaluationSchema, metricPointSchema, type RunConfiguration } from '../../shared/domain/run.ts';
import { samplePromptSchema, samplesAtStepSchema } from '../../shared/domain/text-samples.ts';
import { StrataError } from '../../shared/errors.ts';
import type { Engine, Variable } from '../engine/engine.ts';
import type { Optimizer } from '../llama/optimizer.ts';
import { syncDirectory } from '../models/atomic-file.ts';
import { openSafetensors, writeSafetensors } from '../models/safetensors.ts';
import { bytesOf, sha256 } from './checksum.ts';
import { describeNonFinite, DIVERGENCE_HINT } from './divergence.ts';
import { partSumsSchema } from './messages.ts';

/**
 * What a run needs to go on as if nothing had happened: what is trained and the optimizer's moments (one safetensors file), and a
 * small state. The mixture's position is the step itself; frozen weights are the base's and are not repeated.
 *
 * A checkpoint is a folder, written whole beside the others and flushed to the disk before it takes its place, so that at every
 * moment a complete one exists under one of two names: the newest, and the one before it. Every byte of it is covered by a
 * checksum. One that is not as it was written is refused, and the one before it is used.
 */
const NEWEST = 'checkpoint';
const PREVIOUS = 'checkpoint.previous';
/** Being written: never read. */
const NEXT = 'checkpoint.next';
/** The best state that kept the limit of the run's guard: no checkpoint to go on from. */
const BEST = 'checkpoint.best';
/** A newest one that was refused, kept until another has been written. */
const REFUSED = 'checkpoint.refused';

const STATE_FILE = 'state.json';
const TENSORS_FILE = 'tensors.safetensors';

const stateSchema = z.object({
  schemaVersion: z.literal(2),
  configurationHash: z.string(),
  /** Steps done. */
  step: z.int().min(0),
  /** Seconds of the run so far, and of its training steps alone. */
  seconds: z.number(),
  trainingSeconds: z.number(),
  /** Of these, seconds spent measuring; 0 in runs from before they were counted. */
  measuringSeconds: z.number().default(0),
  /** Seconds spent on samples of text. */
  samplingSeconds: z.number().default(0),
  baseline: evaluationSchema,
  /** What documents add to it; none in runs from before they were told apart. */
  baselineDocuments: z.array(partSumsSchema).default([]),
  /** Of the baseline, what is measured again and again; null where it is the same. */
  watchedBaseline: z
    .object({ evaluation: evaluationSchema, documents: z.array(partSumsSchema) })
    .nullable()
    .default(null),
  guard: guardStateSchema.default(freshGuardState),
  identityDifference: z.number().nullable(),
  /** The last measurements. A studio that died may not have recorded them, and a resumed run does not measure them again. */
  recent: z.array(metricPointSchema),
  /** What samples begin with, and the last that were written, for the same reason; null before step 1 and where none are. */
  samples: z
    .object({ prompts: z.array(samplePromptSchema), recent: z.array(samplesAtStepSchema) })
    .nullable()
    .default(null),
});
export type CheckpointState = z.infer<typeof stateSchema>;

/** SHA-256, in hexadecimal, of each tensor's bytes by its name. */
const savedStateSchema = stateSchema.extend({ tensors: z.record(z.string(), z.string()) });

/** The configuration's identity, engine left out: another engine may finish a run, other settings may not. */
export function configurationHash(configuration: RunConfiguration): string {
  return sha256(JSON.stringify({ ...configuration, engine: '' }));
}

/**
 * Saves the state and every variable of the optimizer below the run's folder. Whatever happens meanwhile, the newest complete
 * checkpoint and the one before it stay readable.
 * @throws StrataError DIVERGED when a value is not finite: such a checkpoint would take the place of a good one.
 */
export async function writeCheckpoint(runDirectory: string, engine: Engine, optimizer: Optimizer, state: CheckpointState): Promise<void> {
  const [newest, previous, next, refused] = [NEWEST, PREVIOUS, NEXT, REFUSED].map((name) => join(runDirectory, name)) as [
    string,
    string,
    string,
    string,
  ];
  await writeWhole(next, engine, optimizer, state);
  // After a power cut between the renames the previous one is the only one, and stays until the next has its place.
  if (await exists(newest)) {
    await rm(previous, { recursive: true, force: true });
    await rename(newest, previous);
  }
  await rename(next, newest);
  await rm(refused, { recursive: true, force: true });
  await syncDirectory(runDirectory);
  await syncDirectory(dirname(runDirectory)); // the first time, the run's folder itself is new
}

/** Writes a folder of state and variables; nothing stays of one that cannot be written. */
async function writeWhole(folder: string, engine: Engine, optimizer: Optimizer, state: CheckpointState): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    const tensors: Record<string, string> = {};
    const entries = optimizer.state().map(({ name, variable }) => ({
      name,
      shape: [...variable.shape],
      dtype: 'F32' as const,
      data: async () => {
        const values = await readVariable(engine, variable);
        const nonFinite = describeNonFinite(values, variable.shape);
        if (nonFinite) throw notWorthKeeping(state.step, `${name} holds ${nonFinite}`);
        tensors[name] = sha256(bytesOf(values));
        return values;
      },
    }));
    await writeSafetensors(join(folder, TENSORS_FILE), entries);
    await writeFile(join(folder, STATE_FILE), withChecksum(JSON.stringify({ ...state, tensors })), { flush: true });
    await syncDirectory(folder);
  } catch (error) {
    await rm(folder, { recursive: true, force: true }); // on a full disk every byte counts
    throw error;
  }
}

/** Keeps the present state apart from the checkpoints, in the place of what was kept before. */
export async function keepBest(runDirectory: string, engine: Engine, optimizer: Optimizer, state: CheckpointState): Promise<void> {
  const [kept, next] = [join(runDirectory, BEST), join(runDirectory, NEXT)];
  await writeWhole(next, engine, optimizer, state);
  await rm(kept, { recursive: true, force: true });
  await rename(next, kept);
  await syncDirectory(runDirectory);
}

/**
 * Puts what {@link keepBest} kept back into the optimizer's variables.
 * @throws StrataError CORRUPT when it is not as it was written.
 */
export async function restoreBest(
  runDirectory: string,
  configuration: RunConfiguration,
  engine: Engine,
  optimizer: Optimizer,
): Promise<CheckpointState> {
  const directory = join(runDirectory, BEST);
  return restoreFrom(directory, configuration, engine, optimizer).catch((error: unknown) => {
    throw new StrataError('CORRUPT', 'The state that the guard goes back to cannot be used.', {
      found: `in ${directory}: ${reasonOf(error)}`,
      allowed: 'the state as it was written',
      hint: 'Start the run again. Its recorded measurements are kept.',
    });
  });
}

/** The end of a run needs no state to go back to. */
export async function dropBest(runDirectory: string): Promise<void> {
  await rm(join(runDirectory, BEST), { recursive: true, force: true });
}

/** Whether a run has been saved at least once, whatever has become of it. */
export async function hasCheckpoint(runDirectory: string): Promise<boolean> {
  const found = await Promise.all([NEWEST, PREVIOUS, REFUSED].map((name) => exists(join(runDirectory, name))));
  return found.includes(true);
}

export interface RestoredCheckpoint {
  state: CheckpointState;
  /** What was wrong with the newest checkpoint, when the one before it had to be used. */
  refused: string | null;
}

/**
 * Puts the newest good checkpoint's values into the optimizer's variables, and so into the weights. A newest one that is damaged is
 * set aside and the one before it used.
 * @returns null when nothing has been saved yet.
 * @throws StrataError CORRUPT when there are checkpoints and none can be used; all of them stay as they are.
 */
export async function restoreCheckpoint(
  runDirectory: string,
  configuration: RunConfiguration,
  engine: Engine,
  optimizer: Optimizer,
): Promise<RestoredCheckpoint | null> {
  const reasons: string[] = [];
  for (const name of [NEWEST, PREVIOUS]) {
    const directory = join(runDirectory, name);
    if (!(await exists(directory))) continue;
    const state = await restoreFrom(directory, configuration, engine, optimizer).catch((error: unknown) => {
      reasons.push(`${name}: ${reasonOf(error)}`);
      return null;
    });
    if (state === null) continue;
    if (reasons.length === 0) return { state, refused: null };
    await rm(join(runDirectory, REFUSED), { recursive: true, force: true });
    await rename(join(runDirectory, NEWEST), join(runDirectory, REFUSED));
    return { state, refused: reasons.join('; ') };
  }
  if (await exists(join(runDirectory, REFUSED))) reasons.push(`${REFUSED}: refused before`);
  if (reasons.length === 0) return null;
  throw new StrataError('CORRUPT', 'The run was saved, but none of its checkpoints can be used.', {
    found: `in ${runDirectory}, ${reasons.join('; ')}`,
    allowed: 'a checkpoint of this run, as it was written',
    hint: 'Put the folder back from a backup and resume, or start the run again. Nothing was changed: the base, the recorded measurements and the checkpoints are as they were.',
  });
}

/** Every value is compared with its checksum before it is used; a checkpoint that turns out bad half-way is replaced as a whole. */
async function restoreFrom(
  directory: string,
  configuration: RunConfiguration,
  engine: Engine,
  optimizer: Optimizer,
): Promise<CheckpointState> {
  const { tensors, ...state } = parseState(await readFile(join(directory, STATE_FILE), 'utf8'));
  if (state.configurationHash !== configurationHash(configuration)) throw new Refused('it belongs to a run with other settings');
  const variables = optimizer.state();
  const unknown = Object.keys(tensors).find((name) => !variables.some((variable) => variable.name === name));
  if (unknown !== undefined) throw new Refused(`it holds ${unknown}, which this run does not train`);
  const file = await openSafetensors(join(directory, TENSORS_FILE));
  try {
    for (const { name, variable } of variables) {
      const stored = file.tensors.get(name);
      if (stored?.dtype !== 'F32' || stored.shape.join() !== variable.shape.join()) {
        throw new Refused(`${TENSORS_FILE} holds ${name} as ${stored ? `${stored.dtype} [${stored.shape.join(', ')}]` : 'nothing'}`);
      }
      const values = await file.readFloat32(name);
      if (sha256(bytesOf(values)) !== tensors[name]) throw new Refused(`the checksum of ${name} is wrong`);
      const value = engine.keep(engine.tensor(values, variable.shape));
      // In place later on: times one makes memory of its own, see Engine.tensor.
      engine.scope(() => variable.assign(engine.scale(value, 1)));
      engine.dispose(value);
    }
  } finally {
    await file.close();
  }
  return state;
}

/** Why a checkpoint cannot be used. */
class Refused extends Error {}

/** What was wrong with a checkpoint's files; any other failure (no right to read them, a fault of ours) is thrown on. */
function reasonOf(error: unknown): string {
  if (error instanceof Refused) return error.message;
  if (error instanceof StrataError && error.found !== undefined) return `${TENSORS_FILE}: ${error.found}`;
  const { code, path } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' && path !== undefined) return `there is no ${basename(path)}`;
  if (code === 'ENOTDIR') return 'it is not a folder';
  if (code === 'EIO') return 'the disk cannot read it';
  throw error;
}

/**
 * The state's text inside a JSON document with the text's SHA-256, both found again by their place: a change of any bit, also of one
 * that would leave the document's meaning as it is, is noticed.
 */
function withChecksum(text: string): string {
  return `{"sha256":"${sha256(text)}","state":${text}}`;
}

function parseState(file: string): z.infer<typeof savedStateSchema> {
  const text = file.slice(withChecksum('').length - 1, -1);
  if (file !== withChecksum(text)) throw new Refused(`the checksum of ${STATE_FILE} is wrong`);
  const parsed = savedStateSchema.safeParse(JSON.parse(text));
  if (!parsed.success) throw new Refused(`${STATE_FILE} is not one that this version writes`);
  return parsed.data;
}

function notWorthKeeping(step: number, found: string): StrataError {
  return new StrataError('DIVERGED', `Training diverged at step ${step}: what it made of the weights is no longer finite.`, {
    found,
    hint: `${DIVERGENCE_HINT} The checkpoint before this step is kept.`,
  });
}

async function readVariable(engine: Engine, variable: Variable): Promise<Float32Array> {
  const value = engine.keep(variable.read());
  const values = (await engine.read(value)) as Float32Array;
  engine.dispose(value);
  return values;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
