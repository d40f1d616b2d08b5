import { ANSWER_FORMS, type AnswerForm, type Mapping } from '../../../shared/domain/shape.ts';
import type { Row } from './cells.ts';
import { answerOf, choicesOfRow } from './choices.ts';
import { type ColumnFinder, TEXT_TYPES } from './found-columns.ts';

export type ChoiceMapping = Extract<Mapping, { shape: 'choice' }>;

const CHOICES = ['choices', 'options', 'endings', 'candidates', 'context_options', 'mc_choices', 'answer_choices'];
const PASSAGES = ['passage', 'article', 'support', 'fact1'];
const QUESTIONS = [
  'question',
  'query',
  'question_stem',
  'stem',
  'ctx',
  'sentence',
  'goal',
  'premise',
  'problem',
  'startphrase',
  'context',
  'prompt',
  'input',
];
const ANSWERS = [
  'answerkey',
  'answer_key',
  'answer_idx',
  'answer_index',
  'gold',
  'label',
  'answer',
  'correct',
  'correct_answer',
  'correct_option',
  'correct_choice',
  'cop',
  'target',
];
/** Columns that are one choice each: option1 and option2, opa to opd, A to D, correct_answer with distractor1 to 3. */
const SINGLE_CHOICE = /^(?:(?:option|opt|op|choice|ending|sol|distractor)[ _-]?(?:[a-j]|\d)|[a-j])$/i;

/** The gap of sentences that a choice fills (Winogrande). */
const GAP = '_';

/**
 * Questions with choices, recognised by their choices and by answers that, but for a few, name one of them.
 * @returns null where there are none.
 */
export function guessChoice(rows: readonly Row[], columns: ColumnFinder): { mapping: ChoiceMapping; isSure: boolean } | null {
  const choices = choiceColumns(columns);
  if (!choices) return null;
  const ending = columns.named(['continuation'], ['text'])[0]?.name ?? null;
  const question = ending === null ? questionColumns(columns) : [];
  if (question.length === 0 && ending === null) return null;
  const sentence = question.length === 1 ? question[0]! : null;
  const hasGap = sentence !== null && isMinority(rows.filter((row) => !hasOneGap(row[sentence])).length, rows.length);
  // The column whose answers fit best, the most telling of several; a few rows of any file are wrong.
  const fits = columns
    .named(ANSWERS, ['text', 'number'])
    .flatMap(({ name }) => ANSWER_FORMS.map((form) => ({ name, form, wrong: wrongAnswers(rows, choices, name, form) })))
    .filter((fit): fit is typeof fit & { wrong: number } => fit.wrong !== null);
  const fewest = Math.min(...fits.map(({ wrong }) => wrong));
  const best = fits.filter(({ wrong }) => wrong === fewest);
  const name = best[0]?.name;
  if (name === undefined) return null;
  const forms = best.filter((fit) => fit.name === name).map(({ form }) => form);
  // Positions from 1 on that never reach the end could be counted from 0 as well: numbered columns say from where.
  const isAmbiguous = forms.includes('index') && forms.includes('number');
  const isFromOne = isAmbiguous && /1$/.test(choices[0]!);
  const answerForm = isFromOne ? 'number' : forms.includes('label') ? 'label' : forms[0]!;
  return {
    mapping: { shape: 'choice', question, choices, ending, gap: hasGap ? GAP : null, answer: name, answerForm },
    isSure: !isAmbiguous,
  };
}

function choiceColumns(columns: ColumnFinder): string[] | null {
  const listed = columns.named(CHOICES, ['texts', 'choices', 'list'])[0];
  if (listed) return [listed.name];
  const correct = columns.named(['correct_answer'], ['text']).map(({ name }) => name);
  const single = columns.all.filter(({ name, type }) => SINGLE_CHOICE.test(name) && (type === 'text' || type === 'number'));
  const names = single.map(({ name }) => name).sort();
  const all = names.some((name) => /^distractor/i.test(name)) ? [...correct, ...names] : names;
  return all.length >= 2 ? all : null;
}

function questionColumns(columns: ColumnFinder): string[] {
  const passage = columns.named(PASSAGES, TEXT_TYPES).slice(0, 1);
  const question = columns.named(QUESTIONS, TEXT_TYPES).slice(0, 1);
  return question.length === 0 ? [] : [...passage, ...question].map(({ name }) => name);
}

/** How many answers name no choice of their row in this form; null where they are more than a few, or no answer names one. */
function wrongAnswers(rows: readonly Row[], choices: readonly string[], answer: string, form: AnswerForm): number | null {
  let answers = 0;
  let wrong = 0;
  for (const row of rows) {
    const value = row[answer];
    if (value === undefined || value === null || value === '' || Number(value) === -1) continue; // of a test set, kept secret
    const found = choicesOfRow(row, choices);
    answers++;
    if (found === null || answerOf(value, found, form) === null) wrong++;
  }
  return answers > 0 && isMinority(wrong, answers) ? wrong : null;
}

/** Whether so few are wrong that the others show what is meant: a tenth, or one among three and more. */
function isMinority(wrong: number, all: number): boolean {
  return wrong === 0 || wrong <= all / 10 || (wrong === 1 && all >= 3);
}

function hasOneGap(sentence: unknown): boolean {
  return String(sentence ?? GAP).split(GAP).length === 2;
}
