import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import { llamaTensors } from '../../shared/domain/llama-tensors.ts';
import type { ExpansionPlan } from '../../shared/domain/plan.ts';
import { randomStream } from '../../shared/domain/random.ts';
import { expandModelFolder } from '../models/expansion/expand-folder.ts';
import { toHuggingFaceConfig } from '../models/model-config.ts';
import { writeSafetensors } from '../models/safetensors.ts';

/** Matrices are even in [-r, r] with the standard deviation that LLaMA models start from, 0.02. */
const RANGE = 0.02 * Math.sqrt(3);

/** How weights lie on disk. Most models are published in bfloat16. Both sides compute with 32-bit floats. */
export const WEIGHT_TYPES = ['bfloat16', 'float32'] as const;
export type WeightType = (typeof WEIGHT_TYPES)[number];

/** Writes a model of seeded random weights, which Strata and transformers open alike. */
export async function writeRandomModel(directory: string, config: LlamaConfig, weights: WeightType): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'config.json'), JSON.stringify(toHuggingFaceConfig(config, {}, weights), null, 2));
  const uniform = randomStream(1);
  const entries = llamaTensors(config).map(({ name, shape }) => ({
    name,
    shape,
    dtype: weights === 'bfloat16' ? ('BF16' as const) : ('F32' as const),
    data: (): Float32Array => {
      const values = new Float32Array(shape.reduce((product, length) => product * length, 1));
      if (shape.length === 1) return values.fill(1); // a norm
      for (let index = 0; index < values.length; index++) values[index] = RANGE * (2 * uniform() - 1);
      return values;
    },
  }));
  await writeSafetensors(join(directory, 'model.safetensors'), entries, { format: 'pt' });
}

/** Writes the tokenizer that an import asks for: one token per printable letter, no others. */
export async function writeTokenizer(directory: string): Promise<void> {
  const letters = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index));
  const json = {
    version: '1.0',
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: 'Fuse' },
    model: { type: 'BPE', vocab: Object.fromEntries(letters.map((letter, id) => [letter, id])), merges: [] },
  };
  await writeFile(join(directory, 'tokenizer.json'), JSON.stringify(json));
}

/** The same model with its copies inserted, for a program that does not insert them itself. */
export async function writeExpandedModel(base: string, directory: string, plan: ExpansionPlan): Promise<void> {
  await expandModelFolder(base, directory, plan, { name: 'random weights', hash: '' });
}

/** Writes windows of seeded random token ids, one after the other, little-endian int32. */
export async function writeWindows(path: string, windows: number, length: number, vocabularySize: number): Promise<void> {
  const uniform = randomStream(2);
  const ids = Int32Array.from({ length: windows * length }, () => Math.floor(uniform() * vocabularySize));
  await writeFile(path, new Uint8Array(ids.buffer));
}
