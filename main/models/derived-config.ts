import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import { llamaTensors } from '../../shared/domain/llama-tensors.ts';
import { configText } from './config-text.ts';
import { toHuggingFaceConfig } from './model-config.ts';
import type { ModelFolder } from './model-folder.ts';

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
  await writeFile(join(directory, 'config.json'), configText(derivedConfig(folder, config, options), folder.configText));
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
