import { evaluationFlops, trainingFlops } from './cost.ts';
import type { LlamaConfig } from './llama-config.ts';
import type { Method } from './method.ts';

/**
 * How much is measured: of the operations of a run, so that the same request always gives the same measurements, on any machine and after any
 * pause. Measuring gets a tenth of the run, half of it for its two ends, half for what lies between.
 *
 * A short run exceeds that where it must: a curve has at least {@link LEAST.evaluations} points, and a figure at least so many tokens that its
 * standard error is worth naming (about 0.03 nats on 4096 tokens of unrelated documents, where tokens have a standard deviation of 2).
 */
const SHARE_OF_RUN = 0.1;

/** Tokens of each role. */
const LEAST = { evaluations: 5, tokens: 1024, tokensAtEnds: 4096 } as const;
const MOST = { evaluations: 20, tokens: 8192, tokensAtEnds: 131_072 } as const;
/** A curve gets more points before they get more tokens than these. */
const USUAL_TOKENS = 4096;

export interface BudgetRequest {
  config: LlamaConfig;
  method: Method;
  context: number;
  steps: number;
  batch: number;
  /** Held-out tokens that there are, in all datasets of a role; `kept` is what is old and what is past, each role for itself. */
  heldOut: { new: number; kept: readonly number[] };
}

export interface EvaluationPlan {
  evaluations: number;
  /** Of each role, between the ends and at them. */
  tokens: number;
  tokensAtEnds: number;
}

/** What a measurement that reads so many tokens of each role costs, in floating-point operations. */
export function measurementFlops({ heldOut, ...work }: Pick<BudgetRequest, 'config' | 'method' | 'context' | 'heldOut'>): {
  between(tokens: number): number;
  ends(tokens: number): number;
} {
  const [alone, beside] = [evaluationFlops(work, false), evaluationFlops(work, true)];
  const kept = (tokens: number): number => heldOut.kept.reduce((sum, held) => sum + Math.min(held, tokens), 0);
  const onNew = (tokens: number): number => Math.min(heldOut.new, tokens);
  return {
    /** On the way, where only what is kept is compared with the base. */
    between: (tokens: number): number => onNew(tokens) * alone + kept(tokens) * beside,
    /** The base alone before step 1, and the result with its base. */
    ends: (tokens: number): number => (onNew(tokens) + kept(tokens)) * (alone + beside),
  };
}

/** How often and on how much a run is measured where nothing else is said. */
export function planEvaluation(request: BudgetRequest): EvaluationPlan {
  const { steps, batch, context } = request;
  const trained = steps * batch * context * trainingFlops(request);
  // A tenth of the whole is a ninth of the rest.
  const half = (trained * SHARE_OF_RUN) / (1 - SHARE_OF_RUN) / 2;
  const { between, ends } = measurementFlops(request);
  const evaluations = within(Math.floor(half / between(USUAL_TOKENS)), LEAST.evaluations, MOST.evaluations);
  const tokens = largest((count) => evaluations * between(count) <= half, LEAST.tokens, MOST.tokens);
  return {
    evaluations,
    tokens,
    tokensAtEnds: largest((count) => ends(count) <= half, Math.max(tokens, LEAST.tokensAtEnds), MOST.tokensAtEnds),
  };
}

/**
 * The largest of the least, its double, four times as much and so on that fits; the least where none does. In such strides, so that runs of one
 * length measure the same tokens whether they insert two blocks or three, and can be compared.
 */
function largest(fits: (count: number) => boolean, least: number, most: number): number {
  let count = least;
  while (count * 2 <= most && fits(count * 2)) count *= 2;
  return count;
}

function within(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
