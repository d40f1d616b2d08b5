import { en } from './en/index.ts';
import { language, locale, wordsNamed } from './words.ts';

/**
 * What the studio composed, in the language of the page. The studio, its trainers, the database and the command line have one language,
 * English, and what they say is a sentence of these rooms: the sentence itself is its code, as in gettext, so that it can be stored, sent,
 * searched for and read by scripts as it is. A page finds it again, with what it was filled in with, and says it in its own language. Where
 * a name has the very words in it that stand between two holes, it may be cut at another place; nothing of it is lost.
 */
const ROOMS = ['said', 'domain'] as const;
/** What is filled in under these names is itself a sentence: a reason within a note. */
const SENTENCES = new Set(['reason', 'measured', 'activity']);
/** Sentences that are nearly all filled in would be found in anything. */
const LEAST_LETTERS = 4;

interface Template {
  key: string;
  pattern: RegExp;
  holes: string[];
}

let templates: { fixed: ReadonlyMap<string, string>; filled: readonly Template[] } | null = null;

/**
 * A sentence of the studio in the language in use; null where the catalogue does not have it, as after an update, or in an error's message.
 * In English it is as it came.
 */
export function heard(text: string): string | null {
  if (language() === 'en') return text;
  const found = find(text);
  return found && wordsNamed(found.key, found.parameters);
}

/** {@link heard}, or the text as it came. */
export function heardOrAsSaid(text: string): string {
  return heard(text) ?? text;
}

function find(text: string): { key: string; parameters: Record<string, string | number> } | null {
  templates ??= readCatalogue();
  const key = templates.fixed.get(text);
  if (key !== undefined) return { key, parameters: {} };
  for (const { key, pattern, holes } of templates.filled) {
    const values = pattern.exec(text)?.slice(1);
    if (!values) continue;
    return { key, parameters: Object.fromEntries(holes.map((hole, index) => [hole, filledWith(hole, values[index]!)])) };
  }
  return null;
}

function filledWith(hole: string, value: string): string | number {
  if (SENTENCES.has(hole)) return heardOrAsSaid(value);
  return hole === 'count' ? Number(value.replaceAll(',', '')) : numbersAsWritten(value);
}

/** Numbers with strokes between them, or one, that were written as English writes them, as the language in use does; other texts stay. */
function numbersAsWritten(value: string): string {
  return value.split(' / ').map(numberAsWritten).join(' / ');
}

function numberAsWritten(value: string): string {
  const number = Number(value.replaceAll(',', ''));
  const digits = /^-?[\d,]+(?:\.(\d+))?$/.exec(value)?.[1]?.length ?? 0;
  const write = (numbers: string): string =>
    number.toLocaleString(numbers, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return value !== '' && write('en-US') === value ? write(locale().numbers) : value;
}

/** The English sentences: those without anything to fill in by their text, the others as patterns, the most literal first. */
function readCatalogue(): { fixed: ReadonlyMap<string, string>; filled: readonly Template[] } {
  const fixed = new Map<string, string>();
  const filled: (Template & { letters: number })[] = [];
  for (const room of ROOMS)
    for (const [name, text] of Object.entries<string>(en[room])) {
      const key = `${room}.${name.replace(/_(one|other)$/, '')}`;
      const holes = [...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, hole]) => hole!);
      const literal = text.replace(/\{\{\w+\}\}/g, '');
      const letters = literal.match(/\p{L}/gu)?.length ?? 0;
      if (holes.length === 0) fixed.set(text, key);
      else if (letters >= LEAST_LETTERS) filled.push({ key, pattern: patternOf(text), holes, letters });
    }
  return { fixed, filled: filled.sort((a, b) => b.letters - a.letters) };
}

function patternOf(text: string): RegExp {
  const parts = text.split(/\{\{\w+\}\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('([^]+?)')}$`);
}
