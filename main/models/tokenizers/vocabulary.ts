import { asCount, asList, asObject, asText, type JsonObject } from './json-fields.ts';

/** Ids of tokens by their text. */
export type Vocabulary = ReadonlyMap<string, number>;

/** Ids are rows of the embedding; the largest published vocabularies have 262,144. */
const LARGEST_ID = 16_777_216;

/** A token that is looked for in the text itself, before a text is cut. */
export interface AddedToken {
  id: number;
  content: string;
  /** Whether it is a mark, such as the end of a text, and not text. */
  isSpecial: boolean;
  /** Whether it is looked for after the text was normalised. */
  isNormalized: boolean;
  /** Found only between characters that belong to no word. */
  isSingleWord: boolean;
  /** Whether white space before or behind it belongs to it. */
  stripsLeft: boolean;
  stripsRight: boolean;
}

/** The `vocab` of a model: an object of ids, or a list of texts with scores. */
export function readVocabulary(json: unknown): Map<string, number> {
  const vocabulary = new Map<string, number>();
  if (Array.isArray(json)) {
    for (const [id, entry] of json.entries()) vocabulary.set(asText(asList(entry, 'a piece')[0], 'the text of a piece'), id);
    return vocabulary;
  }
  const ids = new Set<number>();
  for (const [text, value] of Object.entries(asObject(json, 'a vocabulary'))) {
    const id = idOf(value);
    if (ids.has(id)) throw twoWithOneId(textWith(id, vocabulary), text, id);
    ids.add(id);
    vocabulary.set(asText(text, 'the text of a token'), id);
  }
  return vocabulary;
}

const LONGEST_ADDED_TOKEN = 10_000;

function textWith(id: number, vocabulary: Vocabulary): string {
  return [...vocabulary].find(([, each]) => each === id)?.[0] ?? '';
}

/** Text of either would become the same id, and which of them the id stands for would be chance. */
function twoWithOneId(first: string, second: string, id: number): Error {
  const [one, other] = [first, second].map((text) => JSON.stringify(text.slice(0, 60)));
  return new Error(`two tokens with the id ${id}: ${one} and ${other}`);
}

/**
 * `added_tokens`; one of them that the model's vocabulary has too must have the same id there, and one that it has not an id that it has not.
 * @throws Error for such a token, or for two with one id.
 */
export function readAddedTokens(json: unknown, vocabulary: Vocabulary): AddedToken[] {
  const tokens = new Map<string, AddedToken>();
  const texts = new Map([...vocabulary].map(([text, id]) => [id, text]));
  for (const each of asList(json, 'added_tokens')) {
    const token = asObject(each, 'an added token');
    const id = idOf(token.id);
    const content = asText(token.content, 'the text of an added token');
    if (content.length > LONGEST_ADDED_TOKEN) throw new Error(`an added token of ${content.length} characters`);
    const inVocabulary = vocabulary.get(content);
    if (inVocabulary !== undefined && inVocabulary !== id) throw new Error(`a token with the ids ${inVocabulary} and ${id}`);
    const other = texts.get(id);
    if (other !== undefined && other !== content) throw twoWithOneId(other, content, id);
    texts.set(id, content);
    if (content === '') continue;
    const isSpecial = token.special === true;
    tokens.set(content, {
      id,
      content,
      isSpecial,
      isNormalized: typeof token.normalized === 'boolean' ? token.normalized : !isSpecial,
      isSingleWord: token.single_word === true,
      stripsLeft: token.lstrip === true,
      stripsRight: token.rstrip === true,
    });
  }
  return [...tokens.values()];
}

function idOf(id: unknown): number {
  if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id <= LARGEST_ID) return id;
  throw new Error(`a token with the id ${JSON.stringify(id)}`);
}

/** The scores of a list of pieces. */
export function readScores(model: JsonObject): Float64Array {
  return Float64Array.from(asList(model.vocab, 'a vocabulary'), (entry) => {
    const score = asList(entry, 'a piece')[1];
    if (typeof score !== 'number') throw new Error('a piece without a score');
    return asLibraryReads(score);
  });
}

/**
 * The library reads the digits as a whole number and divides it by a power of ten, which for one score of twenty gives the neighbour of the
 * nearest float. Where several ways to cut a text are equally likely, that decides.
 */
function asLibraryReads(score: number): number {
  const [digits, power = '0'] = String(Math.abs(score)).split('e') as [string, string?];
  const [whole, fraction = ''] = digits.split('.') as [string, string?];
  const exponent = Number(power) - fraction.length;
  const number = Number(whole + fraction);
  const size = exponent < 0 ? number / Number(`1e${-exponent}`) : number * Number(`1e${exponent}`);
  return Number.isFinite(size) && (size > 0 || score === 0) ? Math.sign(score) * size : score;
}

/** A place in a list, or null. */
export function optionalId(value: unknown, what: string, count: number): number | null {
  return value === undefined || value === null ? null : asCount(value, what, count - 1);
}
