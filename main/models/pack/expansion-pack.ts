import { createHash } from 'node:crypto';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Expansion } from '../../../shared/domain/expansion.ts';
import type { LlamaConfig } from '../../../shared/domain/llama-config.ts';
import { blockOfTensor, llamaTensors, type NamedShape } from '../../../shared/domain/llama-tensors.ts';
import { planOf } from '../../../shared/domain/method.ts';
import { expandedBlocks } from '../../../shared/domain/plan.ts';
import { StrataError } from '../../../shared/errors.ts';
import { checkExpansion } from '../expansion/expansion-check.ts';
import { EXPANSION_FILE, readExpansionFile } from '../expansion/expansion-file.ts';
import { parseModelConfig } from '../model-config.ts';
import { openSafetensors, type SafetensorsDtype, type SafetensorsFile } from '../safetensors.ts';
import { schemaRefusal } from '../schema-refusal.ts';

/**
 * A pack: only the blocks that an expansion inserted, in a folder that makes the whole model again beside the same base.
 *
 *   pack.json              what it belongs to, and how the model's files are laid out
 *   inserted.safetensors   the inserted blocks' tensors, by their names in the expanded model
 *   model/config.json, model/expansion.json, and those of its small files that are not the base's
 *   README.md
 *
 * Packs come from strangers: nothing in them is followed, and everything is checked before the first byte is written.
 */

export const PACK_FILE = 'pack.json';
export const PACK_TENSORS_FILE = 'inserted.safetensors';
/** Files of the expanded model, as they are. */
export const PACK_MODEL_FOLDER = 'model';

/** What is read whole: descriptions. The largest model's have less than a megabyte. */
const MAX_DESCRIPTION_BYTES = 16_000_000;
const MAX_TENSORS = 10_000;
const MAX_FILES = 2_000;

const hash = z.string().regex(/^[0-9a-f]{64}$/, 'a sha256, 64 hexadecimal digits');
const named = z.object({ name: z.string().max(1000), hash });

const packSchema = z.object({
  kind: z.literal('strata-pack'),
  schemaVersion: z.literal(1),
  /** The model that the blocks were inserted into; its hash is that of {@link modelHash}. */
  base: named,
  /** The expanded model, whole: what comes out when the pack is put on its base. */
  model: named,
  /** The expanded model's weight files: their names, their metadata, and the tensors in them, in order. */
  files: z
    .array(
      z.object({
        // A name alone: one with a path in it would write elsewhere.
        name: z.string().regex(/^[A-Za-z0-9][\w.-]{0,200}\.safetensors$/, 'the name of a weight file, such as model.safetensors'),
        metadata: z.record(z.string(), z.string()).nullable(),
        tensors: z.array(z.string()).max(MAX_TENSORS),
      }),
    )
    .min(1)
    .max(MAX_FILES),
  /** sha256 of the bytes of each tensor in the pack. */
  tensors: z.record(z.string(), hash),
});
export type PackDescription = z.infer<typeof packSchema>;

/** A pack that is complete and agrees with itself, open for reading. */
export interface ExpansionPack extends PackDescription {
  readonly directory: string;
  /** Of the expanded model. */
  readonly config: LlamaConfig;
  readonly blocks: BlockOrigin[];
  /** See {@link modelsUpTo}: the last one is the base. */
  readonly models: string[];
  readonly inserted: SafetensorsFile;
  close(): Promise<void>;
}

/** For a block of the expanded model: which of the base it is; null when it was inserted. */
export type BlockOrigin = number | null;

/**
 * Where the blocks of a model come from, seen from the model with this hash, through every step since.
 * @returns null when the model was not made from that one, or no blocks were inserted since.
 */
export function blockOrigins({ line }: Pick<Expansion, 'line'>, baseHash: string): BlockOrigin[] | null {
  const start = line.findIndex(({ base }) => base.hash === baseHash);
  const plans = start === -1 ? [] : line.slice(start).flatMap(({ method }) => planOf(method) ?? []);
  if (!plans[0]) return null;
  const own: BlockOrigin[] = Array.from({ length: plans[0].baseBlocks }, (_, block) => block);
  return plans.reduce(
    (origins, plan) => expandedBlocks(plan).map(({ base, inserted }) => (inserted ? null : (origins[base] ?? null))),
    own,
  );
}

/**
 * The models that lead to the one with this hash, oldest first: the line's beginning, what each step made of it, and that one itself, alone
 * where the line begins with it.
 */
export function modelsUpTo({ line }: Pick<Expansion, 'line'>, baseHash: string): string[] {
  return line.slice(0, line.findIndex(({ base }) => base.hash === baseHash) + 1).map(({ base }) => base.name);
}

/**
 * What must be in a workspace before a pack can be put on its base, in words.
 * @param models see {@link modelsUpTo}.
 */
export function whatComesFirst([first, ...packs]: readonly string[]): string {
  const order = packs.map((name) => `the pack of "${name}"`).join(', then ');
  return `Import "${first}" first, from the same files${packs.length === 0 ? '.' : `, and put on it, in this order, ${order}.`}`;
}

/** Tensors of the blocks that were inserted. */
export function insertedTensors(config: LlamaConfig, blocks: readonly BlockOrigin[]): NamedShape[] {
  return llamaTensors(config).filter(({ name }) => baseName(name, blocks) === null);
}

/** What the base calls a tensor of the expanded model; null when an inserted block brought it. */
export function baseName(name: string, blocks: readonly BlockOrigin[]): string | null {
  const block = blockOfTensor(name);
  if (block === null) return name;
  const origin = blocks[block] ?? null;
  return origin === null ? null : name.replace(/layers\.\d+\./, `layers.${origin}.`);
}

export async function isPack(path: string): Promise<boolean> {
  return (await lstat(join(path, PACK_FILE)).catch(() => null))?.isFile() ?? false;
}

/**
 * Opens a pack and checks that it is whole: its description, its plan, exactly the tensors of the inserted blocks in their shapes, and their
 * hashes.
 * @throws StrataError CORRUPT when something is missing, left over, damaged or contradicts the rest; UNSUPPORTED for a newer version.
 */
export async function openPack(directory: string): Promise<ExpansionPack> {
  const description = await readPackDescription(directory);
  await refuseOddEntries(directory, [PACK_MODEL_FOLDER]);
  await refuseOddEntries(join(directory, PACK_MODEL_FOLDER), []);
  const { config } = parseModelConfig(await readJson(join(directory, PACK_MODEL_FOLDER, 'config.json')));
  await sizeOf(join(directory, PACK_MODEL_FOLDER, EXPANSION_FILE));
  const expansion = await readExpansionFile(join(directory, PACK_MODEL_FOLDER));
  if (expansion) checkExpansion(expansion, config);
  const blocks = expansion && blockOrigins(expansion, description.base.hash);
  if (!blocks) throw notOfThisPack();
  await sizeOf(join(directory, PACK_TENSORS_FILE), Infinity);
  const inserted = await openSafetensors(join(directory, PACK_TENSORS_FILE));
  try {
    checkTensors(description, config, blocks, inserted);
    for (const [name, expected] of Object.entries(description.tensors)) {
      const found = await sha256Of(inserted.readPieces(name));
      if (found !== expected) throw damaged(`Tensor ${name} of this pack is damaged.`, { found: `sha256 ${found}`, allowed: expected });
    }
    const models = modelsUpTo(expansion, description.base.hash);
    return { ...description, directory, config, blocks, models, inserted, close: () => inserted.close() };
  } catch (error) {
    await inserted.close();
    throw error;
  }
}

/**
 * What a pack says it is, without its tensors: enough to find its base.
 * @throws StrataError CORRUPT when it cannot be understood; UNSUPPORTED for a newer version.
 */
export async function readPackDescription(directory: string): Promise<PackDescription> {
  const json = await readJson(join(directory, PACK_FILE));
  const version = (json as { schemaVersion?: unknown } | null)?.schemaVersion;
  if (typeof version === 'number' && version > 1) {
    throw new StrataError('UNSUPPORTED', 'This pack was written by a newer Strata.', {
      found: `schemaVersion ${version}`,
      allowed: 'schemaVersion 1',
      hint: 'Update Strata.',
    });
  }
  const parsed = packSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw damaged(`${PACK_FILE} cannot be understood.`, schemaRefusal(parsed.error, json));
}

/**
 * The models that lead to a pack's base (see {@link modelsUpTo}) as its plan names them, without reading its tensors.
 * @throws StrataError CORRUPT when its plan is missing, cannot be understood or does not know its base.
 */
export async function readPackModels(directory: string, { base }: Pick<PackDescription, 'base'>): Promise<string[]> {
  await refuseOddEntries(directory, [PACK_MODEL_FOLDER]);
  await sizeOf(join(directory, PACK_MODEL_FOLDER, EXPANSION_FILE));
  const expansion = await readExpansionFile(join(directory, PACK_MODEL_FOLDER));
  const models = expansion ? modelsUpTo(expansion, base.hash) : [];
  if (models.length === 0) throw notOfThisPack();
  return models;
}

function notOfThisPack(): StrataError {
  return damaged('The plan of this pack does not belong to it.', {
    found: 'no expansion of the base that the pack names',
    allowed: `${PACK_MODEL_FOLDER}/${EXPANSION_FILE} and ${PACK_MODEL_FOLDER}/config.json as Strata wrote them`,
  });
}

/** Exactly the tensors of the inserted blocks, in their shapes; every tensor of the model once in its files. */
function checkTensors(pack: PackDescription, config: LlamaConfig, blocks: readonly BlockOrigin[], file: SafetensorsFile): void {
  const expected = new Map(insertedTensors(config, blocks).map(({ name, shape }) => [name, shape]));
  refuseOthers('inserted.safetensors', [...file.tensors.keys()], [...expected.keys()]);
  refuseOthers('the hashes in pack.json', Object.keys(pack.tensors), [...expected.keys()]);
  const all = llamaTensors(config).map(({ name }) => name);
  const listed = pack.files.flatMap(({ tensors }) => tensors);
  refuseOthers('the files in pack.json', listed, all);
  if (new Set(pack.files.map(({ name }) => name)).size !== pack.files.length || listed.length !== all.length) {
    throw damaged('pack.json lists something twice.', { found: 'a file or a tensor more than once', allowed: 'each once' });
  }
  if (pack.files.length > 1 === pack.files.some(({ name }) => name === 'model.safetensors')) {
    throw damaged('The names of the files in pack.json do not belong together.', {
      found: pack.files.map(({ name }) => name).join(', '),
      allowed: 'model.safetensors alone, or files with numbers',
    });
  }
  for (const [name, shape] of expected) {
    const { shape: found, dtype } = file.tensors.get(name)!;
    if (found.join() !== shape.join() || !FLOATS.includes(dtype)) {
      throw damaged(`Tensor ${name} of this pack does not fit its model.`, {
        found: `${dtype} [${found.join(', ')}]`,
        allowed: `${FLOATS.join(', ')} [${shape.join(', ')}]`,
      });
    }
  }
}
const FLOATS: readonly SafetensorsDtype[] = ['F32', 'F16', 'BF16'];

function refuseOthers(where: string, found: readonly string[], wanted: readonly string[]): void {
  const [has, wants] = [new Set(found), new Set(wanted)];
  const extra = found.filter((name) => !wants.has(name));
  const missing = wanted.filter((name) => !has.has(name));
  if (extra.length === 0 && missing.length === 0) return;
  const some = (names: readonly string[]): string =>
    names.slice(0, 3).join(', ') + (names.length > 3 ? ` and ${names.length - 3} more` : '');
  throw damaged('The tensors of this pack are not those of its plan.', {
    found: `in ${where}: ${[missing.length > 0 && `no ${some(missing)}`, extra.length > 0 && `also ${some(extra)}`].filter(Boolean).join('; ')}`,
    allowed: `the ${wanted.length} that its plan says`,
  });
}

/** A pack holds files, and one folder: a link would bring in what lies elsewhere. */
async function refuseOddEntries(directory: string, folders: readonly string[]): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => {
    throw damaged('This pack is not complete.', { found: `no folder ${directory}`, allowed: 'the folder as Strata wrote it' });
  });
  const odd = entries.find((entry) => !entry.isFile() && !(entry.isDirectory() && folders.includes(entry.name)));
  if (odd) {
    throw damaged('A pack holds nothing but files.', {
      found: `${odd.name}, which is ${odd.isSymbolicLink() ? 'a link' : odd.isDirectory() ? 'a folder' : 'no file'}`,
      allowed: 'the files that Strata wrote',
    });
  }
}

async function sizeOf(path: string, most = MAX_DESCRIPTION_BYTES): Promise<void> {
  const info = await lstat(path).catch(() => null);
  if (!info?.isFile()) throw damaged('This pack is not complete.', { found: `no file ${path}`, allowed: 'all files that Strata wrote' });
  if (info.size > most) throw damaged(`${path} is too large for a description.`, { found: `${info.size} bytes`, allowed: `up to ${most}` });
}

async function readJson(path: string): Promise<unknown> {
  await sizeOf(path);
  try {
    return JSON.parse(await readFile(path, 'utf8')) as unknown;
  } catch (error) {
    throw damaged(`${path} is not JSON.`, {
      found: error instanceof Error ? error.message : String(error),
      allowed: 'the file as Strata wrote it',
      cause: error,
    });
  }
}

export async function sha256Of(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const hashed = createHash('sha256');
  for await (const piece of pieces) hashed.update(piece);
  return hashed.digest('hex');
}

function damaged(message: string, details: { found: string; allowed: string; cause?: unknown }): StrataError {
  return new StrataError('CORRUPT', message, { ...details, hint: 'Get the pack again from where it was made.' });
}
