import { createHash } from 'node:crypto';
import { constants, copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LlamaConfig } from '../../../shared/domain/llama-config.ts';
import { llamaTensors } from '../../../shared/domain/llama-tensors.ts';
import type { ExpansionStep } from '../../../shared/domain/expansion.ts';
import { type ExpansionPlan, expandedBlocks } from '../../../shared/domain/plan.ts';
import { StrataError } from '../../../shared/errors.ts';
import { extendedBy, writeExpansionFile } from './expansion-file.ts';
import { toHuggingFaceConfig } from '../model-config.ts';
import { type ModelFolder, openModelFolder, SINGLE_FILE } from '../model-folder.ts';
import { sizeOfFile } from '../regular-file.ts';
import { byteLength, writeSafetensors, zeroPieces } from '../safetensors.ts';
import { hashedPieces } from '../tensor-hash.ts';

/** What belongs to a model beside its weights: tokenizer, templates, generation settings, licence, card. */
const SMALL_FILE =
  /^(tokenizer.*|special_tokens_map\.json|generation_config\.json|vocab\.json|merges\.txt|chat_template\..*|added_tokens\.json|LICENSE.*|NOTICE.*|README\.md)$/i;

export function isSmallFile(name: string): boolean {
  return SMALL_FILE.test(name);
}

/** Names of the tensors that are zero in an inserted block, so that it adds nothing to the residual stream. */
const ZEROED = /\.(self_attn\.o_proj|mlp\.down_proj)\.(weight|bias)$/;

export function isZeroedInCopies(name: string): boolean {
  return ZEROED.test(name);
}

/**
 * Writes an expanded copy of a model folder, tensor by tensor: old tensors byte for byte, copies with `o_proj` and
 * `down_proj` zeroed, config.json with the new number of blocks, the tokenizer, and the plan. The copy appears under its name
 * only when it is complete.
 * @param made what the plan's file calls the new model, and by what its blocks were placed.
 * @returns its hash (see modelHash), taken while it was written.
 * @throws StrataError BAD_INPUT when the plan was made for another number of blocks.
 */
export async function expandModelFolder(
  source: string,
  destination: string,
  plan: ExpansionPlan,
  base: { name: string; hash: string },
  made: Pick<ExpansionStep, 'id' | 'name' | 'importance'> = { id: null, name: null, importance: null },
): Promise<string> {
  const folder = await openModelFolder(source);
  const partial = `${destination}.partial`;
  try {
    if (plan.baseBlocks !== folder.config.blocks) {
      throw new StrataError('BAD_INPUT', 'The plan does not fit the model.', {
        found: `a plan for ${plan.baseBlocks} blocks`,
        allowed: `a plan for ${folder.config.blocks}, the model's number of blocks`,
        hint: 'Make the plan anew from this model.',
      });
    }
    const layout = expandedBlocks(plan);
    const config = { ...folder.config, blocks: layout.length };
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    const [frozen, changed]: [Record<string, string>, Record<string, string>] = [{}, {}];
    const entries = llamaTensors(config).map(({ name, shape }) => {
      const position = /^model\.layers\.(\d+)\./.exec(name)?.[1];
      const block = position === undefined ? null : layout[Number(position)]!;
      const from = block ? name.replace(/layers\.\d+/, `layers.${block.base}`) : name;
      const dtype = folder.dtypeOf(from);
      const isZero = block?.inserted === true && isZeroedInCopies(name);
      const pieces = (): AsyncIterable<Uint8Array> => (isZero ? zeroPieces(byteLength(shape, dtype)) : folder.readPieces(from));
      const record = block?.inserted ? changed : frozen;
      return { name, shape, dtype, data: () => hashedPieces(pieces(), dtype, (hash) => (record[name] = hash)) };
    });
    await writeConfig(partial, folder, config, { layout });
    const hash = createHash('sha256');
    hash
      .update('config.json')
      .update(await readFile(join(partial, 'config.json')))
      .update(SINGLE_FILE);
    await writeSafetensors(join(partial, SINGLE_FILE), entries, { format: 'pt' }, hash);
    await copySmallFiles(source, partial);
    const step: ExpansionStep = { ...made, base, method: { name: 'expand', plan }, training: null };
    await writeExpansionFile(partial, extendedBy(folder.expansion, step, { frozen, changed }));
    await rename(partial, destination);
    return hash.digest('hex');
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  } finally {
    await folder.close();
  }
}

export interface ConfigOptions {
  dtype?: ConfigDtype;
  /**
   * The blocks of the source that the model's blocks are or copy, where it has others: lists of one value for each block are changed with
   * them.
   */
  layout?: readonly { base: number }[];
}

/**
 * Writes config.json for a model derived from `folder`. Its dtype is that of the source's tensors unless said; where they are
 * mixed it is the widest, because a program that loads the model in a single type would round the others.
 */
export async function writeConfig(directory: string, folder: ModelFolder, config: LlamaConfig, options: ConfigOptions = {}): Promise<void> {
  await writeFile(join(directory, 'config.json'), JSON.stringify(derivedConfig(folder, config, options), null, 2) + '\n');
}

/** config.json of a model derived from `folder`: see {@link writeConfig}. */
export function derivedConfig(folder: ModelFolder, config: LlamaConfig, { dtype, layout }: ConfigOptions): Record<string, unknown> {
  const kinds = [...new Set(llamaTensors(folder.config).map(({ name }) => folder.dtypeOf(name)))];
  const stored = kinds.length > 1 ? 'float32' : DTYPE_NAMES[kinds[0] as keyof typeof DTYPE_NAMES];
  const original = layout ? withLayout(folder.configJson, folder.config.blocks, layout) : folder.configJson;
  return toHuggingFaceConfig(config, original, dtype ?? stored);
}

/** config.json with its lists of one value for each block, such as `layer_types`, as the new blocks need them. */
function withLayout(json: Record<string, unknown>, blocks: number, layout: readonly { base: number }[]): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(json).map(([key, value]: [string, unknown]) => {
      const isOfBlocks = /layer|block/.test(key) && Array.isArray(value) && value.length === blocks;
      return [key, isOfBlocks ? layout.map(({ base }) => (value as unknown[])[base]) : value];
    }),
  );
}

/** What config.json calls the element types. */
export const DTYPE_NAMES = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const;
type ConfigDtype = (typeof DTYPE_NAMES)[keyof typeof DTYPE_NAMES];

/** Tokenizers have up to 35 MB; nothing beside the weights is larger. */
const MAX_SMALL_FILE_BYTES = 200_000_000;

/**
 * Copies tokenizer, templates, generation settings, licence and card.
 * @throws StrataError BAD_INPUT when one of them is no file or a link to elsewhere.
 */
export async function copySmallFiles(source: string, destination: string): Promise<void> {
  for (const entry of await readdir(source, { withFileTypes: true })) {
    if (!isSmallFile(entry.name) || entry.isDirectory()) continue;
    await sizeOfFile(source, entry.name, MAX_SMALL_FILE_BYTES);
    await copyFile(join(source, entry.name), join(destination, entry.name), constants.COPYFILE_FICLONE);
  }
}
