import { StrataError } from '../../../shared/errors.ts';
import { type SentencePieceModel, sentencePieceTokenizerJson, type SentencePieceType } from '../tokenizers/sentencepiece-json.ts';
import { GGUF_TOKEN_TYPES } from './gguf-types.ts';
import { GgufFields } from './metadata-fields.ts';
import type { GgufFile } from './read-gguf.ts';
import { WORD_CUTTERS } from './word-cutters.ts';

/** What a model folder holds of the tokenizer. */
export interface GgufTokenizer {
  /** How many tokens have a text; the embedding may have more rows. */
  tokens: number;
  /** tokenizer.json. */
  json: object;
  /** tokenizer_config.json. */
  settings: Record<string, unknown>;
  /** generation_config.json. */
  generation: Record<string, unknown>;
}

type TokenType = keyof typeof GGUF_TOKEN_TYPES;
const TOKEN_TYPES = new Map(Object.entries(GGUF_TOKEN_TYPES).map(([name, id]) => [id as number, name as TokenType]));

/** What the metadata says about the vocabulary. */
interface Vocabulary {
  tokens: string[];
  types: TokenType[];
  bos: number | null;
  eos: number | null;
  unknown: number | null;
  padding: number | null;
  /** Ends of a message or a turn, where chat models have others than the end of the text. */
  endOfTurn: number | null;
  endOfMessage: number | null;
}

/**
 * The tokenizer that a GGUF file's metadata describes, in Hugging Face's form: SentencePiece pieces with scores ("llama"), or byte-level merges
 * ("gpt2") with the name of the way to cut words.
 * @param rows of the embedding: ids are its rows, and some models have more of these than tokens.
 * @throws StrataError UNSUPPORTED for another kind of tokenizer, by name; CORRUPT for a vocabulary that contradicts itself or the weights.
 */
export function ggufTokenizer(file: Pick<GgufFile, 'path' | 'metadata'>, rows: number, contextLength: number): GgufTokenizer {
  const fields = new GgufFields(file);
  const model = fields.text('tokenizer.ggml.model');
  if (model !== 'llama' && model !== 'gpt2') {
    throw new StrataError('UNSUPPORTED', 'Strata does not know this kind of tokenizer.', {
      found: model === null ? 'no tokenizer.ggml.model' : `tokenizer.ggml.model ${JSON.stringify(model)}`,
      allowed: 'llama (SentencePiece), gpt2 (byte-level merges)',
      hint: 'Take the model as a Hugging Face folder with its tokenizer.json instead.',
    });
  }
  const corrupt = (found: string, allowed: string): StrataError =>
    new StrataError('CORRUPT', `The tokenizer in ${file.path} contradicts itself.`, {
      found,
      allowed,
      hint: 'Download the file again, or convert the original model again with a current program.',
    });
  const vocabulary = vocabularyOf(fields, model, rows, corrupt);
  const made = model === 'llama' ? fromPieces(fields, vocabulary, corrupt) : fromMerges(fields, vocabulary, corrupt);
  return { tokens: vocabulary.tokens.length, json: made.json, ...settingsOf(fields, vocabulary, made, contextLength) };
}

type Corrupt = (found: string, allowed: string) => StrataError;
interface Made {
  json: object;
  addsBos: boolean;
  addsEos: boolean;
}

function vocabularyOf(fields: GgufFields, model: 'llama' | 'gpt2', rows: number, corrupt: Corrupt): Vocabulary {
  const tokens = fields.texts('tokenizer.ggml.tokens');
  if (!tokens || tokens.length === 0 || tokens.length > rows) {
    throw corrupt(`${tokens?.length ?? 'no'} tokens`, `1 to ${rows}, the rows of the embedding`);
  }
  const idOf = (name: string, fallback: number | null = null): number | null => {
    const id = fields.whole(`tokenizer.ggml.${name}_token_id`) ?? (fallback !== null && fallback < tokens.length ? fallback : null);
    if (id !== null && id >= tokens.length) throw corrupt(`tokenizer.ggml.${name}_token_id ${id}`, `ids below ${tokens.length}`);
    return id;
  };
  // Where the file is silent, LLaMA's own ids.
  const [bos, eos, unknown] =
    model === 'llama' ? [idOf('bos', 1), idOf('eos', 2), idOf('unknown', 0)] : [idOf('bos'), idOf('eos'), idOf('unknown')];
  const vocabulary = {
    tokens,
    bos,
    eos,
    unknown,
    padding: idOf('padding'),
    endOfTurn: idOf('eot'),
    endOfMessage: idOf('eom'),
  };
  const types = typesOf(fields, vocabulary, model, corrupt);
  refuseTwins(tokens, types, corrupt);
  return { ...vocabulary, types };
}

/** Of two tokens with one text nothing says which a text becomes. llama.cpp refuses such a file, too. Unused ones, which fill tables up, are in no text. */
function refuseTwins(tokens: readonly string[], types: readonly TokenType[], corrupt: Corrupt): void {
  const ids = new Map<string, number>();
  for (const [id, text] of tokens.entries()) {
    if (types[id] === 'unused') continue;
    if (ids.has(text)) throw corrupt(`${JSON.stringify(text)} as token ${ids.get(text)} and token ${id}`, 'each token once');
    ids.set(text, id);
  }
}

function typesOf(fields: GgufFields, vocabulary: Omit<Vocabulary, 'types'>, model: 'llama' | 'gpt2', corrupt: Corrupt): TokenType[] {
  const { tokens, bos, eos, unknown, endOfTurn, endOfMessage } = vocabulary;
  const ids = fields.numbers('tokenizer.ggml.token_type');
  if (ids && ids.length !== tokens.length) throw corrupt(`${ids.length} token types`, `${tokens.length}, one for each token`);
  const types = tokens.map((text, id): TokenType => {
    if (!ids) return model === 'llama' && /^<0x[0-9A-F]{2}>$/.test(text) ? 'byte' : 'normal';
    const type = TOKEN_TYPES.get(ids[id]!);
    if (type === undefined) throw corrupt(`token ${id} of type ${ids[id]}`, `types ${[...TOKEN_TYPES.keys()].join(', ')}`);
    return type;
  });
  if (!ids) {
    for (const id of [bos, eos, endOfTurn, endOfMessage]) if (id !== null) types[id] = 'control';
    if (model === 'llama' && unknown !== null) types[unknown] = 'unknown';
  }
  return types;
}

function fromPieces(fields: GgufFields, { tokens, types, bos, eos, unknown }: Vocabulary, corrupt: Corrupt): Made {
  const scores = fields.numbers('tokenizer.ggml.scores');
  if (scores?.length !== tokens.length || scores.some(Number.isNaN)) {
    throw corrupt(`${scores ? scores.length : 'no'} scores`, `${tokens.length}, a number for each token`);
  }
  if (unknown === null) throw corrupt('no unknown token', 'tokenizer.ggml.unknown_token_id');
  const [addsBos, addsEos] = [fields.flag('tokenizer.ggml.add_bos_token') ?? true, fields.flag('tokenizer.ggml.add_eos_token') ?? false];
  const map = fields.numbers('tokenizer.ggml.precompiled_charsmap');
  const model: SentencePieceModel = {
    pieces: tokens.map((text, id) => ({ text, score: scores[id]!, type: types[id]! satisfies SentencePieceType })),
    kind: 'BPE',
    addDummyPrefix: fields.flag('tokenizer.ggml.add_space_prefix') ?? true,
    removeExtraWhitespaces: fields.flag('tokenizer.ggml.remove_extra_whitespaces') ?? false,
    normalizerMap: map && map.length > 0 ? Uint8Array.from(map) : null,
    addBos: addsBos,
    addEos: addsEos,
    bosId: bos,
    eosId: eos,
    unknownId: unknown,
  };
  return { json: sentencePieceTokenizerJson(model), addsBos, addsEos };
}

function fromMerges(fields: GgufFields, vocabulary: Vocabulary, corrupt: Corrupt): Made {
  const { tokens, types, bos, eos } = vocabulary;
  // As llama.cpp does for the files of before names were stored.
  const name = fields.text('tokenizer.ggml.pre') ?? 'default';
  const cutter = WORD_CUTTERS.get(name);
  if (!cutter) {
    throw new StrataError('UNSUPPORTED', "Strata does not know this tokenizer's way to cut a text into words.", {
      found: `tokenizer.ggml.pre ${JSON.stringify(name)}`,
      allowed: [...WORD_CUTTERS.keys()].join(', '),
      hint: 'Take the model as a Hugging Face folder with its tokenizer.json instead.',
    });
  }
  const ids = Object.create(null) as Record<string, number>;
  for (const [id, text] of tokens.entries()) {
    if (types[id] !== 'unused') ids[text] = id; // an unused one fills the table up; no text has it
  }
  const addsBos = bos !== null && (fields.flag('tokenizer.ggml.add_bos_token') ?? cutter.addsStart);
  const addsEos = eos !== null && (fields.flag('tokenizer.ggml.add_eos_token') ?? false);
  const json = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: tokens.flatMap((content, id) => {
      const type = types[id]!;
      if (type !== 'control' && type !== 'userDefined' && type !== 'unknown') return [];
      return [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: type !== 'userDefined' }];
    }),
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [...cutter.steps, { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: cutter.cutsLikeGpt2 }],
    },
    post_processor: {
      type: 'TemplateProcessing',
      single: around('A', 0),
      pair: [...around('A', 0), ...around('B', 1)],
      special_tokens: Object.fromEntries(
        [addsBos ? bos : null, addsEos ? eos : null].flatMap((id) =>
          id === null ? [] : [[tokens[id]!, { id: tokens[id]!, ids: [id], tokens: [tokens[id]!] }]],
        ),
      ),
    },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: cutter.ignoresMerges,
      vocab: ids,
      merges: mergesOf(fields, ids, corrupt),
    },
  };
  return { json, addsBos, addsEos };

  function around(sequence: 'A' | 'B', type: number): object[] {
    return [
      ...(addsBos ? [{ SpecialToken: { id: tokens[bos]!, type_id: type } }] : []),
      { Sequence: { id: sequence, type_id: type } },
      ...(addsEos ? [{ SpecialToken: { id: tokens[eos]!, type_id: type } }] : []),
    ];
  }
}

/** Pairs, the best first. Bytes are spelt with visible characters, so a blank stands only between the two parts. */
function mergesOf(fields: GgufFields, ids: Readonly<Record<string, number>>, corrupt: Corrupt): [string, string][] {
  const merges = fields.texts('tokenizer.ggml.merges');
  if (!merges) throw corrupt('no tokenizer.ggml.merges', 'the merges of a byte-level tokenizer');
  return merges.map((merge, rank) => {
    const cut = merge.indexOf(' ', 1);
    const [left, right] = [merge.slice(0, cut), merge.slice(cut + 1)];
    if (cut < 1 || !(left in ids) || !(right in ids) || !(left + right in ids)) {
      throw corrupt(`merge ${rank}: ${JSON.stringify(merge.slice(0, 100))}`, 'two tokens that make a third');
    }
    return [left, right];
  });
}

function settingsOf(
  fields: GgufFields,
  { tokens, bos, eos, unknown, padding, endOfTurn, endOfMessage }: Vocabulary,
  { addsBos, addsEos }: Made,
  contextLength: number,
): Omit<GgufTokenizer, 'json' | 'tokens'> {
  const text = (id: number | null): string | null => (id === null ? null : tokens[id]!);
  const template = fields.text('tokenizer.chat_template');
  const ends = [...new Set([eos, endOfTurn, endOfMessage].filter((id) => id !== null))];
  return {
    settings: {
      add_bos_token: addsBos,
      add_eos_token: addsEos,
      bos_token: text(bos),
      eos_token: text(eos),
      unk_token: text(unknown),
      pad_token: text(padding),
      clean_up_tokenization_spaces: false,
      model_max_length: contextLength,
      tokenizer_class: 'PreTrainedTokenizerFast',
      ...(template !== null && { chat_template: template }),
    },
    generation: {
      ...(bos !== null && { bos_token_id: bos }),
      ...(ends.length > 0 && { eos_token_id: ends.length === 1 ? ends[0] : ends }),
      ...(padding !== null && { pad_token_id: padding }),
    },
  };
}
