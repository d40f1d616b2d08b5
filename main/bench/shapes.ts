import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import { parseModelConfig } from '../models/model-config.ts';

/** The architecture of SmolLM2-135M (Hugging Face TB), as its config.json says. */
const SMOLLM2_135M: LlamaConfig = {
  hiddenSize: 576,
  intermediateSize: 1536,
  blocks: 30,
  heads: 9,
  keyValueHeads: 3,
  headSize: 64,
  vocabularySize: 49_152,
  contextLength: 8192,
  normEpsilon: 1e-5,
  ropeTheta: 100_000,
  ropeScaling: null,
  slidingWindow: null,
  attentionBias: false,
  mlpBias: false,
  tiedEmbeddings: true,
  bosTokenId: 1,
  eosTokenId: 2,
};

/** Of no use but to see that the command works: steps of a few milliseconds on any engine. */
const TINY: LlamaConfig = {
  ...SMOLLM2_135M,
  hiddenSize: 32,
  intermediateSize: 64,
  blocks: 4,
  heads: 4,
  keyValueHeads: 2,
  headSize: 8,
  vocabularySize: 256,
  contextLength: 256,
};

/** TinyLlama 1.1B with 9 of its 22 blocks: a gigabyte in bfloat16. */
const GIGABYTE: LlamaConfig = {
  ...SMOLLM2_135M,
  hiddenSize: 2048,
  intermediateSize: 5632,
  blocks: 9,
  heads: 32,
  keyValueHeads: 4,
  headSize: 64,
  vocabularySize: 32_000,
  contextLength: 2048,
  ropeTheta: 10_000,
  tiedEmbeddings: false,
};

export const SHAPE_NAMES = ['base', 'smollm2-135m', 'gigabyte', 'tiny'] as const;
export type ShapeName = (typeof SHAPE_NAMES)[number];

/** A model to measure with, and the windows that suit it. */
export interface Shape {
  name: ShapeName;
  config: LlamaConfig;
  /** What is expanded: a base of so many blocks with so many copies inserted. */
  expansion: { baseBlocks: number; inserted: number };
  batch: number;
  context: number;
}

/**
 * A shape by its name. `base` is that of the embedded model, expanded as the demo does; 135 M parameters are expanded so that 6 of 30 blocks
 * are new.
 * @param resources the folder with the embedded model
 */
export async function shapeOf(name: ShapeName, resources: string): Promise<Shape> {
  switch (name) {
    case 'base': {
      const { config } = parseModelConfig(JSON.parse(await readFile(join(resources, 'base', 'config.json'), 'utf8')));
      return { name, config, expansion: { baseBlocks: config.blocks, inserted: 2 }, batch: 8, context: config.contextLength };
    }
    case 'smollm2-135m':
      return { name, config: SMOLLM2_135M, expansion: { baseBlocks: 24, inserted: 6 }, batch: 1, context: 512 };
    case 'gigabyte':
      return { name, config: GIGABYTE, expansion: { baseBlocks: GIGABYTE.blocks, inserted: 2 }, batch: 1, context: 128 };
    case 'tiny':
      return { name, config: TINY, expansion: { baseBlocks: 3, inserted: 1 }, batch: 2, context: 16 };
  }
}
