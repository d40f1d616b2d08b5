import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { StrataError } from '../../shared/errors.ts';

export interface TextTokenizer {
  /** Ids of a text, with the special tokens that the tokenizer itself adds. */
  encode(text: string): number[];
  /** Ids of a whole document for training: the start token where the tokenizer uses one, the text, the end token where there is one. */
  encodeDocument(text: string): number[];
  /** Text of ids, special tokens left out. */
  decode(ids: readonly number[]): string;
  readonly bosTokenId: number | null;
  readonly eosTokenId: number | null;
  /** One more than the largest id. */
  readonly vocabularySize: number;
  /** sha256 of tokenizer.json: token shards belong to it. */
  readonly hash: string;
}

/** The largest published tokenizer.json files have about 35 MB. */
const MAX_TOKENIZER_BYTES = 200_000_000;
/** Ids are rows of the embedding; the largest published vocabularies have 262,144. */
const LARGEST_ID = 16_777_216;
/** Kinds of tokenizer that the library computes; others would give wrong ids without a word. */
const MODEL_TYPES = ['BPE', 'Unigram', 'WordPiece'];

/**
 * Loads tokenizer.json (with tokenizer_config.json and config.json for the special tokens) of a model folder.
 * @throws StrataError NOT_FOUND, UNSUPPORTED or CORRUPT.
 */
export async function loadTokenizer(directory: string): Promise<TextTokenizer> {
  const path = join(directory, 'tokenizer.json');
  const found = await stat(path).catch(() => null);
  if (!found || found.size > MAX_TOKENIZER_BYTES) {
    throw new StrataError('NOT_FOUND', 'The model has no tokenizer that Strata reads.', {
      found: found ? `tokenizer.json of ${found.size} bytes` : `no tokenizer.json in ${directory}`,
      allowed: 'a tokenizer.json as the tokenizers library writes it',
    });
  }
  const bytes = await readFile(path);
  const settings = await readJson(join(directory, 'tokenizer_config.json'));
  const config = await readJson(join(directory, 'config.json'));
  const { tokenizer, size, start } = understand(path, bytes, settings);
  const bosTokenId = specialId(tokenizer, settings.bos_token, config.bos_token_id, size);
  const eosTokenId = specialId(tokenizer, settings.eos_token, config.eos_token_id, size);
  const addsBos = bosTokenId !== null && start === bosTokenId;
  return {
    encode: (text) => idsOf(tokenizer, text, true),
    encodeDocument: (text) => {
      const ids = idsOf(tokenizer, text, false);
      return [...(addsBos ? [bosTokenId] : []), ...ids, ...(eosTokenId === null ? [] : [eosTokenId])];
    },
    decode: (ids) =>
      ids.length === 0 ? '' : tokenizer.decode([...ids], { skip_special_tokens: true, clean_up_tokenization_spaces: false }),
    bosTokenId,
    eosTokenId,
    vocabularySize: size,
    hash: createHash('sha256').update(bytes).digest('hex'),
  };
}

/** tokenizer.json, as far as it is looked at here; the file may hold anything. */
interface TokenizerJson {
  model: { type?: string; vocab: Record<string, number> | [string, number][] };
  added_tokens: { id: number }[];
}

/** The tokenizer that a file describes, its vocabulary's size, and the id that it puts first. */
function understand(path: string, bytes: Buffer, settings: Record<string, unknown>): { tokenizer: Tokenizer; size: number; start: number } {
  try {
    const json = JSON.parse(bytes.toString()) as TokenizerJson;
    const size = vocabularySize(json);
    const tokenizer = new Tokenizer(json, settings);
    return { tokenizer, size, start: idsOf(tokenizer, 'a', true)[0] ?? -1 };
  } catch (error) {
    if (error instanceof StrataError) throw error;
    throw new StrataError('CORRUPT', `${path} cannot be understood.`, {
      found: error instanceof Error ? error.message : String(error),
      hint: 'tokenizer.json must be the one that was saved with the model: download or copy it again.',
      cause: error,
    });
  }
}

function vocabularySize(json: Partial<TokenizerJson> | null): number {
  const { model, added_tokens: added } = json ?? {};
  if (typeof model?.vocab !== 'object' || !Array.isArray(added)) throw new Error('no vocabulary');
  if (model.type !== undefined && !MODEL_TYPES.includes(model.type)) {
    throw new StrataError('UNSUPPORTED', 'Strata does not know this kind of tokenizer.', {
      found: String(model.type),
      allowed: MODEL_TYPES.join(', '),
    });
  }
  const ids = Array.isArray(model.vocab) ? [model.vocab.length - 1] : Object.values(model.vocab);
  let largest = -1;
  for (const id of [...ids, ...added.map((token) => token.id)]) {
    if (!Number.isInteger(id) || id < 0 || id > LARGEST_ID) throw new Error(`a token with the id ${JSON.stringify(id)}`);
    largest = Math.max(largest, id);
  }
  if (largest < 0) throw new Error('an empty vocabulary');
  return 1 + largest;
}

function idsOf(tokenizer: Tokenizer, text: string, addSpecialTokens: boolean): number[] {
  const { ids } = tokenizer.encode(text, { add_special_tokens: addSpecialTokens });
  // The library gives what is not in the vocabulary no id at all.
  if (!ids.every(Number.isInteger)) {
    throw new StrataError('CORRUPT', 'The tokenizer uses a token that its vocabulary does not have.', {
      hint: 'tokenizer.json must be the one that was saved with the model: download or copy it again.',
    });
  }
  return ids;
}

/** By the token's text in tokenizer_config.json, else by the id in config.json. */
function specialId(tokenizer: Tokenizer, token: unknown, id: unknown, size: number): number | null {
  const text = typeof token === 'object' && token !== null ? (token as { content?: unknown }).content : token;
  if (typeof text === 'string') return tokenizer.token_to_id(text) ?? null;
  const first: unknown = Array.isArray(id) ? id[0] : id;
  return typeof first === 'number' && first < size ? first : null;
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw error;
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new StrataError('CORRUPT', `${path} is not JSON.`, { cause: error });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new StrataError('CORRUPT', `${path} does not hold settings.`, { found: text.slice(0, 60), allowed: 'a JSON object' });
}
