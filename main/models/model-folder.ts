import { createHash, type Hash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import { blockOfTensor, llamaTensors } from '../../shared/domain/llama-tensors.ts';
import { type Expansion, lastStep } from '../../shared/domain/expansion.ts';
import { planOf } from '../../shared/domain/method.ts';
import type { ExpansionPlan } from '../../shared/domain/plan.ts';
import { StrataError } from '../../shared/errors.ts';
import { checkExpansion } from './expansion/expansion-check.ts';
import { EXPANSION_FILE, readExpansionFile } from './expansion/expansion-file.ts';
import { parseModelConfig } from './model-config.ts';
import { openRegularFile, readTextFile, sizeOfFile } from './regular-file.ts';
import { openSafetensors, PIECE_BYTES, type SafetensorsDtype, type SafetensorsFile } from './safetensors.ts';
import { notJson } from './settings-json.ts';
import { parseJson } from './strict-json.ts';
import { checkTensors, some, storedName } from './tensor-check.ts';

/** A Hugging Face model folder, open for reading tensor by tensor. */
export interface ModelFolder {
  readonly directory: string;
  readonly config: LlamaConfig;
  readonly architecture: string;
  /** config.json as it is, and its text. */
  readonly configJson: Record<string, unknown>;
  readonly configText: string;
  /** How it came to be, when Strata made it. */
  readonly expansion: Expansion | null;
  /** The plan of the last step that made it, where that was an expansion. */
  readonly plan: ExpansionPlan | null;
  /** A fresh array of a tensor's values. A tied model's table answers to both of its names. */
  readTensor(name: string): Promise<Float32Array>;
  readBytes(name: string): Promise<Uint8Array>;
  /** The bytes in pieces, for tensors of any size: see {@link SafetensorsFile.readPieces}. */
  readPieces(name: string): AsyncIterable<Uint8Array>;
  /** The same without the two names of a tied table: null for the one that is not stored. */
  readStored(name: string): AsyncIterable<Uint8Array> | null;
  dtypeOf(name: string): SafetensorsDtype;
  /** Whether the matrices of all blocks are stored as bfloat16. */
  readonly isBfloat16: boolean;
  close(): Promise<void>;
}

/** config.json of real models has a few kilobytes; more is not a configuration. */
const MAX_CONFIG_BYTES = 1_000_000;
const CONFIG_LIMITS = { depth: 32, values: 100_000 };
/** A plan and what it was trained on: a few kilobytes too. */
const MAX_EXPANSION_BYTES = 10_000_000;
/** A name and a file for each tensor. */
const MAX_INDEX_BYTES = 32_000_000;
const INDEX_LIMITS = { depth: 8, values: 1_000_000 };
/** Shards of one model: the largest published ones have a few hundred. */
export const MAX_SHARDS = 2_000;

/**
 * Opens a folder with config.json and model.safetensors (or its shards) and checks that exactly the tensors of the
 * architecture are there, in their shapes.
 * @throws StrataError NOT_FOUND, BAD_INPUT, UNSUPPORTED or CORRUPT, saying which file or tensor and what was expected.
 */
export async function openModelFolder(directory: string): Promise<ModelFolder> {
  const { json: configJson, text: configText } = await readConfig(directory);
  const { config, architecture } = parseModelConfig(configJson);
  await sizeOfFile(directory, EXPANSION_FILE, MAX_EXPANSION_BYTES);
  const expansion = await readExpansionFile(directory);
  if (expansion) checkExpansion(expansion, config);
  const plan = expansion && planOf(lastStep(expansion).method);
  const weights = await weightFiles(directory);
  const files = await openWeights(directory, weights);
  try {
    const byTensor = new Map<string, SafetensorsFile>();
    for (const file of files) {
      for (const name of file.tensors.keys()) {
        if (byTensor.has(name))
          throw new StrataError('CORRUPT', `Tensor ${name} stands in two files of ${directory}.`, {
            found: `${name} in two files`,
            allowed: 'each tensor in one file',
            hint: 'Download the weights again, from one version of the model, into an empty folder.',
          });
        byTensor.set(name, file);
      }
    }
    if (weights.index) checkIndex(weights.index, new Map(files.map((file, index) => [weights.names[index]!, file])));
    const stored = (name: string): string => storedName(name, config, byTensor);
    checkTensors(directory, config, architecture, byTensor);
    const dtypeOf = (name: string): SafetensorsDtype => byTensor.get(stored(name))!.tensors.get(stored(name))!.dtype;
    return {
      directory,
      config,
      architecture,
      configJson,
      configText,
      expansion,
      plan,
      readTensor: (name) => byTensor.get(stored(name))!.readFloat32(stored(name)),
      readBytes: (name) => byTensor.get(stored(name))!.readBytes(stored(name)),
      readPieces: (name) => byTensor.get(stored(name))!.readPieces(stored(name)),
      readStored: (name) => byTensor.get(name)?.readPieces(name) ?? null,
      dtypeOf,
      isBfloat16: llamaTensors(config).every(
        ({ name, shape }) => blockOfTensor(name) === null || shape.length === 1 || dtypeOf(name) === 'BF16',
      ),
      close: async () => {
        for (const file of files) await file.close();
      },
    };
  } catch (error) {
    for (const file of files) await file.close();
    throw error;
  }
}

async function readConfig(directory: string): Promise<{ json: Record<string, unknown>; text: string }> {
  const found = await stat(directory).catch(() => null);
  const text = found?.isDirectory() ? await readTextFile(directory, 'config.json', MAX_CONFIG_BYTES) : null;
  if (text === null) {
    const names = await readdir(directory).catch(() => null);
    throw new StrataError('NOT_FOUND', names ? 'This folder holds no model.' : `There is no folder ${directory}.`, {
      found: names ? names.slice(0, 10).join(', ') || 'an empty folder' : directory,
      allowed: 'a Hugging Face folder with config.json, model.safetensors and tokenizer.json',
      hint: 'Name the folder that holds config.json, or a GGUF or llama2.c file.',
    });
  }
  try {
    return { json: parseJson(text, CONFIG_LIMITS) as Record<string, unknown>, text };
  } catch (error) {
    throw notJson(join(directory, 'config.json'), text, error);
  }
}

async function openWeights(directory: string, { names }: WeightFiles): Promise<SafetensorsFile[]> {
  const files: SafetensorsFile[] = [];
  try {
    for (const name of names) {
      await sizeOfFile(directory, name); // refuses links to elsewhere
      files.push(await openSafetensors(join(directory, name)));
    }
    return files;
  } catch (error) {
    for (const file of files) await file.close();
    throw error;
  }
}

export const SINGLE_FILE = 'model.safetensors';
export const INDEX_FILE = 'model.safetensors.index.json';

/** The files that hold a model's weights. */
interface WeightFiles {
  names: string[];
  /** For each tensor the file that it is in, where there are several: what their index says. */
  index: Map<string, string> | null;
}

/** The single file, the shards that an index lists, or the only safetensors file of another name. */
async function weightFiles(directory: string): Promise<WeightFiles> {
  const present = await readdir(directory);
  if (present.includes(SINGLE_FILE)) return { names: [SINGLE_FILE], index: null };
  if (present.includes(INDEX_FILE)) {
    const index = await readIndex(directory, present);
    return { names: [...new Set(index.values())], index };
  }
  const only = present.filter((name) => name.endsWith('.safetensors') && !OTHER_WEIGHTS.test(name));
  if (only.length === 1) return { names: only, index: null };
  const others = present.filter((name) => /\.(bin|pt|pth|ckpt|gguf|safetensors|zip|index\.json)$/.test(name));
  throw new StrataError('NOT_FOUND', 'This folder holds no weights that Strata reads.', {
    found: some(others) || 'no weight files',
    allowed: `model.safetensors, or ${INDEX_FILE} with its shards`,
    hint: others.some((name) => /\.(bin|pt|pth|ckpt)$/.test(name))
      ? PYTORCH_HINT
      : 'Download or copy the weights into the folder, or import the GGUF file itself.',
  });
}

/** Files beside a model that hold other tensors: an adapter, or the same weights under other names. */
const OTHER_WEIGHTS = /^(adapter_model|consolidated)/;

export const PYTORCH_HINT =
  "PyTorch's own files are programs that are run when they are opened, so Strata does not read them. Take the model in safetensors, or save it " +
  'so: AutoModelForCausalLM.from_pretrained(folder).save_pretrained(other, safe_serialization=True).';

/** For each tensor its shard, as the index says. */
async function readIndex(directory: string, present: readonly string[]): Promise<Map<string, string>> {
  const text = (await readTextFile(directory, INDEX_FILE, MAX_INDEX_BYTES)) ?? '';
  let map: unknown;
  try {
    map = (parseJson(text, INDEX_LIMITS) as { weight_map?: unknown } | null)?.weight_map ?? null;
  } catch (error) {
    throw notJson(join(directory, INDEX_FILE), text, error);
  }
  const index = new Map(Object.entries(typeof map === 'object' && map !== null ? map : {}));
  const shards = new Set(index.values());
  // A shard is a file of this folder: a name with a path in it would read from elsewhere.
  const wrong = [...shards].find((shard) => typeof shard !== 'string' || !/^[^/\\\0]+\.safetensors$/.test(shard));
  if (wrong !== undefined || shards.size === 0 || shards.size > MAX_SHARDS) {
    throw new StrataError('CORRUPT', `${INDEX_FILE} does not list the model's files.`, {
      found: map === null ? 'no weight_map' : wrong === undefined ? `${shards.size} files` : JSON.stringify(wrong).slice(0, 200),
      allowed: `a weight_map that gives each tensor its file: 1 to ${MAX_SHARDS} names of .safetensors files in the same folder`,
      hint: `${INDEX_FILE} must be the one that was saved with the weights: download or copy it again.`,
    });
  }
  const names = new Set(present);
  const missing = [...(shards as Set<string>)].filter((shard) => !names.has(shard));
  if (missing.length > 0) {
    throw new StrataError('CORRUPT', 'Part of the model is missing.', {
      found: `no ${missing.slice(0, 3).join(', no ')}${missing.length > 3 ? ` and ${missing.length - 3} more` : ''}`,
      hint: 'Download the missing files into the same folder.',
      allowed: `all ${shards.size} files that ${INDEX_FILE} names`,
    });
  }
  return index as Map<string, string>;
}

/** An index that says something else than its shards belongs to another model, or to another version of this one. */
function checkIndex(index: ReadonlyMap<string, string>, files: ReadonlyMap<string, SafetensorsFile>): void {
  const differences: string[] = [];
  for (const [name, shard] of index) {
    if (files.get(shard)!.tensors.has(name)) continue;
    const other = [...files].find(([, { tensors }]) => tensors.has(name))?.[0];
    const place = other ? `it is in ${other}` : 'neither that file nor another shard has it';
    differences.push(`${name}: the index says ${shard}, but ${place}`);
  }
  for (const [shard, { tensors }] of files) {
    for (const name of tensors.keys()) if (!index.has(name)) differences.push(`${name}: it is in ${shard}, but not in the index`);
  }
  if (differences.length === 0) return;
  throw new StrataError('CORRUPT', `${INDEX_FILE} and the shards disagree.`, {
    found: some(differences, '; '),
    allowed: 'every tensor in the shard that weight_map names for it, and no others',
    hint: `Download ${INDEX_FILE} and the shards that it names (${some([...files.keys()])}) again, from one version of the model.`,
  });
}

/** Names of the files that make the model: its configuration, its weights and their index. */
export async function modelFiles(directory: string): Promise<string[]> {
  const { names, index } = await weightFiles(directory);
  return ['config.json', ...(index ? [INDEX_FILE] : []), ...names];
}

/** Reads a file into a hash. */
export type HashFile = (path: string, hash: Hash) => Promise<void>;

/**
 * sha256 over config.json and the weight files, in the order of their names: the identity of a model. A single file of weights counts as
 * model.safetensors, which it is called once it is imported.
 * @param read puts a file into the hash, for a caller that does something else with it in the same reading.
 */
export async function modelHash(directory: string, read: HashFile = hashFile): Promise<string> {
  const hash = createHash('sha256');
  hash.update('config.json');
  await read(join(directory, 'config.json'), hash);
  const { names, index } = await weightFiles(directory);
  for (const name of names.sort()) {
    hash.update(index ? name : SINGLE_FILE);
    await read(join(directory, name), hash);
  }
  return hash.digest('hex');
}

async function hashFile(path: string, hash: Hash): Promise<void> {
  const file = await openRegularFile(path);
  const buffer = new Uint8Array(PIECE_BYTES);
  try {
    for (let read = await file.read(buffer); read.bytesRead > 0; read = await file.read(buffer)) {
      hash.update(buffer.subarray(0, read.bytesRead));
    }
  } finally {
    await file.close();
  }
}
