import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import { type ExpansionPlan, planExpansion } from '../../shared/domain/plan.ts';
import type { BenchTask, Trains } from './job.ts';
import type { Shape } from './shapes.ts';

/** What is measured, by name, with what the name means. */
export const SUITES = {
  'train-expand': 'training steps of the inserted blocks',
  'train-full': 'training steps of every weight',
  eval: 'loss without gradients',
  generate: 'greedy generation with cached keys and values',
  load: 'from a folder on disk to the first logits',
  context: 'how train-expand grows with the window, 128 to 2048 tokens',
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
  trains: Trains;
  /** The model on disk; a plan is carried out while it is loaded. */
  config: LlamaConfig;
  plan: ExpansionPlan | null;
  batch: number;
  /** Tokens of a window; of the prompt when text is generated. */
  context: number;
  newTokens: number;
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
  const whole = { suite, shape: name, config, plan: null, trains: 'nothing', batch, context, newTokens: 0 } as const;
  const expand = (baseBlocks: number, inserted: number, window: number): BenchCase => ({
    ...whole,
    task: 'train',
    trains: 'inserted',
    config: { ...config, blocks: baseBlocks },
    plan: planExpansion(baseBlocks, inserted, 'even'),
    context: window,
  });
  switch (suite) {
    case 'train-expand':
      return [expand(expansion.baseBlocks, expansion.inserted, context)];
    case 'train-full':
      return [{ ...whole, task: 'train', trains: 'all' }];
    case 'eval':
      return [{ ...whole, task: 'evaluate' }];
    case 'generate': {
      // The prompt and what follows it must fit into the model's context.
      const newTokens = Math.min(NEW_TOKENS, config.contextLength - PROMPT_TOKENS);
      return [{ ...whole, task: 'generate', batch: 1, context: PROMPT_TOKENS, newTokens }];
    }
    case 'load':
      return [{ ...whole, task: 'load', batch: 1, context: PROMPT_TOKENS }];
    case 'context':
      return CONTEXTS.map((window) => expand(expansion.baseBlocks, expansion.inserted, window));
    case 'inserted':
      return INSERTED.map((inserted) => expand(config.blocks, inserted, context));
  }
}
