import type { SuitePart } from '../../../shared/contract/suites.ts';
import type { ChoiceForm } from '../../../shared/domain/evaluation/choice-item.ts';
import type { PartComparison } from '../../../shared/domain/evaluation/compare.ts';
import type { AnswerMatch, Extraction } from '../../../shared/domain/evaluation/extraction.ts';
import type { PartFigures, PartOptions } from '../../../shared/domain/evaluation/part.ts';
import { words } from '../../../shared/words/words.ts';
import { fixed, percent } from '../../ui/format.ts';

/** How suites, what they measure and what comes out are said. */

export type PartKind = PartOptions['kind'];

export const PART_KINDS: readonly PartKind[] = ['choices', 'exact-match', 'text'];

export function kindWords(kind: PartKind): string {
  return { choices: words('suites.kindChoices'), 'exact-match': words('suites.kindAnswers'), text: words('suites.kindText') }[kind];
}

/** Published sets go by their own names. */
const FORM_NAMES = { arc: 'ARC', hellaswag: 'HellaSwag', mmlu: 'MMLU', winogrande: 'Winogrande', aqua: 'AQuA' } as const;

export function formWords(form: ChoiceForm): string {
  if (form === 'generic') return words('suites.formGeneric');
  return form === 'partial' ? words('suites.formPartial') : FORM_NAMES[form];
}

export function extractionWords(extraction: Extraction): string {
  return {
    text: words('suites.extractText'),
    gsm8k: words('suites.extractGsm8k'),
    boxed: words('suites.extractBoxed'),
  }[extraction];
}

export function matchWords(match: AnswerMatch): string {
  return { exact: words('suites.matchExact'), loose: words('suites.matchLoose'), number: words('suites.matchNumber') }[match];
}

/** What a part's figures are, for the head of their column. */
export function unitWords(kind: PartKind): string {
  return kind === 'text' ? words('suites.unitText') : words('suites.unitRight');
}

export function itemsInWords(kind: PartKind, items: number): string {
  return kind === 'text' ? words('suites.texts', { count: items }) : words('suites.questions', { count: items });
}

/** So many of a part's items are measured. */
export function measuredItems({ items, options, examplesHash }: SuitePart): number {
  const shown = options.kind === 'exact-match' && examplesHash === null ? options.shots : 0; // not asked
  return Math.min(items - shown, options.limit ?? Infinity);
}

/** How a part is measured. */
export function mannerOf(part: SuitePart): string {
  const { options, items } = part;
  const measured = measuredItems(part);
  const said: string[] = [];
  if (options.kind === 'text') said.push(words('suites.eachOnItsOwn'));
  if (options.kind === 'choices') said.push(words('suites.likeliest'));
  if (options.kind === 'choices' && options.form !== null) said.push(words('suites.readAs', { form: formWords(options.form) }));
  if (options.kind === 'exact-match') said.push(...answerManner(options, part.examplesHash !== null));
  if (options.limit !== null && measured < items) said.push(words('suites.drawn', { items: measured, seed: String(options.seed) }));
  return said.join('; ');
}

function answerManner(
  { extraction, match, shots, maxTokens }: Extract<PartOptions, { kind: 'exact-match' }>,
  hasOwnExamples: boolean,
): string[] {
  const said = [
    { text: words('suites.answerIsText'), gsm8k: words('suites.answerIsGsm8k'), boxed: words('suites.answerIsBoxed') }[extraction],
  ];
  if (extraction === 'text') {
    said.push(
      { exact: words('suites.comparedExact'), loose: words('suites.comparedLoose'), number: words('suites.comparedNumber') }[match],
    );
  }
  if (shots > 0) said.push(hasOwnExamples ? words('suites.ownExamples', { count: shots }) : words('suites.examples', { count: shots }));
  if (maxTokens !== undefined) said.push(words('suites.upToTokens', { tokens: maxTokens }));
  return said;
}

/** The figure that a part is compared by, with its standard error, and what else is known of it. */
export function figureWords(found: PartFigures): { value: string; error: string; notes: string[] } {
  switch (found.kind) {
    case 'text': {
      const { bitsPerByte, lossPerToken, standardError } = found.figures;
      return {
        value: fixed(bitsPerByte, 4),
        error: '',
        notes: [words('suites.natsOf', { loss: `${fixed(lossPerToken, 3)}${errorWords(standardError, 3)}` })],
      };
    }
    case 'choices': {
      const { accuracy, standardError, accuracyNormalized, standardErrorNormalized, choicesWithoutTokens } = found.figures;
      const notes = [words('suites.byLength', { share: shareWords(accuracyNormalized, standardErrorNormalized) })];
      if (choicesWithoutTokens > 0) notes.push(words('suites.withoutToken', { count: choicesWithoutTokens }));
      return { value: percentOf(accuracy), error: errorWords(percentageError(standardError), 1), notes };
    }
    case 'exact-match': {
      const { accuracy, standardError, accuracyFlexible, standardErrorFlexible, shortenedPrompts } = found.figures;
      const notes =
        accuracyFlexible === null ? [] : [words('suites.lastNumber', { share: shareWords(accuracyFlexible, standardErrorFlexible) })];
      if (shortenedPrompts > 0) notes.push(words('suites.shortened', { count: shortenedPrompts }));
      return { value: percentOf(accuracy), error: errorWords(percentageError(standardError), 1), notes };
    }
  }
}

/** The difference from the baseline with its standard error: percentage points, or bits per byte. */
export function differenceWords(kind: PartKind, { difference, standardError }: PartComparison): string {
  const [scale, digits] = kind === 'text' ? [1, 4] : [100, 1];
  const said = `${signed(difference * scale, digits)}${errorWords(standardError === null ? null : standardError * scale, digits)}`;
  return kind === 'text' ? words('suites.bits', { difference: said }) : words('suites.points', { difference: said });
}

/** Why a verdict is what it is: the test's p of questions, the interval of texts in bits per byte. */
export function significanceWords({ p, interval }: PartComparison): string {
  if (p !== null) return p < 0.001 ? `p < ${fixed(0.001, 3)}` : `p = ${fixed(p, 3)}`;
  if (interval === null) return words('suites.tooFewTexts');
  return words('suites.interval', { low: signed(interval[0], 4), high: signed(interval[1], 4) });
}

function percentOf(share: number): string {
  return `${fixed(share * 100, 1)} %`;
}

function shareWords(share: number, error: number | null): string {
  return `${percent(share)}${errorWords(percentageError(error), 1)}`;
}

function percentageError(error: number | null): number | null {
  return error === null ? null : error * 100;
}

function errorWords(error: number | null, digits: number): string {
  return error === null ? '' : ` ± ${fixed(error, digits)}`;
}

function signed(value: number, digits: number): string {
  const sign = Number(Math.abs(value).toFixed(digits)) === 0 ? '' : value > 0 ? '+' : '\u2212';
  return sign + fixed(Math.abs(value), digits);
}
