import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import { LORA_TARGETS, type Method } from '../../shared/domain/method.ts';
import { planExpansion } from '../../shared/domain/plan.ts';
import type { BenchTask } from './job.ts';
import type { Shape } from './shapes.ts';

/** What is measured, by name, with what the name means. */
export const SUITES = {
  'train-expand': 'training steps of the inserted blocks',
  'train-cached': 'train-expand with new blocks in the top half and windows seen before: the blocks below come from a cache',
  'train-full': 'training steps of every weight',
  'train-lora': 'training steps of adapters of rank 16 on all linear layers, beside peft',
  eval: 'loss without gradients',
  generate: 'greedy generation with cached keys and values',
  load: 'from a folder on disk to the first token',
  'model-files': 'importing a model and writing an expanded one, beside cp of the same bytes and safetensors in Python',
  context: 'how train-expand grows with the window, 128 to 2048 tokens as far as the model allows',
  inserted: 'how train-expand grows with the inserted blocks, 1 to 16',
} as const;
export type SuiteName = keyof typeof SUITES;
export const SUITE_NAMES = Object.keys(SUITES) as SuiteName[];

const CONTEXTS = [128, 256, 512, 1024, 2048];
const INSERTED = [1, 2, 4, 8, 16];
const PROMPT_TOKENS = 32;
const NEW_TOKENS = 128;

/** One row of the result: a task on one model with windows of one size. */
export interface BenchCase {
  suite: SuiteName;
  shape: Shape['name'];
  task: BenchTask;
  /** What is trained; null where nothing is. */
  method: Method | null;
  /** The model on disk. */
  config: LlamaConfig;
  batch: number;
  /** Tokens of a window; of the prompt when text is generated. */
  context: number;
  newTokens: number;
  /** Windows come again, and what the frozen blocks below the lowest trained one make of them is kept. */
  cachesPrefix: boolean;
}

/** Windows other than those that suit the shape. */
export interface WindowSize {
  batch?: number;
  context?: number;
}

/** The cases of a suite on a shape. */
export function casesOf(suite: SuiteName, shape: Shape, wanted: WindowSize = {}): BenchCase[] {
  const { config, name, expansion } = shape;
  const { batch, context } = { batch: shape.batch, context: shape.context, ...wanted };
  const whole = { suite, shape: name, config, method: null, batch, context, newTokens: 0, cachesPrefix: false } as const;
  const expand = (baseBlocks: number, inserted: number, window: number): BenchCase => ({
    ...whole,
    task: 'train',
    method: { name: 'expand', plan: planExpansion(baseBlocks, inserted, 'even') },
    config: { ...config, blocks: baseBlocks },
    context: window,
  });
  switch (suite) {
    case 'train-expand':
      return [expand(expansion.baseBlocks, expansion.inserted, context)];
    case 'train-cached': {
      const { baseBlocks, inserted } = expansion;
      return [
        {
          ...expand(baseBlocks, inserted, context),
          method: { name: 'expand', plan: planExpansion(baseBlocks, undefined, placesInTopHalf(baseBlocks, inserted)) },
          cachesPrefix: true,
        },
      ];
    }
    case 'train-lora':
      return [{ ...whole, task: 'train', method: { name: 'lora', rank: 16, alpha: 32, targets: [...LORA_TARGETS] } }];
    case 'train-full':
      return [{ ...whole, task: 'train', method: { name: 'full' } }];
    case 'eval':
      return [{ ...whole, task: 'evaluate' }];
    case 'generate': {
      // The prompt and what follows it must fit into the model's context.
      const newTokens = Math.min(NEW_TOKENS, config.contextLength - PROMPT_TOKENS);
      return [{ ...whole, task: 'generate', batch: 1, context: PROMPT_TOKENS, newTokens }];
    }
    case 'load':
      return [{ ...whole, task: 'load', batch: 1, context: PROMPT_TOKENS }];
    case 'model-files':
      return [
        { ...whole, task: 'import', batch: 1, context: PROMPT_TOKENS },
        { ...expand(expansion.baseBlocks, expansion.inserted, PROMPT_TOKENS), task: 'expand', batch: 1 },
      ];
    case 'context':
      return CONTEXTS.filter((window) => window <= config.contextLength).map((window) =>
        expand(expansion.baseBlocks, expansion.inserted, window),
      );
    case 'inserted':
      return INSERTED.map((inserted) => expand(config.blocks, inserted, context));
  }
}

/** Interleaved as `even` does it, in the upper half of the base. */
function placesInTopHalf(baseBlocks: number, count: number): number[] {
  const half = Math.floor(baseBlocks / 2);
  return planExpansion(baseBlocks - half, count, 'even').inserted.map(({ after }) => half + after);
}
