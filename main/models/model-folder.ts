import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import { blockOfTensor, EMBEDDING_TENSOR, HEAD_TENSOR, llamaTensors } from '../../shared/domain/llama-tensors.ts';
import { planOf } from '../../shared/domain/method.ts';
import { type ExpansionPlan, expandedBlocks } from '../../shared/domain/plan.ts';
import { StrataError } from '../../shared/errors.ts';
import { readExpansionFile } from './expansion-file.ts';
import { parseModelConfig } from './model-config.ts';
import { openSafetensors, type SafetensorsDtype, type SafetensorsFile } from './safetensors.ts';

/** A Hugging Face model folder, open for reading tensor by tensor. */
export interface ModelFolder {
  readonly directory: string;
  readonly config: LlamaConfig;
  readonly architecture: string;
  /** config.json as it is. */
  readonly configJson: Record<string, unknown>;
  /** The plan that made it, when Strata expanded it. */
  readonly plan: ExpansionPlan | null;
  /** A fresh array of a tensor's values. A tied model's table answers to both of its names. */
  readTensor(name: string): Promise<Float32Array>;
  readBytes(name: string): Promise<Uint8Array>;
  /** The bytes in pieces, for tensors of any size: see {@link SafetensorsFile.readPieces}. */
  readPieces(name: string): AsyncIterable<Uint8Array>;
  dtypeOf(name: string): SafetensorsDtype;
  /** Whether the matrices of all blocks are stored as bfloat16. */
  readonly isBfloat16: boolean;
  close(): Promise<void>;
}

/** config.json of real models has a few kilobytes; more is not a configuration. */
const MAX_CONFIG_BYTES = 1_000_000;
/** Shards of one model: the largest published ones have a few hundred. */
export const MAX_SHARDS = 2_000;
/** Buffers that some exporters store beside the weights; they are computed, not read. */
const IGNORED_TENSORS = /rotary_emb\.inv_freq$/;

/**
 * Opens a folder with config.json and model.safetensors (or its shards) and checks that exactly the tensors of the
 * architecture are there, in their shapes.
 * @throws StrataError NOT_FOUND, BAD_INPUT, UNSUPPORTED or CORRUPT, saying which file or tensor and what was expected.
 */
export async function openModelFolder(directory: string): Promise<ModelFolder> {
  const configJson = await readConfig(directory);
  const { config, architecture } = parseModelConfig(configJson);
  const expansion = await readExpansionFile(directory);
  const plan = expansion && planOf(expansion.method);
  checkPlan(plan, config);
  const files = await openWeights(directory);
  try {
    const byTensor = new Map<string, SafetensorsFile>();
    for (const file of files) {
      for (const name of file.tensors.keys()) {
        if (byTensor.has(name)) throw new StrataError('CORRUPT', `Tensor ${name} stands in two files of ${directory}.`);
        byTensor.set(name, file);
      }
    }
    const stored = (name: string): string => storedName(name, config, byTensor);
    checkTensors(directory, config, byTensor);
    const dtypeOf = (name: string): SafetensorsDtype => byTensor.get(stored(name))!.tensors.get(stored(name))!.dtype;
    return {
      directory,
      config,
      architecture,
      configJson,
      plan,
      readTensor: (name) => byTensor.get(stored(name))!.readFloat32(stored(name)),
      readBytes: (name) => byTensor.get(stored(name))!.readBytes(stored(name)),
      readPieces: (name) => byTensor.get(stored(name))!.readPieces(stored(name)),
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

async function readConfig(directory: string): Promise<Record<string, unknown>> {
  const path = join(directory, 'config.json');
  const found = await stat(path).catch(() => null);
  if (!found) {
    const names = await readdir(directory).catch(() => null);
    throw new StrataError('NOT_FOUND', names ? 'This folder holds no model.' : `There is no folder ${directory}.`, {
      found: names ? names.slice(0, 10).join(', ') || 'an empty folder' : directory,
      allowed: 'a Hugging Face folder with config.json, model.safetensors and tokenizer.json',
    });
  }
  if (found.size > MAX_CONFIG_BYTES)
    throw new StrataError('BAD_INPUT', 'config.json is too large to be a configuration.', {
      found: `${found.size} bytes`,
      allowed: `up to ${MAX_CONFIG_BYTES} bytes`,
    });
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  } catch (error) {
    throw new StrataError('CORRUPT', `${path} is not JSON.`, {
      found: error instanceof Error ? error.message : String(error),
      cause: error,
    });
  }
}

async function openWeights(directory: string): Promise<SafetensorsFile[]> {
  const names = await weightFiles(directory);
  const files: SafetensorsFile[] = [];
  try {
    for (const name of names) files.push(await openSafetensors(join(directory, name)));
    return files;
  } catch (error) {
    for (const file of files) await file.close();
    throw error;
  }
}

export const INDEX_FILE = 'model.safetensors.index.json';

/** Names of the weight files: the shards that an index lists, or the single file. */
async function weightFiles(directory: string): Promise<string[]> {
  const names = await readdir(directory);
  if (names.includes('model.safetensors')) return ['model.safetensors'];
  if (!names.includes(INDEX_FILE)) {
    const others = names.filter((name) => /\.(bin|pt|pth|gguf|safetensors)$/.test(name));
    throw new StrataError('NOT_FOUND', 'This folder holds no weights that Strata reads.', {
      found: others.join(', ') || 'no weight files',
      allowed: `model.safetensors, or ${INDEX_FILE} with its shards`,
    });
  }
  let map: unknown;
  try {
    map = (JSON.parse(await readFile(join(directory, INDEX_FILE), 'utf8')) as { weight_map?: unknown }).weight_map;
  } catch (error) {
    throw new StrataError('CORRUPT', `${INDEX_FILE} is not JSON.`, { cause: error });
  }
  const shards = [...new Set(Object.values((map ?? {}) as Record<string, unknown>))];
  // A shard is a file of this folder: a name with a path in it would read from elsewhere.
  const wrong = shards.find((shard) => typeof shard !== 'string' || basename(shard) !== shard || !shard.endsWith('.safetensors'));
  if (wrong !== undefined || shards.length === 0 || shards.length > MAX_SHARDS) {
    throw new StrataError('CORRUPT', `${INDEX_FILE} does not list the model's files.`, {
      found: wrong === undefined ? `${shards.length} files` : JSON.stringify(wrong),
      allowed: `1 to ${MAX_SHARDS} names of .safetensors files in the same folder`,
    });
  }
  const missing = (shards as string[]).filter((shard) => !names.includes(shard));
  if (missing.length > 0) {
    throw new StrataError('NOT_FOUND', 'Part of the model is missing.', {
      found: `no ${missing.join(', no ')}`,
      hint: 'Download the missing files into the same folder.',
    });
  }
  return shards as string[];
}

/** A tied model may store its one table under either name. */
function storedName(name: string, config: LlamaConfig, tensors: ReadonlyMap<string, unknown>): string {
  if (!config.tiedEmbeddings || tensors.has(name)) return name;
  if (name === EMBEDDING_TENSOR) return HEAD_TENSOR;
  return name === HEAD_TENSOR ? EMBEDDING_TENSOR : name;
}

function checkTensors(directory: string, config: LlamaConfig, files: ReadonlyMap<string, SafetensorsFile>): void {
  const expected = new Map(llamaTensors(config).map(({ name, shape }) => [storedName(name, config, files), shape]));
  const missing = [...expected.keys()].filter((name) => !files.has(name));
  if (missing.length > 0) {
    throw new StrataError('CORRUPT', 'The model is not complete: tensors are missing.', {
      found: `no ${some(missing)}`,
      allowed: `the ${expected.size} tensors of a ${config.blocks}-block LlamaForCausalLM`,
      hint: `Is num_hidden_layers (${config.blocks}) in config.json right? Otherwise download the weights in ${directory} again.`,
    });
  }
  const extra = [...files.keys()].filter(
    (name) => !expected.has(name) && !IGNORED_TENSORS.test(name) && !(config.tiedEmbeddings && name === HEAD_TENSOR),
  );
  if (extra.length > 0) {
    throw new StrataError('UNSUPPORTED', 'The model has tensors that its configuration does not explain.', {
      found: some(extra),
      allowed: `the tensors of a ${config.blocks}-block LlamaForCausalLM without biases`,
      hint: 'Computing without them would give other results. Check num_hidden_layers and the architecture in config.json.',
    });
  }
  for (const [name, shape] of expected) {
    const tensor = files.get(name)!.tensors.get(name)!;
    if (tensor.shape.join() !== shape.join()) {
      const isTable = name === EMBEDDING_TENSOR || name === HEAD_TENSOR;
      const isVocabulary = isTable && tensor.shape[1] === shape[1];
      throw new StrataError(
        'CORRUPT',
        isVocabulary ? 'The vocabulary size in config.json is not that of the weights.' : `Tensor ${name} has the wrong shape.`,
        {
          found: `${name} of shape [${tensor.shape.join(', ')}]`,
          allowed: `[${shape.join(', ')}], as config.json says`,
        },
      );
    }
    if (!['F32', 'F16', 'BF16'].includes(tensor.dtype)) {
      throw new StrataError('UNSUPPORTED', `Tensor ${name} is stored in a format Strata does not compute with.`, {
        found: tensor.dtype,
        allowed: 'F32, F16, BF16',
      });
    }
  }
}

function checkPlan(plan: ExpansionPlan | null, config: LlamaConfig): void {
  if (!plan) return;
  if (plan.baseBlocks + plan.inserted.length !== config.blocks) {
    throw new StrataError('CORRUPT', "The model's plan and its configuration disagree.", {
      found: `${config.blocks} blocks in config.json`,
      allowed: `${plan.baseBlocks} of the base and ${plan.inserted.length} inserted, as expansion.json says`,
    });
  }
  const layout = expandedBlocks(plan);
  const wrong = plan.inserted.find(
    ({ copies, position }) => !layout[position]?.inserted || layout[position].base !== copies || copies >= plan.baseBlocks,
  );
  if (wrong) {
    throw new StrataError('CORRUPT', 'The plan in expansion.json contradicts itself.', {
      found: `a copy of block ${wrong.copies} after block ${wrong.after}, at position ${wrong.position}`,
      allowed: `copies of blocks 0 to ${plan.baseBlocks - 1}, in the order of their positions`,
    });
  }
}

function some(names: readonly string[]): string {
  return names.slice(0, 3).join(', ') + (names.length > 3 ? ` and ${names.length - 3} more` : '');
}

/** Names of the files that make the model: its configuration, its weights and their index. */
export async function modelFiles(directory: string): Promise<string[]> {
  const weights = await weightFiles(directory);
  return ['config.json', ...(weights.includes('model.safetensors') ? [] : [INDEX_FILE]), ...weights];
}

/** sha256 over config.json and the weight files, in the order of their names: the identity of a model. */
export async function modelHash(directory: string): Promise<string> {
  const hash = createHash('sha256');
  for (const name of ['config.json', ...(await weightFiles(directory)).sort()]) {
    hash.update(name);
    await pipeline(createReadStream(join(directory, name)), async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) hash.update(chunk);
    });
  }
  return hash.digest('hex');
}
