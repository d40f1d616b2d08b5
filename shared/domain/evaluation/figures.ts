import { estimateRatio } from '../statistics.ts';
import type { AnswerResult, PartFigures, TextResult } from './part.ts';
import { proportionOf } from './proportion.ts';

/** Figures of items that were measured one by one. */

export function textFigures(items: readonly TextResult[]): Extract<PartFigures, { kind: 'text' }>['figures'] {
  const sum = (of: 'tokens' | 'bytes' | 'loss'): number => items.reduce((total, item) => total + item[of], 0);
  const loss = estimateRatio({ sums: items.map((item) => item.loss), weights: items.map((item) => item.tokens) });
  return {
    n: items.length,
    tokens: sum('tokens'),
    bytes: sum('bytes'),
    lossPerToken: loss.value,
    standardError: loss.error,
    bitsPerByte: sum('loss') / Math.LN2 / sum('bytes'),
  };
}

export function answerFigures(items: readonly AnswerResult[]): Extract<PartFigures, { kind: 'exact-match' }>['figures'] {
  const strict = proportionOf(items.map(({ isRight }) => isRight));
  const flexible = items.every((item) => item.flexible !== null) ? proportionOf(items.map((item) => item.flexible!.isRight)) : null;
  return {
    n: items.length,
    accuracy: strict.value,
    standardError: strict.standardError,
    accuracyFlexible: flexible?.value ?? null,
    standardErrorFlexible: flexible?.standardError ?? null,
    shortenedPrompts: items.filter(({ leftOut }) => leftOut > 0).length,
  };
}
