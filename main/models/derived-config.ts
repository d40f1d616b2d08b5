import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import { llamaTensors } from '../../shared/domain/llama-tensors.ts';
import { configText } from './config-text.ts';
import { toHuggingFaceConfig } from './model-config.ts';
import type { ModelFolder } from './model-folder.ts';

export interface ConfigOptions {
  dtype?: ConfigDtype;
  /** For other programs: fields that Strata accepts and does not go by are left out, because a program may do half of what they say. */
  isForOthers?: boolean;
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
  await writeFile(join(directory, 'config.json'), configText(derivedConfig(folder, config, options), folder.configText));
}

/** config.json of a model derived from `folder`: see {@link writeConfig}. */
export function derivedConfig(
  folder: ModelFolder,
  config: LlamaConfig,
  { dtype, layout, isForOthers }: ConfigOptions,
): Record<string, unknown> {
  const kinds = [...new Set(llamaTensors(folder.config).map(({ name }) => folder.dtypeOf(name)))];
  const stored = kinds.length > 1 ? 'float32' : DTYPE_NAMES[kinds[0] as keyof typeof DTYPE_NAMES];
  const original = layout ? withLayout(folder.configJson, folder.config.blocks, layout) : folder.configJson;
  const json = toHuggingFaceConfig(config, original, dtype ?? stored);
  if (!isForOthers || config.slidingWindow !== null || json.model_type !== 'llama') return json;
  return Object.fromEntries(Object.entries(json).filter(([field, value]) => !isOfWindow(field, value)));
}

/** A LLaMA's attention has no window, yet transformers shortens its cache of keys and values by these fields when it generates. */
function isOfWindow(field: string, value: unknown): boolean {
  return field === 'sliding_window' || (field === 'layer_types' && JSON.stringify(value).includes('sliding_attention'));
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
