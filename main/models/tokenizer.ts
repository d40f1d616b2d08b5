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

/**
 * Loads tokenizer.json (with tokenizer_config.json and config.json for the special tokens) of a model folder.
 * @throws StrataError NOT_FOUND or CORRUPT.
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
  let tokenizer: Tokenizer;
  const settings = await readJson(join(directory, 'tokenizer_config.json'));
  const vocabulary = { size: 0 };
  try {
    const json = JSON.parse(bytes.toString()) as TokenizerJson;
    vocabulary.size = vocabularySize(json);
    tokenizer = new Tokenizer(json, settings);
  } catch (error) {
    throw new StrataError('CORRUPT', `${path} cannot be understood.`, {
      found: error instanceof Error ? error.message : String(error),
      cause: error,
    });
  }
  const config = await readJson(join(directory, 'config.json'));
  const bosTokenId = specialId(tokenizer, settings.bos_token, config.bos_token_id, vocabulary.size);
  const eosTokenId = specialId(tokenizer, settings.eos_token, config.eos_token_id, vocabulary.size);
  const addsBos = bosTokenId !== null && tokenizer.encode('a').ids[0] === bosTokenId;
  return {
    encode: (text) => tokenizer.encode(text).ids,
    encodeDocument: (text) => {
      const ids = tokenizer.encode(text, { add_special_tokens: false }).ids;
      return [...(addsBos ? [bosTokenId] : []), ...ids, ...(eosTokenId === null ? [] : [eosTokenId])];
    },
    decode: (ids) => tokenizer.decode([...ids], { skip_special_tokens: true, clean_up_tokenization_spaces: false }),
    bosTokenId,
    eosTokenId,
    vocabularySize: vocabulary.size,
    hash: createHash('sha256').update(bytes).digest('hex'),
  };
}

interface TokenizerJson {
  model: { vocab: Record<string, number> | [string, number][] };
  added_tokens?: { id: number }[];
}

function vocabularySize({ model, added_tokens: added = [] }: TokenizerJson): number {
  const ids = Array.isArray(model.vocab) ? [model.vocab.length - 1] : Object.values(model.vocab);
  return 1 + [...ids, ...added.map(({ id }) => id)].reduce((largest, id) => Math.max(largest, id), -1);
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
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw new StrataError('CORRUPT', `${path} is not JSON.`, { cause: error });
  }
}
