import { z } from 'zod';

/** Text that the model of a run writes on the way, beside what its base writes: to be read. Nothing of the run's result depends on it. */

/** Longest continuation of a sample, tokens. */
export const SAMPLE_TOKENS = 32;
/** Tokens of held-out text that a sample begins with where nobody wrote a prompt. */
export const PROMPT_TOKENS = 16;
/** Prompts of held-out text, of each role. */
export const PROMPTS_PER_ROLE = 1;
export const MOST_PROMPTS = 8;

/** Where nobody says how often, samples are written at every measurement, or every second, fourth and so on: as often as is cheap. */
const EVALUATIONS_BETWEEN = [1, 2, 4, 8, 16];
/**
 * A token that is written costs about as much as so many that are trained on: 23 with the embedded base on two cores
 * (docs/training-view.md), fewer with larger models. By that, samples take a fortieth of a run at most.
 */
const TRAINED_PER_WRITTEN = 23;
const MOST_SHARE = 1 / 40;

/** As a run's configuration has it. */
export const sampleSettingsSchema = z.object({
  /** Beside these steps the base writes once before step 1, and the model once more at the end. */
  everySteps: z.int().min(1),
  tokens: z.int().min(1).max(256),
  /** Beginnings that were chosen; where none are, held-out text of the run's datasets. */
  prompts: z.array(z.string().min(1).max(2000)).min(1).max(MOST_PROMPTS).optional(),
});
export type SampleSettings = z.infer<typeof sampleSettingsSchema>;

/** How a sample begins, how the text that this was taken from goes on, and how the base does. */
export const samplePromptSchema = z.object({
  prompt: z.string(),
  /** Of the dataset whose held-out text it is; both null where it was chosen. */
  role: z.enum(['new', 'old']).nullable(),
  datasetId: z.string().nullable(),
  goesOn: z.string().nullable(),
  base: z.string(),
});
export type SamplePrompt = z.infer<typeof samplePromptSchema>;

/** What the model made of each prompt after a step. */
export const samplesAtStepSchema = z.object({ step: z.int(), texts: z.array(z.string()) });
export type SamplesAtStep = z.infer<typeof samplesAtStepSchema>;

/**
 * How often samples are written, where nobody says.
 * @returns null where they would be more than a small part of the run.
 */
export function plannedSampling(run: { steps: number; batch: number; context: number; evaluateEvery: number }): number | null {
  const mostWritten = (run.steps * run.batch * run.context * MOST_SHARE) / TRAINED_PER_WRITTEN;
  const written = (everySteps: number): number => {
    const times = 2 + Math.floor((run.steps - 1) / everySteps); // the base, on the way, and the end
    return times * 2 * PROMPTS_PER_ROLE * SAMPLE_TOKENS;
  };
  return EVALUATIONS_BETWEEN.map((between) => between * run.evaluateEvery).find((everySteps) => written(everySteps) <= mostWritten) ?? null;
}
