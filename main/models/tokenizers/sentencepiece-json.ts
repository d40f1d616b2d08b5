/**
 * tokenizer.json from the pieces and scores of a SentencePiece model, as transformers' converters of LLaMA tokenizers make it, with two
 * things put right: extra blanks are removed where the model says so (the converters forget it), and the text of a control piece such as
 * `</s>` is not made out of ordinary characters where the pieces spell them. It is as near to SentencePiece as the format allows; the model's
 * file goes with it, from which Strata computes the ids of SentencePiece itself.
 */

export type SentencePieceType = 'normal' | 'unknown' | 'control' | 'userDefined' | 'unused' | 'byte';

export interface SentencePiece {
  text: string;
  /** BPE: the best is merged first. Unigram: the logarithm of the piece's probability. */
  score: number;
  type: SentencePieceType;
}

export interface SentencePieceModel {
  /** In the order of their ids. */
  pieces: SentencePiece[];
  kind: 'BPE' | 'Unigram';
  /** Whether a blank is put before a text. */
  addDummyPrefix: boolean;
  /** Whether blanks at both ends go, and several blanks become one. */
  removeExtraWhitespaces: boolean;
  /** SentencePiece's compiled table of replaced characters (NFKC and the like); null: characters stay as they are. */
  normalizerMap: Uint8Array | null;
  /** Whether a text gets the start or end token when it is encoded. */
  addBos: boolean;
  addEos: boolean;
  bosId: number | null;
  eosId: number | null;
  unknownId: number | null;
}

/** SentencePiece's mark of a blank. */
export const BLANK = '▁';
/** Kinds of pieces that come out of text; the others have their text as a name only. */
const TEXT_TYPES: readonly SentencePieceType[] = ['normal', 'userDefined', 'unused'];
/** What SentencePiece takes off the lowest score for a character without a piece. */
const UNKNOWN_PENALTY = 10;
/** Begin and end of the whole text, written so that regular expressions of every kind understand it. */
const [TEXT_BEGIN, TEXT_END] = ['(?<![\\s\\S])', '(?![\\s\\S])'];

/** Where the model of a tokenizer.json holds the tokenizer.model that it was made from. Programs that do not know the field pass it over. */
export const SENTENCEPIECE_FIELD = 'sentencepiece_model';

/**
 * The content of tokenizer.json. Ids are places in `pieces`; of two pieces with the same text the later one is used.
 * @param file the tokenizer.model; null where there is none.
 */
export function sentencePieceTokenizerJson(model: SentencePieceModel, file: Uint8Array | null = null): object {
  const made = model.kind === 'BPE' ? bytePairModel(model) : unigramModel(model);
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokens(model.pieces),
    normalizer: { type: 'Sequence', normalizers: normalizers(model) },
    pre_tokenizer: null,
    post_processor: postProcessor(model),
    decoder: decoder(model),
    model: file ? { ...made, [SENTENCEPIECE_FIELD]: Buffer.from(file).toString('base64') } : made,
  };
}

function addedTokens(pieces: readonly SentencePiece[]): object[] {
  return [...pieces.entries()]
    .filter(([, { type }]) => type === 'unknown' || type === 'control' || type === 'userDefined')
    .map(([id, { text, type }]) => ({
      id,
      content: text,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: type !== 'userDefined',
    }));
}

function normalizers({ addDummyPrefix, removeExtraWhitespaces, normalizerMap }: SentencePieceModel): object[] {
  const replace = (pattern: object, content: string): object => ({ type: 'Replace', pattern, content });
  return [
    ...(normalizerMap ? [{ type: 'Precompiled', precompiled_charsmap: Buffer.from(normalizerMap).toString('base64') }] : []),
    ...(removeExtraWhitespaces
      ? [
          replace({ Regex: `${TEXT_BEGIN} +` }, ''),
          // SentencePiece removes the mark itself too, at the end only. Tried at the start of each row alone: else the time is quadratic.
          replace({ Regex: `(?<![ ${BLANK}])[ ${BLANK}]+${TEXT_END}` }, ''),
          replace({ Regex: ' {2,}' }, ' '),
        ]
      : []),
    ...(addDummyPrefix ? [{ type: 'Prepend', prepend: BLANK }] : []),
    replace({ String: ' ' }, BLANK),
  ];
}

function postProcessor({ pieces, addBos, addEos, bosId, eosId }: SentencePieceModel): object {
  const start = addBos && bosId !== null ? { id: bosId, text: pieces[bosId]!.text } : null;
  const end = addEos && eosId !== null ? { id: eosId, text: pieces[eosId]!.text } : null;
  const around = (sequence: 'A' | 'B', type: number): object[] => [
    ...(start ? [{ SpecialToken: { id: start.text, type_id: type } }] : []),
    { Sequence: { id: sequence, type_id: type } },
    ...(end ? [{ SpecialToken: { id: end.text, type_id: type } }] : []),
  ];
  const used = [start, end].filter((token) => token !== null);
  return {
    type: 'TemplateProcessing',
    single: around('A', 0),
    pair: [...around('A', 0), ...around('B', 1)],
    special_tokens: Object.fromEntries(used.map(({ id, text }) => [text, { id: text, ids: [id], tokens: [text] }])),
  };
}

function decoder({ addDummyPrefix }: SentencePieceModel): object {
  return {
    type: 'Sequence',
    decoders: [
      { type: 'Replace', pattern: { String: BLANK }, content: ' ' },
      { type: 'ByteFallback' },
      { type: 'Fuse' },
      ...(addDummyPrefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
    ],
  };
}

function bytePairModel({ pieces, unknownId }: SentencePieceModel): object {
  const vocabulary = Object.create(null) as Record<string, number>;
  for (const [id, { text }] of pieces.entries()) vocabulary[text] = id;
  return {
    type: 'BPE',
    dropout: null,
    unk_token: unknownId === null ? null : pieces[unknownId]!.text,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: true,
    byte_fallback: true,
    ignore_merges: false,
    vocab: vocabulary,
    merges: mergesOf(pieces),
  };
}

interface Merge {
  left: string;
  right: string;
  leftId: number;
  rightId: number;
  /** Characters of each. */
  leftLength: number;
  rightLength: number;
  score: number;
}

/**
 * Each way to join two pieces into a third: SentencePiece joins the neighbours whose joined piece has the best score, so merges are ranked
 * by it; for equal scores the longer left part goes first, as the converters order them.
 */
function mergesOf(pieces: readonly SentencePiece[]): [string, string][] {
  // Reserved pieces are neither parts nor results: their text is a name, not something that a text can spell.
  const known = new Map<string, { id: number; score: number }>();
  for (const [id, { text, score, type }] of pieces.entries()) {
    if (TEXT_TYPES.includes(type)) known.set(text, { id, score });
  }
  const merges: Merge[] = [];
  for (const [text, { score }] of known) {
    const found: Merge[] = [];
    const length = [...text].length;
    let [cut, leftLength] = [0, 0];
    for (const character of text) {
      cut += character.length;
      leftLength++;
      const [left, right] = [text.slice(0, cut), text.slice(cut)];
      const [leftPiece, rightPiece] = [known.get(left), known.get(right)];
      if (right === '' || !leftPiece || !rightPiece) continue;
      found.push({ left, right, leftId: leftPiece.id, rightId: rightPiece.id, leftLength, rightLength: length - leftLength, score });
    }
    merges.push(...found.sort((a, b) => a.leftId - b.leftId || a.rightId - b.rightId));
  }
  merges.sort((a, b) => b.score - a.score || b.leftLength - a.leftLength || b.rightLength - a.rightLength);
  return merges.map(({ left, right }) => [left, right]);
}

function unigramModel({ pieces, unknownId }: SentencePieceModel): object {
  const lowest = pieces.reduce((least, { score, type }) => (TEXT_TYPES.includes(type) ? Math.min(least, score) : least), 0);
  // SentencePiece never finds a reserved piece in text. The tokenizers library looks at scores alone: here they are below any other way to
  // spell them with pieces. Below a way with an unknown character they cannot be, as that costs more than the least score of all.
  const reserved = (text: string): number => [...text].length * (lowest - UNKNOWN_PENALTY) - 1;
  return {
    type: 'Unigram',
    unk_id: unknownId,
    vocab: pieces.map(({ text, score, type }) => [text, TEXT_TYPES.includes(type) ? score : reserved(text)]),
    byte_fallback: pieces.some(({ type }) => type === 'byte'),
  };
}
