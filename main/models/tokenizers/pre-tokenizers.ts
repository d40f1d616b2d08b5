import { toByteLetters } from './byte-letters.ts';
import { asList, asObject, asText, flag, type JsonObject } from './json-fields.ts';
import { eachStretch, replaceAll, textPattern, WHITE_SPACE, WORD_CHARACTERS } from './text-pattern.ts';
import { unknownPart } from './unknown-part.ts';

/** Pieces of a text, none of them empty; whether the first one begins the whole text. */
export interface Pieces {
  texts: string[];
  beginsText: boolean;
}

/** Cuts pieces further, before the model sees them. */
export type PreTokenizer = (pieces: Pieces) => Pieces;

/** GPT-2's words (Radford et al. 2019), with white space as Unicode has it. */
const GPT2_WORDS = new RegExp(
  `'(?:s|t|re|ve|m|ll|d)| ?\\p{L}+| ?\\p{N}+| ?[^${WHITE_SPACE}\\p{L}\\p{N}]+|${WHITE_SPACE}+(?!\\P{White_Space})|${WHITE_SPACE}+`,
  'gu',
);
const PUNCTUATION = /[\p{P}!-/:-@[-`{-~]/gu;
const BLANKS = new RegExp(WHITE_SPACE, 'gu');

const MAKERS: Readonly<Record<string, (json: JsonObject) => PreTokenizer>> = {
  Sequence: (json) => {
    const steps = asList(json.pretokenizers, 'pretokenizers').map(preTokenizer);
    return (pieces) => steps.reduce((result, step) => step(result), pieces);
  },
  ByteLevel: (json) => {
    const addsBlank = flag(json, 'add_prefix_space', true);
    const cut = flag(json, 'use_regex', true) ? splitter(GPT2_WORDS, 'Isolated', false) : null;
    return (pieces) => {
      const begun = addsBlank ? changed(pieces, (text) => (text.startsWith(' ') ? text : ` ${text}`)) : pieces;
      return changed(cut ? cut(begun) : begun, toByteLetters);
    };
  },
  Split: (json) => splitter(textPattern(json.pattern), behaviour(json), flag(json, 'invert', false)),
  Digits: (json) => splitter(/\p{N}/gu, flag(json, 'individual_digits', false) ? 'Isolated' : 'Contiguous', false),
  Punctuation: (json) => splitter(PUNCTUATION, behaviour(json), false),
  Whitespace: () => splitter(new RegExp(`[${WORD_CHARACTERS}]+|[^${WORD_CHARACTERS}${WHITE_SPACE}]+`, 'gu'), 'Removed', true),
  WhitespaceSplit: () => splitter(BLANKS, 'Removed', false),
  BertPreTokenizer: () => {
    const [words, signs] = [splitter(BLANKS, 'Removed', false), splitter(PUNCTUATION, 'Isolated', false)];
    return (pieces) => signs(words(pieces));
  },
  CharDelimiterSplit: (json) => splitter(new RegExp(RegExp.escape(oneCharacter(json.delimiter, 'delimiter')), 'gu'), 'Removed', false),
  Metaspace: metaspace,
};

/** @throws StrataError UNSUPPORTED for one of an unknown kind; Error for one that is damaged. */
export function preTokenizer(json: unknown): PreTokenizer {
  const object = asObject(json, 'a pre-tokenizer');
  const make = Object.hasOwn(MAKERS, String(object.type)) ? MAKERS[String(object.type)] : undefined;
  if (!make) throw unknownPart('pre-tokenizer', object.type, Object.keys(MAKERS));
  return make(object);
}

function changed({ texts, beginsText }: Pieces, change: (text: string) => string): Pieces {
  return { texts: texts.map(change), beginsText };
}

const BEHAVIOURS = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'] as const;
/** What becomes of a match. */
type Behaviour = (typeof BEHAVIOURS)[number];

function behaviour(json: JsonObject): Behaviour {
  const found = json.behavior ?? 'Isolated';
  const known = BEHAVIOURS.find((each) => each === found);
  if (!known) throw unknownPart('way to split', found, BEHAVIOURS);
  return known;
}

/** Cuts at the matches of a pattern; inverted, what lies between them counts as the matches. */
function splitter(pattern: RegExp, way: Behaviour, inverted: boolean): PreTokenizer {
  return ({ texts, beginsText }) => {
    const result: string[] = [];
    let begins = beginsText;
    for (const [place, text] of texts.entries()) {
      const before = result.length;
      if (way === 'Isolated') {
        // The usual way, without a list of places between.
        eachStretch(text, pattern, (begin, end) => void (end > begin && result.push(text.slice(begin, end))));
        if (place === 0 && result.length === before) begins = false;
        continue;
      }
      const ranges = rangesOf(text, pattern, way, inverted);
      for (const [begin, end] of ranges) if (end > begin) result.push(text.slice(begin, end));
      if (place === 0 && (result.length === before || ranges[0]![0] > 0)) begins = false;
    }
    return { texts: result, beginsText: begins };
  };
}

/** Begin and end of each piece. */
function rangesOf(text: string, pattern: RegExp, way: Behaviour, inverted: boolean): [number, number][] {
  const ranges: [number, number][] = [];
  let wasMatch: boolean | null = null;
  eachStretch(text, pattern, (begin, end, matches) => {
    const isMatch = matches !== inverted;
    const last = ranges.at(-1);
    const joins =
      (way === 'Contiguous' && wasMatch === isMatch) ||
      (way === 'MergedWithPrevious' && isMatch && wasMatch === false) ||
      (way === 'MergedWithNext' && !isMatch && wasMatch === true);
    wasMatch = isMatch;
    if (way === 'Removed' && isMatch) return;
    if (joins && last) last[1] = end;
    else ranges.push([begin, end]);
  });
  return ranges;
}

/** Blanks become a mark, a mark is put in front, and each mark begins a piece. */
function metaspace(json: JsonObject): PreTokenizer {
  const mark = oneCharacter(json.replacement ?? '▁', 'replacement');
  const scheme = prependScheme(json);
  const cut = flag(json, 'split', true) ? splitter(new RegExp(RegExp.escape(mark), 'gu'), 'MergedWithNext', false) : null;
  return ({ texts, beginsText }) => {
    const marked = texts.map((text, place) => {
      const replaced = replaceAll(text, / /g, mark);
      const prepends = scheme === 'always' || (scheme === 'first' && beginsText && place === 0);
      return prepends && !replaced.startsWith(mark) ? mark + replaced : replaced;
    });
    return cut ? cut({ texts: marked, beginsText }) : { texts: marked, beginsText };
  };
}

const SCHEMES = ['always', 'first', 'never'] as const;

/** Where Metaspace puts its mark in front; files of old versions say `add_prefix_space` instead. */
export function prependScheme(json: JsonObject): (typeof SCHEMES)[number] {
  const found = json.prepend_scheme ?? (flag(json, 'add_prefix_space', true) ? 'always' : 'never');
  const known = SCHEMES.find((each) => each === found);
  if (!known) throw unknownPart('scheme of Metaspace', found, SCHEMES);
  return known;
}

export function oneCharacter(value: unknown, what: string): string {
  const text = asText(value, what);
  if ([...text].length !== 1) throw new Error(`${what} must be one character, not ${JSON.stringify(text.slice(0, 60))}`);
  return text;
}
