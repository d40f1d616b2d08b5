import type { Extraction } from './extraction.ts';
import { type ItemRow, RowFields } from './row-fields.ts';

/** A question to be answered in words, and its answer as the examples of a prompt show it. */
export interface AnswerItem {
  question: string;
  answer: string;
}

const QUESTIONS = ['prompt', 'question', 'query', 'problem'];
const ANSWERS = ['answer', 'completion', 'solution', 'target'];

/** How GSM8K's answers say their number. */
const GSM8K_END = /#### -?[0-9.,]+/;

/** How a row says which answers are right, by its fields and its answer; null when it is no question with an answer. */
export function knownExtraction(row: ItemRow): Extraction | null {
  const answer = ANSWERS.map((name) => row[name]).find((value) => typeof value === 'string' || typeof value === 'number');
  if (answer === undefined || !QUESTIONS.some((name) => typeof row[name] === 'string')) return null;
  if (GSM8K_END.test(String(answer))) return 'gsm8k';
  return String(answer).includes('\\boxed{') ? 'boxed' : 'text';
}

/**
 * @param where the row's place, for messages: "line 7".
 * @throws StrataError BAD_INPUT where a field is missing or is something else.
 */
export function answerItem(row: ItemRow, extraction: Extraction, where: string): AnswerItem {
  const fields = new RowFields(row, where);
  const [question, name] = [fields.text(fields.firstOf(QUESTIONS)), fields.firstOf(ANSWERS)];
  const answer = typeof fields.value(name) === 'number' ? String(fields.value(name)) : fields.text(name);
  if (extraction === 'gsm8k' && !GSM8K_END.test(answer)) {
    throw fields.refusal(
      `The answer of ${where} has no final number.`,
      answer.slice(-80),
      'an answer that ends with "#### " and a number, as in GSM8K',
    );
  }
  if (answer.trim() === '') throw fields.refusal(`The answer of ${where} is empty.`, JSON.stringify(answer), 'a text');
  return { question, answer };
}

/** How questions are asked: GSM8K and MATH as lm-evaluation-harness asks them, a user's own prompts as they are. */
const ASKED: Record<Extraction, (question: string) => string> = {
  gsm8k: (question) => `Question: ${question}\nAnswer:`,
  boxed: (question) => `Problem: ${question}\nAnswer:`,
  text: (question) => question,
};

/** Texts that end an answer, unless the user names others; they are no part of it. */
export const STOPS: Record<Extraction, readonly string[]> = {
  gsm8k: ['Question:', '</s>', '<|im_end|>'],
  boxed: ['Problem:'],
  text: ['\n'],
};

/** A question after examples with their answers, a blank line between them. */
export function promptOf(question: string, examples: readonly AnswerItem[], extraction: Extraction): string {
  const ask = ASKED[extraction];
  return [...examples.map((example) => `${ask(example.question)} ${example.answer}\n\n`), ask(question)].join('');
}

/** A text up to the first of the stops that is in it, whichever stop that is. */
export function upToStop(text: string, stops: readonly string[]): string {
  return stops.reduce((rest, stop) => (stop === '' ? rest : rest.split(stop)[0]!), text);
}
