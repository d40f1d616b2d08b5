import type { SuitePart } from '../../../shared/contract/suites.ts';
import type { ChoiceForm } from '../../../shared/domain/evaluation/choice-item.ts';
import type { PartComparison } from '../../../shared/domain/evaluation/compare.ts';
import type { AnswerMatch, Extraction } from '../../../shared/domain/evaluation/extraction.ts';
import type { PartFigures, PartOptions } from '../../../shared/domain/evaluation/part.ts';
import { count, percent } from '../../ui/format.ts';

/** How suites, what they measure and what comes out are said. */

export type PartKind = PartOptions['kind'];

export const KIND_WORDS: Record<PartKind, string> = {
  choices: 'Questions with choices',
  'exact-match': 'Questions answered in words',
  text: 'Texts: their loss',
};

export const FORM_WORDS: Record<ChoiceForm, string> = {
  generic: 'own questions',
  arc: 'ARC',
  hellaswag: 'HellaSwag',
  mmlu: 'MMLU',
  winogrande: 'Winogrande',
  partial: 'Winogrande, cut beforehand',
  aqua: 'AQuA',
};

export const EXTRACTION_WORDS: Record<Extraction, string> = {
  text: 'what it writes, up to the end of the line',
  gsm8k: 'the number after “####”, as in GSM8K',
  boxed: 'the last \\boxed{…}, as in MATH',
};

export const MATCH_WORDS: Record<AnswerMatch, string> = {
  exact: 'to the character',
  loose: 'but for case and punctuation',
  number: 'as the last number in them',
};

/** What a part's figures are, for the head of their column. */
export const UNIT_WORDS: Record<PartKind, string> = {
  choices: 'right, % ± standard error',
  'exact-match': 'right, % ± standard error',
  text: 'bits per byte, less is better',
};

export function itemsInWords(kind: PartKind, items: number): string {
  const word = kind === 'text' ? 'text' : 'question';
  return `${count(items)} ${word}${items === 1 ? '' : 's'}`;
}

/** So many of a part's items are measured. */
export function measuredItems({ items, options, examplesHash }: SuitePart): number {
  const shown = options.kind === 'exact-match' && examplesHash === null ? options.shots : 0; // not asked
  return Math.min(items - shown, options.limit ?? Infinity);
}

/** How a part is measured. */
export function mannerOf(part: SuitePart): string {
  const { options, items, examplesHash } = part;
  const measured = measuredItems(part);
  const words = {
    text: ['each on its own'],
    choices: ['the likeliest choice is the answer'],
    'exact-match': [],
  }[options.kind] as string[];
  if (options.kind === 'choices' && options.form !== null) words.push(`read as ${FORM_WORDS[options.form]}`);
  if (options.kind === 'exact-match') {
    words.push(`the answer is ${EXTRACTION_WORDS[options.extraction]}`);
    if (options.extraction === 'text') words.push(`compared ${MATCH_WORDS[options.match]}`);
    if (options.shots > 0)
      words.push(
        `${options.shots} ${options.shots === 1 ? 'example' : 'examples'} before each${examplesHash === null ? '' : ' from a file of their own'}`,
      );
    if (options.maxTokens !== undefined) words.push(`up to ${count(options.maxTokens)} tokens`);
  }
  if (options.limit !== null && measured < items) words.push(`${count(measured)} of them, drawn with seed ${options.seed}`);
  return words.join('; ');
}

/** The figure that a part is compared by, with its standard error, and what else is known of it. */
export function figureWords(found: PartFigures): { value: string; error: string; notes: string[] } {
  switch (found.kind) {
    case 'text': {
      const { bitsPerByte, lossPerToken, standardError } = found.figures;
      return {
        value: bitsPerByte.toFixed(4),
        error: '',
        notes: [`${lossPerToken.toFixed(3)}${errorWords(standardError, 3)} nats per token`],
      };
    }
    case 'choices': {
      const { accuracy, standardError, accuracyNormalized, standardErrorNormalized, choicesWithoutTokens } = found.figures;
      const notes = [`by length ${shareWords(accuracyNormalized, standardErrorNormalized)}`];
      if (choicesWithoutTokens > 0) notes.push(`${count(choicesWithoutTokens)} choices without a token`);
      return { value: percentOf(accuracy), error: errorWords(percentageError(standardError), 1), notes };
    }
    case 'exact-match': {
      const { accuracy, standardError, accuracyFlexible, standardErrorFlexible, shortenedPrompts } = found.figures;
      const notes = accuracyFlexible === null ? [] : [`last number ${shareWords(accuracyFlexible, standardErrorFlexible)}`];
      if (shortenedPrompts > 0) notes.push(`${count(shortenedPrompts)} prompts shortened`);
      return { value: percentOf(accuracy), error: errorWords(percentageError(standardError), 1), notes };
    }
  }
}

/** The difference from the baseline with its standard error: percentage points, or bits per byte. */
export function differenceWords(kind: PartKind, { difference, standardError }: PartComparison): string {
  const [scale, digits, unit] = kind === 'text' ? [1, 4, 'bits per byte'] : [100, 1, 'points'];
  return `${signed(difference * scale, digits)}${errorWords(standardError === null ? null : standardError * scale, digits)} ${unit}`;
}

/** Why a verdict is what it is: the test's p of questions, the interval of texts in bits per byte. */
export function significanceWords({ p, interval }: PartComparison): string {
  if (p !== null) return p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(3)}`;
  if (interval === null) return 'too few texts for an interval';
  return `95 %: ${signed(interval[0], 4)} to ${signed(interval[1], 4)}`;
}

function percentOf(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function shareWords(share: number, error: number | null): string {
  return `${percent(share)}${errorWords(percentageError(error), 1)}`;
}

function percentageError(error: number | null): number | null {
  return error === null ? null : error * 100;
}

function errorWords(error: number | null, digits: number): string {
  return error === null ? '' : ` ± ${error.toFixed(digits)}`;
}

function signed(value: number, digits: number): string {
  const size = Math.abs(value).toFixed(digits);
  return `${Number(size) === 0 ? '' : value > 0 ? '+' : '\u2212'}${size}`;
}
