import { toRegExp } from 'oniguruma-to-es';
import { StrataError } from '../../../shared/errors.ts';
import { WORD_CUTTERS } from '../gguf/word-cutters.ts';
import { asObject, asText } from './json-fields.ts';
import { TimeLimitError, withTimeLimit } from './time-limit.ts';

/** White space as Unicode has it; `\s` of JavaScript has U+FEFF too and lacks U+0085. */
export const WHITE_SPACE = '\\p{White_Space}';
/** What `\w` means in Rust. */
export const WORD_CHARACTERS = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}';

/**
 * The pattern `{"String": text}` or `{"Regex": expression}` of a tokenizer.json, as an expression with the flag g. Expressions are those of
 * Oniguruma, which the tokenizers library uses.
 * @throws Error when it is none, or takes too long.
 */
export function textPattern(json: unknown): RegExp {
  const pattern = asObject(json, 'a pattern');
  if ('String' in pattern) return new RegExp(RegExp.escape(asText(pattern.String, 'a pattern')), 'gu');
  const source = asText(pattern.Regex, 'a regular expression');
  if (source.length > LONGEST_SOURCE) throw new Error(`a regular expression of ${source.length} characters`);
  const known = compiled.get(source);
  if (known) return known;
  const expression = compile(source);
  checkTime(source, expression);
  compiled.set(source, expression);
  longestUnwatched.set(expression, unwatchedLength(source));
  return expression;
}

const LONGEST_SOURCE = 10_000;
/** Expressions hold no state between uses: each use sets lastIndex. */
const compiled = new Map<string, RegExp>();

function compile(source: string): RegExp {
  try {
    return toRegExp(withCasesApart(source), { global: true, target: 'ES2024', accuracy: 'strict', rules: { captureGroup: true } });
  } catch (error) {
    throw new Error(`a regular expression that is none: ${source.slice(0, 60)} (${(error as Error).message})`, { cause: error });
  }
}

/**
 * Where a part ignores case (`(?i:'s)`), V8 has `\p{L}` and `\p{Lu}` ignore it everywhere, so that U+0345 is a letter and "a" a capital one.
 * The target above writes `'[sS]` instead, unless all letters of the expression ignore case: one that never matches keeps it from that.
 */
function withCasesApart(source: string): string {
  if (!/\(\?[a-z]*i/i.test(source)) return source;
  // What was captured may stand there in other letters; the target would look for the same ones.
  if (/\\[1-9k]/.test(source)) throw new Error('it ignores case and refers back to what it captured');
  return `(?:${source})|(?!)a`;
}

/** A hostile expression may need longer than the world stands: it is tried on rows of each of its own characters, and stopped. */
function checkTime(source: string, expression: RegExp): void {
  const characters = [...new Set(`${source.slice(0, 500)}aA1 \n\t.-'é日!`)];
  const samples = characters.flatMap((character, index) => {
    const next = characters[(index + 1) % characters.length]!;
    return [
      character.repeat(SAMPLE_LENGTH),
      `${character.repeat(SAMPLE_LENGTH)}!`,
      `${(character + next).repeat(SAMPLE_LENGTH / 2)}\u0001`,
    ];
  });
  try {
    withTimeLimit(LONGEST_CHECK_MS, () => {
      for (const sample of samples) sample.replaceAll(expression, '');
    });
  } catch (error) {
    throw new Error(`a regular expression that takes too long: ${source.slice(0, 60)}`, { cause: error });
  }
}

const SAMPLE_LENGTH = 1000;
const LONGEST_CHECK_MS = 1000;

/**
 * Trying an expression at its start does not tell what a text can do to it that it is never tried on: where a text is long enough for that, it
 * is watched. Characters up to which it is not, by expression; Strata's own are never.
 */
const longestUnwatched = new WeakMap<RegExp, number>();

const KNOWN_SOURCES: ReadonlySet<string> = new Set(
  [...WORD_CUTTERS.values()].flatMap(({ steps }) => steps.map((step) => (step as { pattern?: { Regex: string } }).pattern?.Regex ?? '')),
);
/** Of published models' expressions the time grows with the square of a text at worst: half a second. */
const LONGEST_OF_KNOWN = 20_000;
/** With the third power, where two parts repeat and no group does: a hundredth of a second. */
const LONGEST_OF_SIMPLE = 200;

function unwatchedLength(source: string): number {
  if (KNOWN_SOURCES.has(source)) return LONGEST_OF_KNOWN;
  const repeats = source.match(/[*+?{]/g)?.length ?? 0;
  return repeats <= 2 && !/\)[*+?{]|\\[gk0-9]/.test(source) ? LONGEST_OF_SIMPLE : 0;
}

/** However slow a machine is, an expression of use takes less, and for each million characters again. */
const LONGEST_USE_MS = 10_000;

function watched<T>(text: string, expression: RegExp, act: () => T): T {
  if (text.length <= (longestUnwatched.get(expression) ?? Infinity)) return act();
  try {
    return withTimeLimit(LONGEST_USE_MS * Math.ceil(text.length / 1e6), act);
  } catch (error) {
    if (!(error instanceof TimeLimitError)) throw error;
    throw new StrataError('UNSUPPORTED', 'A regular expression of the tokenizer takes too long for a text.', {
      found: `${expression.source.slice(0, 60)} for ${text.length} characters, ${JSON.stringify(text.slice(0, 30))}`,
      allowed: 'expressions that need about as long as a text is',
      hint: 'Use the tokenizer.json that was published with the model, or leave the text out.',
      cause: error,
    });
  }
}

/** Calls back for each stretch of a text, matched or between matches, in order; no match is empty right after another. */
export function eachStretch(text: string, expression: RegExp, use: (begin: number, end: number, isMatch: boolean) => void): void {
  watched(text, expression, () => findStretches(text, expression, use));
}

function findStretches(text: string, expression: RegExp, use: (begin: number, end: number, isMatch: boolean) => void): void {
  let previous = 0;
  let hasMatch = false;
  expression.lastIndex = 0;
  for (let found = expression.exec(text); found; found = expression.exec(text)) {
    const { index, 0: match } = found;
    if (match === '') expression.lastIndex += text.codePointAt(index)! > 0xffff ? 2 : 1;
    if (match === '' && hasMatch && index === previous) continue;
    if (previous < index) use(previous, index, false);
    previous = index + match.length;
    hasMatch = true;
    use(index, previous, true);
  }
  if (previous < text.length) use(previous, text.length, false);
}

/** Replaces every match by a text, which means only itself. */
export function replaceAll(text: string, expression: RegExp, content: string): string {
  return watched(text, expression, () => text.replace(expression, () => content));
}
