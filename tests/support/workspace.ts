import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatasetInfo } from '../../shared/contract/datasets.ts';
import type { ModelInfo } from '../../shared/contract/models.ts';
import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import { randomStream } from '../../shared/domain/random.ts';
import { writeSafetensors } from '../../main/models/safetensors.ts';
import { openStudio, type Studio, type StudioOptions } from '../../main/studio/studio.ts';
import { ProcessExecutor } from '../../main/training/process-executor.ts';
import { randomWeights, shapesOf, tinyConfig } from './tiny-llama.ts';

/**
 * Builders of small real things: a random model with a tokenizer, texts of two domains, and a workspace that has imported them. Everything
 * is seeded, so that two builds are byte for byte the same.
 */

const START_TOKEN = '<s>';
const END_TOKEN = '</s>';

/** The model of the workspace: every byte is a token, and two special ones. Trains in milliseconds a step. */
export const byteModelConfig: LlamaConfig = {
  ...tinyConfig,
  hiddenSize: 16,
  intermediateSize: 32,
  blocks: 4,
  vocabularySize: 258,
  contextLength: 64,
  bosTokenId: 256,
  eosTokenId: 257,
};

/** tokenizer.json with one token per byte, in the byte-level alphabet of GPT-2, and a start token in front of every text. */
export function byteTokenizerJson(): Record<string, unknown> {
  const special = (id: number, content: string): Record<string, unknown> => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  });
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
  const vocab = Object.fromEntries([...byteAlphabet(), START_TOKEN, END_TOKEN].map((token, id) => [token, id]));
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [special(256, START_TOKEN), special(257, END_TOKEN)],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: START_TOKEN, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [],
      special_tokens: { [START_TOKEN]: { id: START_TOKEN, ids: [256], tokens: [START_TOKEN] } },
    },
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab,
      merges: [],
    },
  };
}

/** Printable stand-ins of the bytes 0 to 255, as GPT-2 assigns them. */
function byteAlphabet(): string[] {
  let unprintable = 0;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    return String.fromCodePoint(isPrintable ? byte : 256 + unprintable++);
  });
}

/** Writes a Hugging Face folder with random weights, or with those given by name. */
export async function writeTinyModel(
  directory: string,
  { config = byteModelConfig, weights = randomWeights(config) }: { config?: LlamaConfig; weights?: ReadonlyMap<string, Float32Array> } = {},
): Promise<void> {
  await mkdir(directory, { recursive: true });
  const entries = [...shapesOf(config)].map(([name, shape]) => ({ name, shape, dtype: 'F32' as const, data: () => weights.get(name)! }));
  await writeSafetensors(join(directory, 'model.safetensors'), entries, { format: 'pt' });
  const json = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_act: 'silu',
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.blocks,
    num_attention_heads: config.heads,
    num_key_value_heads: config.keyValueHeads,
    head_dim: config.headSize,
    vocab_size: config.vocabularySize,
    max_position_embeddings: config.contextLength,
    rms_norm_eps: config.normEpsilon,
    rope_theta: config.ropeTheta,
    tie_word_embeddings: config.tiedEmbeddings,
    bos_token_id: config.bosTokenId,
    eos_token_id: config.eosTokenId,
    torch_dtype: 'float32',
  };
  await writeFile(join(directory, 'config.json'), JSON.stringify(json, null, 2));
  await writeFile(join(directory, 'tokenizer.json'), JSON.stringify(byteTokenizerJson()));
  await writeFile(
    join(directory, 'tokenizer_config.json'),
    JSON.stringify({ tokenizer_class: 'PreTrainedTokenizerFast', bos_token: START_TOKEN, eos_token: END_TOKEN }),
  );
}

/** Small assignments: the new domain. No two documents are the same. */
export function codeDocuments(count: number): string[] {
  const random = randomStream(1);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  return Array.from({ length: count }, (_, index) => {
    const lines = Array.from({ length: 8 }, () => `let ${pick(NAMES)} = ${pick(NAMES)} + ${Math.floor(random() * 100)};`);
    return [`// unit ${index}`, ...lines].join('\n');
  });
}

/** Plain sentences: the old domain. No two documents are the same. */
export function storyDocuments(count: number): string[] {
  const random = randomStream(2);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  return Array.from({ length: count }, (_, index) => {
    const sentences = Array.from({ length: 8 }, () => `The ${pick(PEOPLE)} ${pick(DEEDS)} the ${pick(THINGS)}.`);
    return [`Tale ${index}.`, ...sentences].join(' ');
  });
}

const NAMES = ['total', 'count', 'index', 'price', 'width'];
const PEOPLE = ['keeper', 'sailor', 'baker', 'child', 'queen'];
const DEEDS = ['found', 'lost', 'painted', 'carried', 'hid'];
const THINGS = ['lamp', 'letter', 'boat', 'bread', 'crown'];

export interface TinySources {
  /** A Hugging Face folder. */
  model: string;
  /** JSON Lines of the new domain, and of the old. */
  newText: string;
  oldText: string;
}

/** Writes the model and both texts into a folder, as a person would have them before the first import. */
export async function writeTinySources(directory: string): Promise<TinySources> {
  const sources = { model: join(directory, 'tiny'), newText: join(directory, 'code.jsonl'), oldText: join(directory, 'stories.jsonl') };
  await writeTinyModel(sources.model);
  await writeDocuments(sources.newText, codeDocuments(60));
  await writeDocuments(sources.oldText, storyDocuments(60));
  return sources;
}

export async function writeDocuments(path: string, documents: readonly string[]): Promise<void> {
  await writeFile(path, documents.map((text) => JSON.stringify({ text }) + '\n').join(''));
}

/** An open studio over a fresh workspace that holds the tiny model and both datasets. */
export interface TinyStudio {
  /** The workspace, and the folder that everything of the test lies in. */
  home: string;
  directory: string;
  sources: TinySources;
  studio: Studio;
  model: ModelInfo;
  newDataset: DatasetInfo;
  oldDataset: DatasetInfo;
  /** Closes the studio and deletes the folder. */
  remove(): Promise<void>;
}

/** What a test's studio may have otherwise. */
export type TinyOptions = Pick<StudioOptions, 'enginePacks'>;

export async function openTinyStudio(options: TinyOptions = {}): Promise<TinyStudio> {
  const directory = await mkdtemp(join(tmpdir(), 'strata-workspace-'));
  const home = join(directory, 'home');
  const sources = await writeTinySources(directory);
  const studio = openStudioAt(home, options);
  const model = await studio.models.import({ path: sources.model });
  const newDataset = (await studio.datasets.import({ paths: [sources.newText] })).datasets[0]!;
  const oldDataset = (await studio.datasets.import({ paths: [sources.oldText] })).datasets[0]!;
  const remove = async (): Promise<void> => {
    await studio.close();
    await rm(directory, { recursive: true, force: true });
  };
  return { home, directory, sources, studio, model, newDataset, oldDataset, remove };
}

/** Another studio on a workspace, with trainers of its own. */
export function openStudioAt(home: string, options: TinyOptions = {}): Studio {
  return openStudio({
    ...options,
    home,
    executor: new ProcessExecutor(),
    resources: join(import.meta.dirname, '../../resources'),
    version: '0.0.0-test',
  });
}
