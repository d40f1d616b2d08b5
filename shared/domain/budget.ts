import { trainingFlops } from './cost.ts';
import type { CompanionBytes } from './export-size.ts';
import type { LlamaConfig } from './llama-config.ts';
import { type MemoryPlan, planMemory } from './memory.ts';
import type { Method } from './method.ts';
import { type Outlook, outlookOf } from './plan-summary.ts';

/** What a plan costs: one computation for the page, which shows it while a block is being moved, and for the studio, which answers for it. */

/** What of a model and of the machine a budget depends on: known before anything is planned. */
export interface BudgetBasis {
  /** Of the model that is to be expanded. */
  config: LlamaConfig;
  /** Its matrices are bfloat16 numbers. */
  isCompact: boolean;
  /** Beside the weights of an export. */
  companions: CompanionBytes;
  /** Bytes that this machine has. */
  availableMemory: number;
  /** Null where nothing is known of the engine's speed. */
  speed: { flopsPerSecond: number; basis: string } | null;
}

/** How the model will be trained, as far as that has a price. */
export interface BudgetLoad {
  batch: number;
  microBatch: number;
  /** Tokens per window. */
  context: number;
  /** Drift from the base is measured, which holds twice what training changes. */
  measuresDrift: boolean;
}

export interface Budget extends Outlook {
  memory: MemoryPlan;
  /** Of training alone, without measurements; null where nothing is known of the engine's speed. */
  time: { secondsPerMillionTokens: number; tokensPerSecond: number; basis: string } | null;
}

/** Parameters, memory, time and exported sizes of training a model in a certain way. */
export function budgetOf(method: Method, { config, companions, isCompact, availableMemory, speed }: BudgetBasis, load: BudgetLoad): Budget {
  const tokensPerSecond = speed && speed.flopsPerSecond / trainingFlops({ config, method, context: load.context });
  return {
    ...outlookOf(method, config, companions),
    memory: planMemory({ config, method, isCompact, ...load }, availableMemory),
    time: tokensPerSecond === null ? null : { secondsPerMillionTokens: 1e6 / tokensPerSecond, tokensPerSecond, basis: speed!.basis },
  };
}
