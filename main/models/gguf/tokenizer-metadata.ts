import { join } from 'node:path';
import { z } from 'zod';
import type { LlamaConfig } from '../../../shared/domain/llama-config.ts';
import { StrataError } from '../../../shared/errors.ts';
import { readChatTemplates } from '../export/chat-template.ts';
import { readSettings } from '../settings-json.ts';
import { SENTENCEPIECE_FIELD } from '../tokenizers/sentencepiece-json.ts';
import { byteLevelCutter, isByteLevel } from './byte-level-vocabulary.ts';
import { GGUF_TOKEN_TYPES } from './gguf-types.ts';
import { bytePiece, sentencePieceVocabulary } from './sentencepiece-vocabulary.ts';
import { type BytePairTokenizer, readBytePairTokenizer, type Step } from './tokenizer-json.ts';
import type { GgufMetadata } from './write-gguf.ts';

/** The score of what no text spells: below that of every piece of a vocabulary. */
const RESERVED_SCORE = -1_000_000;
/** What llama.cpp takes for the end token of a file that names none. */
const DEFAULT_END_IDS = { llama: 2, gpt2: 11 } as const;

/**
 * A model folder's tokenizer as llama.cpp reads it: pieces with scores for an encoding of the LLaMA kind, merges for a byte-level one, the
 * special tokens, and the chat templates.
 * @returns the metadata, and what llama.cpp does in another way, in words.
 * @throws StrataError UNSUPPORTED when llama.cpp would give other ids for ordinary text; CORRUPT for a tokenizer that is not the model's.
 */
export async function tokenizerMetadata(
  directory: string,
  config: LlamaConfig,
): Promise<{ metadata: Map<string, GgufMetadata>; notes: string[] }> {
  const tokenizer = await readBytePairTokenizer(directory);
  refuseVariants(tokenizer);
  const texts = textsById(tokenizer, config.vocabularySize);
  const ids = idsByText(texts);
  const notes: string[] = [];
  const metadata = new Map<string, GgufMetadata>();
  const kind = isByteLevel(tokenizer) ? 'gpt2' : 'llama';
  metadata.set('tokenizer.ggml.model', { type: 'string', value: kind });
  const types = tokenTypes(tokenizer, texts, kind);
  if (kind === 'gpt2') {
    const cutter = byteLevelCutter(tokenizer, new Set(ids.keys()));
    metadata.set('tokenizer.ggml.pre', { type: 'string', value: cutter });
    metadata.set('tokenizer.ggml.tokens', { type: 'array', of: 'string', value: texts });
    metadata.set('tokenizer.ggml.token_type', { type: 'array', of: 'int32', value: types });
    const merges = tokenizer.merges.map(([left, right]) => `${left} ${right}`);
    metadata.set('tokenizer.ggml.merges', { type: 'array', of: 'string', value: merges });
  } else {
    const added = new Set(tokenizer.addedTokens.map(({ id }) => id));
    const vocabulary = sentencePieceVocabulary(tokenizer, new Set(texts.filter((_, id) => !added.has(id))));
    notes.push(...vocabulary.notes);
    if (vocabulary.addSpacePrefix) notes.push(...symbolNotes(tokenizer));
    metadata.set('tokenizer.ggml.pre', { type: 'string', value: 'default' });
    metadata.set('tokenizer.ggml.tokens', { type: 'array', of: 'string', value: texts });
    const scores = scoresById(texts, types, vocabulary.scores);
    metadata.set('tokenizer.ggml.scores', { type: 'array', of: 'float32', value: scores });
    metadata.set('tokenizer.ggml.token_type', { type: 'array', of: 'int32', value: types });
    metadata.set('tokenizer.ggml.add_space_prefix', { type: 'bool', value: vocabulary.addSpacePrefix });
  }
  notes.push(...addedTokenNotes(tokenizer));
  const special = await specialTokens(directory, tokenizer, ids, config);
  for (const [key, value] of special.metadata) metadata.set(key, value);
  notes.push(...special.notes);
  if (special.end === null) {
    notes.push(`The model has no end token; llama.cpp takes ${JSON.stringify(texts[DEFAULT_END_IDS[kind]])} for it.`);
  }
  for (const [key, value] of templateMetadata(await readChatTemplates(directory))) metadata.set(key, value);
  return { metadata, notes };
}

function refuseVariants({ model }: BytePairTokenizer): void {
  const variants: [boolean, string][] = [
    [(model.dropout ?? 0) > 0, `merges that are left out at random (dropout ${model.dropout})`],
    [Boolean(model.continuing_subword_prefix), `a prefix within words (${JSON.stringify(model.continuing_subword_prefix)})`],
    [Boolean(model.end_of_word_suffix), `an ending of words (${JSON.stringify(model.end_of_word_suffix)})`],
  ];
  for (const [isMet, found] of variants) {
    if (isMet) {
      throw new StrataError('UNSUPPORTED', 'GGUF has no tokenizer of this kind that gives the same tokens.', {
        found,
        allowed: 'none',
        hint: 'Export it as a Hugging Face folder instead.',
      });
    }
  }
}

/** The text of each id up to the model's vocabulary; ids without a token get a name that no text has. */
function textsById({ model, addedTokens }: BytePairTokenizer, size: number): string[] {
  const texts = Array.from({ length: size }, (_, id) => `[PAD${id}]`);
  const put = (id: number, text: string): void => {
    if (id >= size || !text.isWellFormed()) {
      throw new StrataError('CORRUPT', 'tokenizer.json is not the one that belongs to these weights.', {
        found: `the token ${JSON.stringify(text)} with the id ${id}`,
        allowed: `well-formed text and ids up to ${size - 1}, the model's vocabulary`,
        hint: 'Import the model again with the tokenizer that was saved with its weights.',
      });
    }
    texts[id] = text;
  };
  for (const [text, id] of Object.entries(model.vocab)) put(id, text);
  // llama.cpp looks for these in the text as it is, the library in the text with marks for blanks.
  for (const { id, content, normalized } of addedTokens) put(id, normalized ? content.replaceAll('▁', ' ') : content);
  return texts;
}

/** llama.cpp ends when two ids have the same text. */
function idsByText(texts: readonly string[]): Map<string, number> {
  const ids = new Map<string, number>();
  for (const [id, text] of texts.entries()) {
    if (ids.has(text)) {
      throw new StrataError('UNSUPPORTED', 'llama.cpp loads no vocabulary in which two ids have the same text.', {
        found: `${JSON.stringify(text)} as ${ids.get(text)} and ${id}`,
        allowed: 'one id for each text',
        hint: 'Export it as a Hugging Face folder instead.',
      });
    }
    ids.set(text, id);
  }
  return ids;
}

const BYTE_PIECES: ReadonlySet<string> = new Set(Array.from({ length: 256 }, (_, byte) => bytePiece(byte)));

function tokenTypes({ model, addedTokens }: BytePairTokenizer, texts: readonly string[], kind: 'llama' | 'gpt2'): number[] {
  const known = new Set(Object.values(model.vocab));
  const added = new Map(addedTokens.map((token) => [token.id, token]));
  return texts.map((text, id) => {
    const token = added.get(id);
    if (kind === 'llama' && text === model.unk_token) return GGUF_TOKEN_TYPES.unknown;
    if (token) return token.special ? GGUF_TOKEN_TYPES.control : GGUF_TOKEN_TYPES.userDefined;
    if (!known.has(id)) return GGUF_TOKEN_TYPES.unused;
    return kind === 'llama' && BYTE_PIECES.has(text) ? GGUF_TOKEN_TYPES.byte : GGUF_TOKEN_TYPES.normal;
  });
}

/** Merged pieces in their order, then single characters, then what no text spells. */
function scoresById(texts: readonly string[], types: readonly number[], made: ReadonlyMap<string, number>): number[] {
  return texts.map((text, id) => {
    if (types[id] === GGUF_TOKEN_TYPES.unknown || types[id] === GGUF_TOKEN_TYPES.byte) return 0;
    if (types[id] !== GGUF_TOKEN_TYPES.normal) return RESERVED_SCORE;
    return made.get(text) ?? -(made.size + id);
  });
}

/** The first of these tokens. */
function some(tokens: readonly { content: string }[]): string {
  return tokens
    .map(({ content }) => JSON.stringify(content))
    .slice(0, 5)
    .join(', ');
}

/** SentencePiece puts a blank before a text only, llama.cpp also behind each user-defined symbol. */
function symbolNotes({ addedTokens, model }: BytePairTokenizer): string[] {
  const symbols = addedTokens.filter(({ special }) => !special);
  if (model[SENTENCEPIECE_FIELD] === undefined || symbols.length === 0) return [];
  return [`llama.cpp puts a blank behind ${some(symbols)}; SentencePiece, and so Strata, does not.`];
}

function addedTokenNotes({ addedTokens }: BytePairTokenizer): string[] {
  const notes: string[] = [];
  const strips = addedTokens.filter(({ lstrip, rstrip }) => lstrip || rstrip);
  if (strips.length > 0) notes.push(`${some(strips)} would take blanks beside them along; llama.cpp keeps the blanks.`);
  const words = addedTokens.filter((token) => token.single_word);
  if (words.length > 0) notes.push(`${some(words)} would be found as whole words only; llama.cpp finds them within words too.`);
  return notes;
}

/** A special token in tokenizer_config.json: its text, or an object that has it. */
const namedToken = z.union([z.string(), z.object({ content: z.string() }).transform(({ content }) => content)]);
const tokenId = z.union([z.int(), z.array(z.int()).min(1)]);

async function specialTokens(
  directory: string,
  tokenizer: BytePairTokenizer,
  ids: ReadonlyMap<string, number>,
  config: LlamaConfig,
): Promise<{ metadata: Map<string, GgufMetadata>; notes: string[]; end: number | null }> {
  const settings = (await readSettings(join(directory, 'tokenizer_config.json'))) ?? {};
  const generation = (await readSettings(join(directory, 'generation_config.json'))) ?? {};
  const named = (key: string): number | null => {
    const text = namedToken.safeParse(settings[key]);
    return text.success ? (ids.get(text.data) ?? null) : null;
  };
  const { before, after } = tokensAround(tokenizer.postProcessors, ids);
  const start = before ?? named('bos_token') ?? config.bosTokenId;
  const end = after ?? named('eos_token') ?? config.eosTokenId;
  const unknown = (tokenizer.model.unk_token ? ids.get(tokenizer.model.unk_token) : null) ?? named('unk_token');
  const ends = tokenId.safeParse(generation.eos_token_id);
  const turnEnd = ends.success ? [ends.data].flat().find((id) => id !== end && id >= 0 && id < config.vocabularySize) : undefined;
  const metadata = new Map<string, GgufMetadata>();
  const put = (key: string, id: number | null | undefined): void => {
    if (id !== null && id !== undefined) metadata.set(`tokenizer.ggml.${key}_token_id`, { type: 'uint32', value: id });
  };
  put('bos', start);
  put('eos', end);
  put('eot', turnEnd);
  put('unknown', unknown);
  put('padding', named('pad_token'));
  metadata.set('tokenizer.ggml.add_bos_token', { type: 'bool', value: before !== null });
  metadata.set('tokenizer.ggml.add_eos_token', { type: 'bool', value: after !== null });
  const wanted = named('bos_token');
  const notes =
    before !== null && wanted !== null && before !== wanted
      ? [`Its texts begin with token ${before}, which llama.cpp takes for the start token, instead of ${wanted}.`]
      : [];
  return { metadata, notes, end };
}

/** The tokens that the tokenizer puts around a text; llama.cpp knows one on each side. */
function tokensAround(processors: readonly Step[], ids: ReadonlyMap<string, number>): { before: number | null; after: number | null } {
  const before: number[] = [];
  const after: number[] = [];
  for (const step of processors) {
    if (step.type === 'ByteLevel') continue;
    const template = step.type === 'TemplateProcessing' ? templateSchema.safeParse(step) : null;
    if (!template?.success) {
      throw new StrataError('UNSUPPORTED', 'llama.cpp does not put the same special tokens around a text.', {
        found: `the post-processor ${JSON.stringify(step).slice(0, 120)}`,
        allowed: 'none, ByteLevel, or TemplateProcessing',
        hint: 'Export it as a Hugging Face folder instead.',
      });
    }
    const place = template.data.single.findIndex((part) => part.Sequence !== undefined);
    for (const [index, { SpecialToken: token }] of template.data.single.entries()) {
      if (!token) continue;
      const id = template.data.special_tokens[token.id]?.ids ?? [ids.get(token.id) ?? -1];
      (index < place ? before : after).push(...id);
    }
  }
  if (before.length > 1 || after.length > 1 || [...before, ...after].some((id) => id < 0 || id >= ids.size)) {
    throw new StrataError('UNSUPPORTED', 'llama.cpp does not put the same special tokens around a text.', {
      found: `tokens ${before.join(', ') || '(none)'} before it and ${after.join(', ') || '(none)'} after it`,
      allowed: 'one of the vocabulary on each side, or none',
      hint: 'Export it as a Hugging Face folder instead.',
    });
  }
  return { before: before[0] ?? null, after: after[0] ?? null };
}

const templateSchema = z.object({
  single: z.array(z.object({ SpecialToken: z.object({ id: z.string() }).optional(), Sequence: z.unknown().optional() })),
  special_tokens: z.record(z.string(), z.object({ ids: z.array(z.int()) })).default({}),
});

function templateMetadata(templates: ReadonlyMap<string, string>): Map<string, GgufMetadata> {
  const metadata = new Map<string, GgufMetadata>();
  const names: string[] = [];
  for (const [name, value] of templates) {
    const safe = name.replaceAll(/[^A-Za-z0-9]/g, '_'); // as the gguf package writes names into a key
    if (name !== 'default') names.push(safe);
    metadata.set(name === 'default' ? 'tokenizer.chat_template' : `tokenizer.chat_template.${safe}`, { type: 'string', value });
  }
  if (names.length > 0) metadata.set('tokenizer.chat_templates', { type: 'array', of: 'string', value: names });
  return metadata;
}
