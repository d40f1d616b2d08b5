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
 * Questions with choices, recognised by their choices and by answers that all name one of them.
 * @returns null where there are none.
 */
export function guessChoice(rows: readonly Row[], columns: ColumnFinder): { mapping: ChoiceMapping; isSure: boolean } | null {
  const choices = choiceColumns(columns);
  if (!choices) return null;
  const ending = columns.named(['continuation'], ['text'])[0]?.name ?? null;
  const question = ending === null ? questionColumns(columns) : [];
  if (question.length === 0 && ending === null) return null;
  const sentence = question.length === 1 ? question[0]! : null;
  const hasGap = sentence !== null && rows.every((row) => String(row[sentence] ?? GAP).split(GAP).length === 2);
  for (const { name } of columns.named(ANSWERS, ['text', 'number'])) {
    const forms = ANSWER_FORMS.filter((form) => namesAChoice(rows, choices, name, form));
    // Positions from 1 on that never reach the end could be counted from 0 as well: numbered columns say from where.
    const isAmbiguous = forms.includes('index') && forms.includes('number');
    const isFromOne = isAmbiguous && /1$/.test(choices[0]!);
    const form = isFromOne ? 'number' : (forms.includes('label') && 'label') || forms[0];
    if (!form) continue;
    const mapping: ChoiceMapping = { shape: 'choice', question, choices, ending, gap: hasGap ? GAP : null, answer: name, answerForm: form };
    return { mapping, isSure: !isAmbiguous };
  }
  return null;
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

/** Whether every answer there is names a choice of its row in this form; one answer at least. */
function namesAChoice(rows: readonly Row[], choices: readonly string[], answer: string, form: AnswerForm): boolean {
  let answers = 0;
  for (const row of rows) {
    const value = row[answer];
    if (value === undefined || value === null || value === '' || Number(value) === -1) continue; // of a test set, kept secret
    const found = choicesOfRow(row, choices);
    if (found === null || answerOf(value, found, form) === null) return false;
    answers++;
  }
  return answers > 0;
}
