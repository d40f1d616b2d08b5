import { z } from 'zod';
import type { ChoiceItem } from './choice-item.ts';
import { proportionOf } from './proportion.ts';
import { characters, utf8Bytes } from './python-text.ts';

/** What a model answered to one question. */
export const choiceResultSchema = z.object({
  /** Line of the file, counted from 1. */
  line: z.int(),
  gold: z.int(),
  /** The choice with the largest log-likelihood; with the largest per byte; with the largest per character. */
  choice: z.int(),
  perByte: z.int(),
  perCharacter: z.int(),
  /** Of each choice, nats; and the tokens that it sums. */
  logLikelihoods: z.array(z.number()),
  tokens: z.array(z.int()),
  /** Whether each choice is what the model itself would write. */
  greedy: z.array(z.boolean()),
});
export type ChoiceResult = z.infer<typeof choiceResultSchema>;

export const choiceFiguresSchema = z.object({
  n: z.int(),
  /** Right by the sum of log-likelihoods: lm-evaluation-harness's acc. */
  accuracy: z.number(),
  standardError: z.number().nullable(),
  /** By the sum divided by the choice's bytes of UTF-8: its acc_bytes. */
  accuracyNormalized: z.number(),
  standardErrorNormalized: z.number().nullable(),
  /** By the sum divided by the choice's characters: its acc_norm, which is the same unless choices have characters of several bytes. */
  accuracyPerCharacter: z.number(),
  standardErrorPerCharacter: z.number().nullable(),
  /**
   * Choices of which the tokenizer left no token to score: it joins them with the end of their question. Their log-likelihood is 0, a sum of
   * nothing, as in lm-evaluation-harness without its assertions; with them it ends there.
   */
  choicesWithoutTokens: z.int(),
});
export type ChoiceFigures = z.infer<typeof choiceFiguresSchema>;

/** @param scores of the item's choices, in their order, with the tokens that each sums. */
export function choiceResult(
  item: ChoiceItem,
  scores: readonly { logLikelihood: number; isGreedy: boolean; tokens: number }[],
  line: number,
): ChoiceResult {
  const logLikelihoods = scores.map(({ logLikelihood }) => logLikelihood);
  const per = (length: (text: string) => number): number[] => logLikelihoods.map((sum, index) => sum / length(item.choices[index]!.text));
  return {
    line,
    gold: item.gold,
    choice: indexOfLargest(logLikelihoods),
    perByte: indexOfLargest(per(utf8Bytes)),
    perCharacter: indexOfLargest(per(characters)),
    logLikelihoods,
    tokens: scores.map(({ tokens }) => tokens),
    greedy: scores.map(({ isGreedy }) => isGreedy),
  };
}

export function choiceFigures(results: readonly ChoiceResult[]): ChoiceFigures {
  const share = (of: 'choice' | 'perByte' | 'perCharacter'): ReturnType<typeof proportionOf> =>
    proportionOf(results.map((result) => result[of] === result.gold));
  const [sum, perByte, perCharacter] = [share('choice'), share('perByte'), share('perCharacter')];
  return {
    n: results.length,
    accuracy: sum.value,
    standardError: sum.standardError,
    accuracyNormalized: perByte.value,
    standardErrorNormalized: perByte.standardError,
    accuracyPerCharacter: perCharacter.value,
    standardErrorPerCharacter: perCharacter.standardError,
    choicesWithoutTokens: results.reduce((sum, { tokens }) => sum + tokens.filter((each) => each === 0).length, 0),
  };
}

/** The first of the largest values, as numpy's argmax. */
function indexOfLargest(values: readonly number[]): number {
  let best = 0;
  for (let index = 1; index < values.length; index++) if (values[index]! > values[best]!) best = index;
  return best;
}
