import type { AnswerForm } from '../../../shared/domain/shape.ts';
import { choicesOfCell, type LabelledChoice, type Row, textOfCell } from './cells.ts';

/** "A) 12", "(B) yes", "C. no": the letter only says which choice it is. */
const LETTERED = /^\s*\(?([A-Z])[).:]\s*/;

/**
 * The choices of a row: of one column with a list, or of one column each. Letters that all of them begin with, in their order, are left out.
 * @returns null where a column does not hold any.
 */
export function choicesOfRow(row: Row, columns: readonly string[]): LabelledChoice[] | null {
  const choices = columns.length === 1 ? choicesOfCell(row[columns[0]!]) : columnsAsChoices(row, columns);
  if (choices === null) return null;
  const isLettered = choices.every(
    ({ text, label }, index) => label === null && LETTERED.exec(text)?.[1] === String.fromCharCode(65 + index),
  );
  return isLettered ? choices.map(({ text }) => ({ text: text.replace(LETTERED, ''), label: null })) : choices;
}

function columnsAsChoices(row: Row, columns: readonly string[]): LabelledChoice[] | null {
  const texts = columns.map((name) => (typeof row[name] === 'number' ? String(row[name]) : textOfCell(row[name])));
  // A question may have fewer choices than the table has columns.
  while (texts.at(-1) === '') texts.pop();
  return texts.every((text) => text !== null && text !== '') ? texts.map((text) => ({ text: text!, label: null })) : null;
}

/** The index of the choice that an answer names; null where it names none. */
export function answerOf(answer: unknown, choices: readonly LabelledChoice[], form: AnswerForm): number | null {
  const text = typeof answer === 'number' ? String(answer) : typeof answer === 'string' ? answer.trim() : null;
  if (text === null) return null;
  const index = indexOf(text, choices, form);
  return index >= 0 && index < choices.length ? index : null;
}

function indexOf(answer: string, choices: readonly LabelledChoice[], form: AnswerForm): number {
  switch (form) {
    case 'index':
      return /^\d+$/.test(answer) ? Number(answer) : -1;
    case 'number':
      return /^\d+$/.test(answer) ? Number(answer) - 1 : -1;
    case 'letter':
      return /^[a-z]$/i.test(answer) ? answer.toUpperCase().charCodeAt(0) - 65 : -1;
    case 'label':
      return choices.findIndex(({ label }) => label === answer);
    case 'text':
      return choices.findIndex(({ text }) => text.trim() === answer);
  }
}
