import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StrataError } from '../../shared/errors.ts';
import { readSettings } from './settings-json.ts';
import { AddedTokenFinder } from './tokenizers/added-tokens.ts';
import { bytePairModel, type TokenModel } from './tokenizers/byte-pair-model.ts';
import { type Decoder, decoder } from './tokenizers/decoders.ts';
import { asObject, type JsonObject } from './tokenizers/json-fields.ts';
import { normalizer } from './tokenizers/normalizers.ts';
import { type Surroundings, surroundings } from './tokenizers/post-processors.ts';
import { preTokenizer } from './tokenizers/pre-tokenizers.ts';
import { sentencePieceSteps } from './tokenizers/sentencepiece-steps.ts';
import { type Literals, NO_LITERALS, type Span, TextEncoder } from './tokenizers/text-encoder.ts';
import { type ByteLength, tokenBytes } from './tokenizers/token-bytes.ts';
import { unigramModel } from './tokenizers/unigram-model.ts';
import { unknownPart } from './tokenizers/unknown-part.ts';
import { readAddedTokens, readVocabulary } from './tokenizers/vocabulary.ts';

export interface EncodeOptions {
  /**
   * Whether the text of a special token, such as `</s>`, becomes that token. Only for text whose marks are meant, such as a filled-in
   * chat template: in a user's text they are ordinary characters.
   */
  interpretSpecialTokens?: boolean;
}

export interface SpanOptions extends EncodeOptions {
  /** Characters that stand for texts which are not interpreted, whatever they say. */
  literals?: Literals;
}

/**
 * Computes the ids that Hugging Face's tokenizers library computes; where tokenizer.json was made from a tokenizer.model, which it then holds,
 * those that SentencePiece computes.
 */
export interface TextTokenizer {
  /** Ids of a text, with the special tokens that the tokenizer itself adds. */
  encode(text: string, options?: EncodeOptions): number[];
  /** Ids of a whole document for training: the start token where the tokenizer uses one, the text, the end token where there is one. */
  encodeDocument(text: string, options?: EncodeOptions): number[];
  /**
   * Ids of a text alone, nothing added, and of each whether a character of it lies in one of the spans.
   * @param spans ranges of the text, in their order and apart from each other.
   */
  encodeSpans(text: string, spans: readonly Span[], options?: SpanOptions): { ids: number[]; inSpan: Uint8Array };
  /** Text of ids, special tokens left out. */
  decode(ids: readonly number[]): string;
  /** Bytes of text that a token stands for. */
  readonly byteLength: ByteLength;
  /** The name of a special token; null for an id that is none. */
  specialToken(id: number): string | null;
  /** Names of all special tokens. */
  readonly specialTokens: readonly string[];
  /** What {@link encodeDocument} puts before a text and behind it. */
  readonly documentStart: readonly number[];
  readonly documentEnd: readonly number[];
  readonly bosTokenId: number | null;
  readonly eosTokenId: number | null;
  /** One more than the largest id. */
  readonly vocabularySize: number;
  /** sha256 of tokenizer.json and of the way it is read: token shards belong to it. */
  readonly hash: string;
}

/** The largest published tokenizer.json files have about 35 MB. */
const MAX_TOKENIZER_BYTES = 200_000_000;
/** Changes whenever the same tokenizer.json gives other ids than before: token shards of the old way are not used then. */
const WAY_OF_READING = 'ids of the tokenizers library, or of SentencePiece where its model is there; special tokens in text as text';

/**
 * Loads tokenizer.json (with tokenizer_config.json and config.json for the special tokens) of a model folder.
 * @throws StrataError NOT_FOUND, UNSUPPORTED or CORRUPT.
 */
export async function loadTokenizer(directory: string): Promise<TextTokenizer> {
  const path = join(directory, 'tokenizer.json');
  const found = await stat(path).catch(() => null);
  if (!found) throw noTokenizer(directory);
  if (found.size > MAX_TOKENIZER_BYTES) {
    throw new StrataError('CORRUPT', 'tokenizer.json is larger than any tokenizer.', {
      found: `tokenizer.json of ${found.size} bytes`,
      allowed: `up to ${MAX_TOKENIZER_BYTES} bytes`,
      hint: TOKENIZER_HINT,
    });
  }
  const bytes = await readFile(path);
  const settings = (await readSettings(join(directory, 'tokenizer_config.json'))) ?? {};
  const config = (await readSettings(join(directory, 'config.json'))) ?? {};
  const tokenizer = understand(path, bytes);
  const bosTokenId = specialId(tokenizer, settings.bos_token, config.bos_token_id);
  const eosTokenId = specialId(tokenizer, settings.eos_token, config.eos_token_id);
  const { before, after } = tokenizer.around;
  const documentStart = bosTokenId !== null && before[0] === bosTokenId ? [bosTokenId] : [];
  const documentEnd = eosTokenId === null ? [] : [eosTokenId];
  const encodeBetween = (text: string, start: readonly number[], end: readonly number[], options: EncodeOptions): number[] => {
    const ids = [...start];
    tokenizer.encode(text, options.interpretSpecialTokens ?? false, ids);
    ids.push(...end);
    return ids;
  };
  const hash = createHash('sha256').update(WAY_OF_READING).update(bytes).digest('hex');
  return {
    encode: (text, options = {}) => encodeBetween(text, before, after, options),
    encodeDocument: (text, options = {}) => encodeBetween(text, documentStart, documentEnd, options),
    encodeSpans: (text, spans, { interpretSpecialTokens = false, literals = NO_LITERALS } = {}) =>
      tokenizer.encodeSpans(text, spans, interpretSpecialTokens, literals),
    decode: (ids) => tokenizer.decode(ids),
    byteLength: tokenizer.byteLength,
    specialToken: (id) => tokenizer.special.get(id) ?? null,
    specialTokens: [...tokenizer.special.values()],
    documentStart,
    documentEnd,
    bosTokenId,
    eosTokenId,
    vocabularySize: tokenizer.size,
    hash,
  };
}

const TOKENIZER_HINT = 'tokenizer.json must be the one that was saved with the model: download or copy it again.';

function noTokenizer(directory: string): StrataError {
  return new StrataError('NOT_FOUND', 'The model has no tokenizer that Strata reads.', {
    found: `no tokenizer.json in ${directory}`,
    allowed:
      "tokenizer.json (Hugging Face's) or tokenizer.model (SentencePiece's) beside the weights, or a GGUF file, which has its tokenizer within",
    hint: 'Download or copy the file that was saved with the model into its folder, or take the model as a GGUF file.',
  });
}

/** What a tokenizer.json describes. */
interface Understood {
  /** Appends the ids of a text. */
  encode(text: string, findsSpecial: boolean, ids: number[]): void;
  encodeSpans(text: string, spans: readonly Span[], findsSpecial: boolean, literals: Literals): { ids: number[]; inSpan: Uint8Array };
  decode(ids: readonly number[]): string;
  byteLength: ByteLength;
  /** Special tokens by their ids. */
  special: ReadonlyMap<number, string>;
  idOf(token: string): number | undefined;
  around: Surroundings;
  size: number;
}

function understand(path: string, bytes: Buffer): Understood {
  try {
    return assemble(asObject(JSON.parse(bytes.toString()), 'a tokenizer'));
  } catch (error) {
    if (error instanceof StrataError) throw error;
    throw new StrataError('CORRUPT', `${path} cannot be understood.`, {
      found: error instanceof Error ? error.message : String(error),
      allowed: 'a tokenizer.json as the tokenizers library writes it',
      hint: TOKENIZER_HINT,
      cause: error,
    });
  }
}

/** Puts the parts together in the library's order: added tokens, normaliser, pre-tokenizer, model, post-processor. */
function assemble(json: JsonObject): Understood {
  const modelJson = asObject(json.model, 'a model');
  const vocabulary = readVocabulary(modelJson.vocab);
  const added = readAddedTokens(json.added_tokens ?? [], vocabulary);
  const texts = new Map<number, string>(
    [...vocabulary, ...added.map(({ content, id }) => [content, id] as const)].map(([text, id]) => [id, text]),
  );
  const size = [...texts.keys()].reduce((largest, id) => Math.max(largest, id), -1) + 1;
  if (size === 0) throw new Error('an empty vocabulary');
  const own = sentencePieceSteps(modelJson, vocabulary, added);
  const model = own?.model ?? tokenModel(modelJson, vocabulary);
  const normalize = own?.normalize ?? part(json.normalizer, normalizer);
  const cut = own ? null : part(json.pre_tokenizer, preTokenizer);
  const decodeTokens = own ? null : part(json.decoder, decoder);
  const around = part(json.post_processor, (each) => surroundings(each, size - 1)) ?? { before: [], after: [] };
  const special = new Map(added.filter(({ isSpecial }) => isSpecial).map(({ content, id }) => [id, content]));
  const specialTexts = new Set(special.values());
  const sought = own?.sought ?? added;
  const asWritten = new AddedTokenFinder(
    sought.filter(({ isNormalized }) => !isNormalized),
    ({ content }) => content,
  );
  const asNormalized = new AddedTokenFinder(
    sought.filter(({ isNormalized }) => isNormalized),
    ({ content }) => (normalize ? normalize(content) : content),
  );
  const unknown = modelJson.unk_token;
  const unknownId = own ? own.unknownId : ((typeof unknown === 'string' ? vocabulary.get(unknown) : null) ?? null);
  const decode = own?.decode ?? ((ids: readonly number[]) => decodeIds(ids, texts, specialTexts, decodeTokens));
  const isByteLevel = !own && JSON.stringify(json.decoder ?? null).includes('"ByteLevel"');
  const encoder = new TextEncoder({ asWritten, asNormalized, normalize, cut, model, unknownId });
  return {
    encode: (text, findsSpecial, ids) => encoder.encode(text.toWellFormed(), findsSpecial, ids),
    encodeSpans: (text, spans, findsSpecial, literals) => encoder.encodeSpans(text.toWellFormed(), spans, findsSpecial, literals),
    special,
    decode,
    byteLength: tokenBytes({ texts, isSpecial: (id) => special.has(id), decode, isByteLevel }),
    idOf: (token) => vocabulary.get(token) ?? added.find(({ content }) => content === token)?.id,
    around,
    size,
  };
}

function part<T>(json: unknown, make: (json: unknown) => T): T | null {
  return json === undefined || json === null ? null : make(json);
}

const MODELS = ['BPE', 'Unigram'];

function tokenModel(json: JsonObject, vocabulary: ReadonlyMap<string, number>): TokenModel {
  // Old files name no kind: it is seen by what they hold.
  const type = json.type ?? (Array.isArray(json.vocab) ? 'Unigram' : 'merges' in json ? 'BPE' : null);
  if (type === 'BPE') return bytePairModel(json, vocabulary);
  if (type === 'Unigram') return unigramModel(json, vocabulary);
  throw unknownPart('kind', type, MODELS);
}

/** Ids that nothing stands for are left out, as the library leaves them out. */
function decodeIds(
  ids: readonly number[],
  texts: ReadonlyMap<number, string>,
  special: ReadonlySet<string>,
  decode: Decoder | null,
): string {
  const tokens = ids.map((id) => texts.get(id)).filter((text) => text !== undefined && !special.has(text)) as string[];
  return decode ? decode(tokens).join('') : tokens.join(' ');
}

/** By the token's text in tokenizer_config.json, else by the id in config.json. */
function specialId({ idOf, size }: Understood, token: unknown, id: unknown): number | null {
  const text = typeof token === 'object' && token !== null ? (token as { content?: unknown }).content : token;
  if (typeof text === 'string') return idOf(text) ?? null;
  const first: unknown = Array.isArray(id) ? id[0] : id;
  return typeof first === 'number' && first >= 0 && first < size ? first : null;
}
