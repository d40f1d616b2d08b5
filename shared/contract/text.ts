import { z } from 'zod';
import { GATE_LIMITS, GATE_TOKENS } from '../domain/gate.ts';
import { datasetMeasureSchema, estimateSchema, tokenShiftSchema } from '../domain/measurement.ts';

/** Text that models write, and what they think of it. */

/** A model as it is to speak. */
export const voiceSchema = z.object({
  /** Model or run, id or name. */
  model: z.string(),
  /** Leave the blocks of the last expansion out: the answer of the model that it was made from. */
  bypass: z.boolean().default(false),
  /** Strength of packs, by their numbers; one that is not named is as it is. 0 leaves it out. */
  strengths: z
    .array(z.object({ pack: z.int().min(1), strength: z.number().min(0).max(1) }))
    .max(1000)
    .optional(),
  /** Decide by the first tokens of the prompt whether a pack is used: the last that can be left out unless said. */
  gate: z.object({ tokens: z.int().min(1).max(GATE_LIMITS.tokens).default(GATE_TOKENS), pack: z.int().min(1).optional() }).optional(),
});
export type Voice = z.input<typeof voiceSchema>;

/** What a gate decided, and by what. */
export const gateDecisionSchema = z.object({
  /** Whether the pack is used. */
  usesPack: z.boolean(),
  /** Predicted tokens of the prompt that it was decided by: fewer than asked for when the prompt is shorter. */
  tokens: z.int(),
  /** Nats per token; null when there was no token to decide by, and the pack is not used. */
  lossWithout: z.number().nullable(),
  lossWith: z.number().nullable(),
});
export type GateDecision = z.infer<typeof gateDecisionSchema>;

/** How a prompt is continued. */
export const continuationShape = {
  prompt: z.string(),
  maxTokens: z.int().min(1).max(8192).default(64),
  /** 0 is greedy. */
  temperature: z.number().min(0).max(10).default(0),
  seed: z.int().min(0).default(0),
};

export const generateRequestSchema = voiceSchema.extend({ ...continuationShape, engine: z.string().optional() });

export const generatedSchema = z.object({
  text: z.string(),
  tokenIds: z.array(z.int()),
  /** Null without a gate. */
  gate: gateDecisionSchema.nullable(),
});
export type Generated = z.infer<typeof generatedSchema>;

export const streamRequestSchema = z.object({ voice: voiceSchema, ...continuationShape, engine: z.string().optional() });

/** Why an answer ended: the model's end token, as many tokens as asked for, or the end of its context. */
export const ANSWER_ENDS = ['stop', 'length', 'context'] as const;

export const streamEventSchema = z.discriminatedUnion('kind', [
  /** A model is read from the disk first. */
  z.object({ kind: z.literal('loading') }),
  z.object({ kind: z.literal('gate'), decision: gateDecisionSchema }),
  z.object({
    kind: z.literal('token'),
    id: z.int(),
    /** Its part of the text; empty for a token that only together with the next ones makes a character. */
    text: z.string(),
    /** Under the voice, at temperature 1. */
    probability: z.number(),
  }),
  z.object({
    kind: z.literal('end'),
    text: z.string(),
    tokenIds: z.array(z.int()),
    end: z.enum(ANSWER_ENDS),
    /** From the request to the first token, and from there to the last. */
    secondsToFirst: z.number(),
    seconds: z.number(),
  }),
]);
export type StreamEvent = z.infer<typeof streamEventSchema>;

/** Blocks that are left out in turn, of each voice: every one costs a pass over the text. */
export const EXPLAINED_BLOCKS = 16;
export const EXPLAINED_TOKENS = 1024;

export const explainRequestSchema = z.object({
  prompt: z.string().max(200_000),
  /** Text after the prompt, or the ids of its tokens. */
  continuation: z.union([z.string().max(200_000), z.array(z.int().min(0)).max(8192)]).default(''),
  voices: z.array(voiceSchema).min(1).max(4),
  alternatives: z.int().min(0).max(20).default(5),
  /** At most so many inserted blocks of each voice are left out in turn. */
  blocks: z.int().min(0).max(128).default(EXPLAINED_BLOCKS),
  engine: z.string().optional(),
});

const alternativeSchema = z.object({ id: z.int(), text: z.string(), logProbability: z.number() });

/** What one voice thinks of a token. Natural logarithms. */
export const tokenViewSchema = z.object({
  logProbability: z.number(),
  /** The likeliest tokens at this place. */
  top: z.array(alternativeSchema),
  /** For each measured block, by how much it raises the log-probability: with it, minus the same model without it. */
  blocks: z.array(z.number()),
});
export type TokenView = z.infer<typeof tokenViewSchema>;

export const explanationSchema = z.object({
  /** The first token of the text is given, not predicted: it has no views. */
  tokens: z.array(
    z.object({
      id: z.int(),
      text: z.string(),
      isPrompt: z.boolean(),
      views: z.array(tokenViewSchema).nullable(),
      /** Of the log-probability, second voice minus first; null with one voice. */
      difference: z.number().nullable(),
    }),
  ),
  voices: z.array(
    z.object({
      /** Positions of the inserted blocks that were left out in turn, and how many more there are. */
      blocks: z.array(z.int()),
      blocksLeft: z.int(),
      gate: gateDecisionSchema.nullable(),
    }),
  ),
  seconds: z.number(),
});
export type Explanation = z.infer<typeof explanationSchema>;

/** Loss of a model on texts and held-out parts of datasets. */
export const textEvaluationSchema = z.object({
  tokens: z.int(),
  bytes: z.int(),
  /** Nats, with the standard error by bootstrap over texts and documents. */
  lossPerToken: z.number(),
  lossError: z.number().nullable(),
  perplexity: z.number(),
  bitsPerByte: z.number(),
  /** Beside a reference. */
  agreement: estimateSchema.nullable(),
  drift: estimateSchema.nullable(),
  shift: tokenShiftSchema.nullable(),
  datasets: z.array(datasetMeasureSchema),
});
