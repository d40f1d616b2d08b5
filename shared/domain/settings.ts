import { z } from 'zod';
import { PACKINGS } from './run.ts';
import { DECAY_SHAPES, SCHEDULE_NAMES } from './schedule.ts';
import { TENSOR_GROUPS, type TensorGroup } from './tensor-groups.ts';
import { MOST_PROMPTS } from './text-samples.ts';

/** Windows per step. */
export const MOST_BATCH = 4096;

const GROUP_WORDS: Record<TensorGroup, string> = {
  embeddings: 'the embedding and the head',
  norms: 'norms',
  attention: 'matrices of attention',
  mlp: 'matrices of the MLPs',
  inserted: 'inserted blocks',
  adapters: 'adapters',
};
const groupFactors = Object.fromEntries(
  TENSOR_GROUPS.map((group) => [`lr.${group}`, z.number().describe(`factor of the learning rate for ${GROUP_WORDS[group]}`)]),
) as Record<`lr.${TensorGroup}`, z.ZodNumber>;

/**
 * What may be set beyond the choices that a request names: `--set key=value` of the command line, `advanced` of a request. Each has a default;
 * which values are possible is for the run's configuration to say.
 */
export const advancedSettingsSchema = z
  .strictObject({
    microBatch: z.number().describe('windows that go through the model at once; the rest of the batch is accumulated'),
    packing: z.enum(PACKINGS).describe('documents keeps attention inside each document of a window'),
    schedule: z.enum(SCHEDULE_NAMES).describe('course of the learning rate after the warm-up'),
    decay: z.number().describe('wsd: last fraction of the steps in which the rate falls'),
    decayShape: z.enum(DECAY_SHAPES).describe('wsd: how it falls'),
    warmup: z.number().describe('fraction of the steps in which the rate rises'),
    finalLearningRate: z.number().describe('fraction of the peak that the rate ends at'),
    weightDecay: z.number().describe('decoupled decay of matrices; norms have none'),
    beta1: z.number().describe('decay of the first moment'),
    beta2: z.number().describe('decay of the second moment'),
    epsilon: z.number().describe('added to the root of the second moment'),
    clipNorm: z.number().describe('largest global norm of the gradients; 0 is off'),
    evaluateEvery: z.number().describe('steps between measurements'),
    evaluationTokens: z.number().describe('held-out tokens that a measurement reads, of each role'),
    checkpointEvery: z.number().describe('steps between checkpoints'),
    sampleEverySteps: z.number().describe('steps between samples of text; 0 is off'),
    samplePrompts: z
      .array(z.string())
      .max(MOST_PROMPTS)
      .describe('what samples begin with, one beside the other with | between them; otherwise held-out text'),
    ...groupFactors,
  })
  .partial();
export type AdvancedSettings = z.infer<typeof advancedSettingsSchema>;
export type SettingName = keyof AdvancedSettings;
export const SETTING_NAMES = Object.keys(advancedSettingsSchema.shape) as SettingName[];

/** What a setting means, and the values of one that is a choice. */
export function describeSetting(name: SettingName): { meaning: string; choices: readonly string[] | null } {
  const schema = advancedSettingsSchema.shape[name].unwrap();
  return { meaning: schema.description!, choices: schema instanceof z.ZodEnum ? schema.options : null };
}

/** Reads a setting as it is typed: `null` when it is none or its value cannot be. */
export function parseSetting(name: string, text: string): AdvancedSettings | null {
  if (!(SETTING_NAMES as readonly string[]).includes(name) || text.trim() === '') return null;
  const { choices } = describeSetting(name as SettingName);
  const value = name === 'samplePrompts' ? text.split('|') : choices ? text.trim() : Number(text);
  const parsed = advancedSettingsSchema.safeParse({ [name]: value });
  return parsed.success ? parsed.data : null;
}
