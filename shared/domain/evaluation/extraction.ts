/**
 * What counts as the answer in what a model wrote, and when it is right. GSM8K's two ways are those of lm-evaluation-harness 0.4.13
 * (lm_eval/tasks/gsm8k/gsm8k.yaml, filters/extraction.py, metrics.exact_match).
 */
export const EXTRACTIONS = ['gsm8k', 'boxed', 'text'] as const;
export type Extraction = (typeof EXTRACTIONS)[number];

/** How a user's own answers are compared: to the character; without case, punctuation and doubled blanks; as the last number in them. */
export const ANSWER_MATCHES = ['exact', 'loose', 'number'] as const;
export type AnswerMatch = (typeof ANSWER_MATCHES)[number];

export interface Extracted {
  /** What was taken as the answer. */
  extracted: string;
  isRight: boolean;
}

/** What a pattern that found nothing stands for: no answer of the set is this. */
const INVALID = '[invalid]';

const STRICT = /#### (-?[0-9.,]+)/;
const FLEXIBLE = /-?[$0-9.,]{2,}|-?[0-9]+/g;

/** After "#### ", as the examples write it: the first of them. */
export function gsm8kStrict(output: string, answer: string): Extracted {
  return compared(STRICT.exec(output)?.[1]?.trim() ?? INVALID, answer);
}

/** The last that looks like a number. */
export function gsm8kFlexible(output: string, answer: string): Extracted {
  return compared(output.match(FLEXIBLE)?.at(-1)?.trim() ?? INVALID, answer);
}

function compared(extracted: string, answer: string): Extracted {
  return { extracted, isRight: withoutMarks(extracted) === withoutMarks(answer) };
}

/** Leaves the number of an answer: no thousands, no dollars, nothing up to "#### ", no full stop. */
function withoutMarks(text: string): string {
  return text
    .replaceAll(',', '')
    .replaceAll('$', '')
    .replace(/[\s\S]*#### /g, '')
    .replace(/\.(?=\n?$)/, '')
    .toLowerCase();
}

/** The content of the last \boxed{...}, as solutions of MATH end with (Hendrycks et al., arXiv 2103.03874); blanks do not count. */
export function boxed(output: string, answer: string): Extracted {
  const extracted = lastBoxed(output) ?? INVALID;
  const wanted = lastBoxed(answer) ?? answer;
  return { extracted, isRight: extracted.replace(/\s+/g, '') === wanted.replace(/\s+/g, '') };
}

function lastBoxed(text: string): string | null {
  const start = text.lastIndexOf('\\boxed{');
  if (start === -1) return null;
  const begin = start + '\\boxed{'.length;
  let open = 1;
  for (let index = begin; index < text.length; index++) {
    if (text[index] === '{') open++;
    else if (text[index] === '}' && --open === 0) return text.slice(begin, index);
  }
  return null;
}

/** The whole text, compared as a user's own set asks for. */
export function ownAnswer(output: string, answer: string, match: AnswerMatch): Extracted {
  const extracted = output.trim();
  if (match === 'exact') return { extracted, isRight: extracted === answer.trim() };
  if (match === 'loose') return { extracted, isRight: loosely(extracted) === loosely(answer) };
  const [found, wanted] = [lastNumber(extracted), lastNumber(answer)];
  return { extracted: found === null ? INVALID : String(found), isRight: found !== null && found === wanted };
}

function loosely(text: string): string {
  return text
    .toLowerCase()
    .replace(/[\p{P}\p{S}]+/gu, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** 1,234.5 or -7; commas only between digits. */
function lastNumber(text: string): number | null {
  const found = text.match(/-?\d+(,\d{3})*(\.\d+)?/g)?.at(-1);
  return found === undefined ? null : Number(found.replaceAll(',', ''));
}
