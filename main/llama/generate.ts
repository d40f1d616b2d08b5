import { randomStream } from '../../shared/domain/random.ts';
import type { Engine } from '../engine/engine.ts';
import { decodeToken, readPrompt } from './decode.ts';
import { logSumExp } from './explain.ts';
import type { Llama } from './parameters.ts';

export interface GenerateOptions {
  maxTokens: number;
  /** 0 is greedy; otherwise logits are divided by it before sampling. */
  temperature: number;
  seed: number;
  /** Generation ends before these ids. */
  stopIds?: readonly number[];
  /** Asked before each token; true ends early. */
  isCancelled?: () => boolean;
  /**
   * Hears of each token as soon as it is chosen, with its log-probability under the model, whatever the temperature; generation goes on when it
   * has resolved.
   */
  onToken?: (id: number, logProbability: number) => Promise<void>;
  /** Asked after each token with all new ones; true ends with them. */
  isFinished?: (produced: readonly number[]) => boolean;
}

/** Continues a prompt token by token with cached keys and values. Returns the new ids only; stops at the model's context length. */
export async function generate(engine: Engine, model: Llama, promptIds: readonly number[], options: GenerateOptions): Promise<number[]> {
  const random = randomStream(options.seed);
  const produced: number[] = [];
  if (promptIds.length > model.config.contextLength || options.maxTokens === 0 || options.isCancelled?.()) return produced;
  let step = readPrompt(engine, model, Int32Array.from(promptIds));
  for (let past = promptIds.length; ; past++) {
    const logits = (await engine.read(step.logits)) as Float32Array;
    engine.dispose(step.logits);
    const next = options.temperature === 0 ? largest(logits) : sample(logits, options.temperature, random());
    if (options.stopIds?.includes(next)) break;
    produced.push(next);
    await options.onToken?.(next, logits[next]! - logSumExp(logits));
    if (produced.length === options.maxTokens || past === model.config.contextLength) break;
    if (options.isCancelled?.() || options.isFinished?.(produced)) break;
    const { caches } = step;
    step = decodeToken(engine, model, next, past, caches);
    engine.dispose(...caches.flatMap(({ keys, values }) => [keys, values]));
  }
  engine.dispose(...step.caches.flatMap(({ keys, values }) => [keys, values]));
  return produced;
}

function largest(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id;
  return best;
}

/** Draws from softmax(logits / temperature) with one uniform number. */
export function sample(logits: Float32Array, temperature: number, uniform: number): number {
  const top = logits[largest(logits)]!;
  const weights = Float64Array.from(logits, (logit) => Math.exp((logit - top) / temperature));
  let remaining = uniform * weights.reduce((sum, weight) => sum + weight, 0);
  for (let id = 0; id < weights.length; id++) {
    remaining -= weights[id]!;
    if (remaining < 0) return id;
  }
  return largest(logits);
}
