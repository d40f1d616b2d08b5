import { z } from 'zod';
import { errorRecordSchema } from '../../shared/contract/errors.ts';
import { gateDecisionSchema } from '../../shared/contract/text.ts';

/**
 * What goes between the studio and a trainer process that answers requests about text until it is ended: models that it has loaded stay loaded.
 * Requests have numbers; they are worked on side by side, token by token.
 */

/** A model as it is to speak. */
export const jobVoiceSchema = z.object({
  modelDirectory: z.string(),
  /** Of each block; null for the model as it is. */
  strengths: z.array(z.number()).nullable(),
  /** Decides by the first tokens of the text whether these blocks are left out; null for no gate. */
  gate: z.object({ tokens: z.int().min(1), positions: z.array(z.int()) }).nullable(),
});
export type JobVoice = z.infer<typeof jobVoiceSchema>;

const generateRequestSchema = z.object({
  kind: z.literal('generate'),
  voice: jobVoiceSchema,
  prompt: z.string(),
  maxTokens: z.int().min(1),
  temperature: z.number().min(0),
  seed: z.int(),
});
export type GenerateRequest = z.infer<typeof generateRequestSchema>;

const explainRequestSchema = z.object({
  kind: z.literal('explain'),
  voices: z.array(jobVoiceSchema).min(1),
  prompt: z.string(),
  /** The text after the prompt, as ids where they are known; otherwise it is encoded with the prompt. */
  continuation: z.union([z.string(), z.array(z.int().min(0))]),
  alternatives: z.int().min(0),
  /** At most so many inserted blocks of each voice are left out in turn. */
  blocks: z.int().min(0),
});
export type ExplainRequest = z.infer<typeof explainRequestSchema>;

export const speechRequestSchema = z.discriminatedUnion('kind', [generateRequestSchema, explainRequestSchema]);
export type SpeechRequest = z.infer<typeof speechRequestSchema>;

/** What is heard of a request before its result. */
export const speechEventSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('loading') }),
  z.object({ kind: z.literal('gate'), decision: gateDecisionSchema }),
  /** A token of an answer; the text of a character with several tokens stands at the last of them. */
  z.object({ kind: z.literal('token'), id: z.int(), text: z.string(), logProbability: z.number() }),
]);
export type SpeechEvent = z.infer<typeof speechEventSchema>;

/** To the process. */
export const speechCommandSchemas = [
  z.object({ type: z.literal('ask'), number: z.int(), request: speechRequestSchema }),
  /** Nobody waits for that answer any more. */
  z.object({ type: z.literal('leave'), number: z.int() }),
] as const;

/** From the process. */
export const speechAnswerSchemas = [
  z.object({ type: z.literal('said'), number: z.int(), event: speechEventSchema }),
  z.object({ type: z.literal('answered'), number: z.int(), result: z.unknown() }),
  z.object({ type: z.literal('refused'), number: z.int(), error: errorRecordSchema }),
] as const;
