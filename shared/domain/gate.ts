import { z } from 'zod';
import { roleSchema } from './run.ts';
import { estimateDifference, estimateRatio } from './statistics.ts';

/**
 * A gate for a pack: the first k predicted tokens of each text are read without the pack and with it, and the one with the lower loss reads the
 * rest. Nothing is trained for it. A model's first token is given, not predicted: a text of n tokens has n - 1 that are.
 */

/** How many tokens decide unless said. */
export const GATE_TOKENS = 32;
export const GATE_LIMITS = { tokens: 4096, documents: 100_000 };

/** Whether a text goes through the pack: by the sums of losses over its first tokens. Where both are the same it does not. */
export function usesPack(loss: { without: number; with: number }): boolean {
  return loss.with < loss.without;
}

export const gateRequestShape = {
  /** Number of the pack; the last that can be left out unless said. */
  pack: z.int().min(1).optional(),
  /** How many tokens decide: each is evaluated. */
  tokens: z.array(z.int().min(1).max(GATE_LIMITS.tokens)).min(1).max(16).default([8, 16, GATE_TOKENS]),
  /** Datasets of which texts should go through the pack (new), and of which not (old); those that the pack was trained with unless said. */
  newDatasets: z.array(z.string()).optional(),
  oldDatasets: z.array(z.string()).optional(),
  /** At most so many held-out documents of each, and tokens of each document. */
  documents: z.int().min(2).max(GATE_LIMITS.documents).default(200),
  documentTokens: z.int().min(4).optional(),
  engine: z.string().optional(),
};

const estimateSchema = z.object({ value: z.number(), error: z.number().nullable() });

/** One dataset at one k. Losses in nats per token, after the first k; errors by bootstrap over documents. */
export const gateFigureSchema = z.object({
  role: roleSchema,
  dataset: z.string(),
  /** Documents that are long enough, those that are not, and tokens after the first k. */
  documents: z.int(),
  tooShort: z.int(),
  tokens: z.int(),
  /** Share of documents that went where they should: new ones through the pack, old ones not. */
  accuracy: estimateSchema,
  loss: z.object({ routed: estimateSchema, always: estimateSchema, never: estimateSchema }),
  /** What routing costs beside the better of the other two: always for new, never for old. */
  cost: estimateSchema,
});
export type GateFigure = z.infer<typeof gateFigureSchema>;

export const gateEvaluationSchema = z.object({
  pack: z.int(),
  results: z.array(z.object({ tokens: z.int(), figures: z.array(gateFigureSchema) })),
  engine: z.string(),
  seconds: z.number(),
  at: z.string(),
});
export type GateEvaluation = z.infer<typeof gateEvaluationSchema>;

/** The losses of a document's tokens 1..n-1 without the pack and with it. */
export interface GateDocument {
  without: ArrayLike<number>;
  with: ArrayLike<number>;
  /** 0 for a token that is only read, such as one of a question: it helps to decide, but its loss does not count. */
  learned: ArrayLike<number> | null;
}

/**
 * What a gate that reads the first k predicted tokens does with the documents of a dataset.
 * @returns null when no document has a token that counts after them.
 */
export function evaluateGate(
  documents: readonly GateDocument[],
  k: number,
  { role, dataset }: Pick<GateFigure, 'role' | 'dataset'>,
): GateFigure | null {
  const rests = documents.flatMap((document) => restOf(document, k) ?? []);
  if (rests.length === 0) return null;
  const weights = rests.map(({ tokens }) => tokens);
  const sums = {
    always: { sums: rests.map((rest) => rest.with), weights },
    never: { sums: rests.map((rest) => rest.without), weights },
    routed: { sums: rests.map((rest) => (rest.isThroughPack ? rest.with : rest.without)), weights },
  };
  const right = rests.map(({ isThroughPack }) => Number(isThroughPack === (role === 'new')));
  const cost = estimateDifference(role === 'new' ? sums.always : sums.never, sums.routed);
  return {
    role,
    dataset,
    documents: rests.length,
    tooShort: documents.length - rests.length,
    tokens: weights.reduce((total, each) => total + each, 0),
    accuracy: estimateRatio({ sums: right, weights: right.map(() => 1) }),
    loss: { routed: estimateRatio(sums.routed), always: estimateRatio(sums.always), never: estimateRatio(sums.never) },
    cost: { value: cost.value, error: cost.error },
  };
}

function restOf(document: GateDocument, k: number): { without: number; with: number; tokens: number; isThroughPack: boolean } | null {
  const prefix = { without: 0, with: 0 };
  const rest = { without: 0, with: 0, tokens: 0 };
  for (let index = 0; index < document.with.length; index++) {
    const isPrefix = index < k;
    if (!isPrefix && document.learned && document.learned[index] === 0) continue;
    const sums = isPrefix ? prefix : rest;
    sums.without += document.without[index]!;
    sums.with += document.with[index]!;
    if (!isPrefix) rest.tokens++;
  }
  return rest.tokens === 0 ? null : { ...rest, isThroughPack: usesPack(prefix) };
}
