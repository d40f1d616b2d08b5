import { missingToken, type TokenModel } from './byte-pair-model.ts';
import { mergeMany, mergePairs, MergeTable } from './merge-pairs.ts';
import type { SentencePiece, SentencePieceModel } from './sentencepiece-json.ts';
import { TextTrie } from './text-trie.ts';

/**
 * SentencePiece's own models. Ordinary text is never a control, unknown or byte piece; a user-defined symbol is one piece wherever it stands; an
 * unused piece does not come out.
 */
export function sentencePieceTokenModel(model: SentencePieceModel): TokenModel {
  return model.kind === 'BPE' ? bytePairs(model) : unigrams(model);
}

/** Unigram: what an unknown character costs beyond the least likely piece. */
const UNKNOWN_PENALTY = 10;
/** What SentencePiece begins its search for the largest score with (C's FLT_MIN). */
const SMALLEST_FLOAT = 2 ** -126;

/** Appends the ids of a text without a piece: its bytes, or the unknown piece, one for a whole row of such texts. */
function unknownText({ pieces, unknownId }: SentencePieceModel): (text: string, followsUnknown: boolean, ids: number[]) => void {
  const byteIds = new Int32Array(256).fill(-1);
  for (const [id, { text, type }] of pieces.entries()) if (type === 'byte') byteIds[parseInt(text.slice(3, 5), 16)] = id;
  const hasBytes = byteIds.every((id) => id >= 0);
  return (text, followsUnknown, ids) => {
    if (hasBytes) for (const byte of Buffer.from(text)) ids.push(byteIds[byte]!);
    else if (unknownId === null) throw missingToken(text);
    else if (!followsUnknown) ids.push(unknownId);
  };
}

/**
 * The way with the largest sum of scores. Sums are rounded to 32 bits where SentencePiece keeps them so: which of two ways with almost the same
 * sum is taken hangs on it.
 */
function unigrams(model: SentencePieceModel): TokenModel {
  const { pieces } = model;
  const normal = pieces.filter(({ type }) => type === 'normal').map(({ score }) => score);
  const largest = normal.reduce((most, score) => Math.max(most, score), SMALLEST_FLOAT);
  const least = normal.reduce((least, score) => Math.min(least, score), Infinity);
  const unknownScore = Math.fround(least - UNKNOWN_PENALTY);
  const trie = new TextTrie();
  for (const [id, { text, type }] of pieces.entries()) if (type === 'normal' || type === 'userDefined') trie.set(text, id);
  // A user-defined symbol is better than all other ways to spell its text.
  const scores = Float64Array.from(pieces, ({ text, score, type }) =>
    type === 'userDefined' ? Math.fround(Buffer.byteLength(text) * largest) - 0.1 : score,
  );
  const addUnknown = unknownText(model);
  return {
    encode: (text, ids) => {
      const begins = new Int32Array(text.length + 1).fill(UNREACHED);
      const last = new Int32Array(text.length + 1);
      const best = new Float32Array(text.length + 1);
      for (let begin = 0; begin < text.length;) {
        const single = begin + (text.codePointAt(begin)! > 0xffff ? 2 : 1);
        const here = best[begin]!;
        let hasSingle = false;
        const offer = (end: number, id: number, sum: number): void => {
          if (begins[end] !== UNREACHED && sum <= best[end]!) return;
          begins[end] = begin;
          last[end] = id;
          best[end] = sum;
        };
        trie.eachAt(text, begin, (end, id) => {
          offer(end, id, scores[id]! + here);
          if (end === single) hasSingle = true;
        });
        if (!hasSingle) offer(single, UNKNOWN, Math.fround(unknownScore + here));
        begin = single;
      }
      const ends: number[] = [];
      for (let end = text.length; end > 0; end = begins[end]!) ends.push(end);
      let followsUnknown = false;
      for (const end of ends.reverse()) {
        const isUnknown = last[end] === UNKNOWN;
        if (isUnknown) addUnknown(text.slice(begins[end], end), followsUnknown, ids);
        else ids.push(last[end]!);
        followsUnknown = isUnknown;
      }
    },
  };
}

const UNREACHED = -1;
/** In place of the id of a character without a piece. */
const UNKNOWN = -1;

/**
 * Joins, again and again, the neighbours whose joined text is a piece with the largest score, of equal scores the leftmost. An unused piece is
 * joined too, and taken apart again at the end.
 */
function bytePairs(model: SentencePieceModel): TokenModel {
  const { pieces } = model;
  const symbols = new TextTrie();
  let hasSymbols = false;
  const known = new Map<string, number>();
  for (const [id, { text, type }] of pieces.entries()) {
    if (type === 'normal' || type === 'unused') known.set(text, id);
    if (type !== 'userDefined') continue;
    symbols.set(text, id);
    hasSymbols = true;
  }
  /** Characters that are in pieces, but are none: they have ids behind those of the pieces. */
  const characters: string[] = [];
  const merges = mergesOf(pieces, known, characters);
  const characterIds = new Map(known);
  for (const [index, character] of characters.entries()) characterIds.set(character, pieces.length + index);
  const isUnused = (id: number): boolean => pieces[id]?.type === 'unused';
  const hasUnused = pieces.some(({ type }) => type === 'unused');
  const addUnknown = unknownText(model);

  /** Ids of joined text between symbols. Characters that are in no piece at all get ids from this list's end on. */
  const encodeBetween = (text: string, state: { followsUnknown: boolean }, ids: number[]): void => {
    const first: number[] = [];
    const strange: string[] = [];
    for (const character of text) {
      const id = characterIds.get(character);
      if (id === undefined) first.push(pieces.length + characters.length + strange.push(character) - 1);
      else first.push(id);
    }
    /** Of an unused piece what it was made of. */
    const parts = new Map<number, readonly [number, number]>();
    const joined = hasUnused
      ? mergeMany(first, merges, (left, right, result) => isUnused(result) && parts.set(result, [left, right]))
      : mergePairs(first, merges);
    const add = (id: number): void => {
      const pair = isUnused(id) ? parts.get(id) : undefined;
      if (pair) {
        add(pair[0]);
        add(pair[1]);
        return;
      }
      const isPiece = id < pieces.length;
      if (isPiece) ids.push(id);
      else addUnknown(characters[id - pieces.length] ?? strange[id - pieces.length - characters.length]!, state.followsUnknown, ids);
      state.followsUnknown = !isPiece;
    };
    for (const id of joined) add(id);
  };

  return {
    encode: (text, ids) => {
      const state = { followsUnknown: false };
      let done = 0;
      for (let begin = 0; hasSymbols && begin < text.length;) {
        let [end, symbol] = [begin, -1];
        symbols.eachAt(text, begin, (place, id) => ([end, symbol] = [place, id]));
        if (symbol === -1) {
          begin += text.codePointAt(begin)! > 0xffff ? 2 : 1;
          continue;
        }
        if (done < begin) encodeBetween(text.slice(done, begin), state, ids);
        ids.push(symbol);
        state.followsUnknown = false;
        begin = done = end;
      }
      if (done < text.length) encodeBetween(text.slice(done), state, ids);
    },
  };
}

/**
 * Every way to join two pieces, or characters, into a piece. Pieces of the same score have the same rank.
 * @param characters gets those that are no piece.
 */
function mergesOf(pieces: readonly SentencePiece[], known: ReadonlyMap<string, number>, characters: string[]): MergeTable {
  const characterIds = new Map<string, number>();
  const partId = (text: string): number | undefined => {
    const id = known.get(text) ?? characterIds.get(text);
    if (id !== undefined || [...text].length !== 1) return id;
    const added = pieces.length + characters.push(text) - 1;
    characterIds.set(text, added);
    return added;
  };
  const scores = [...new Set(Array.from(known.values(), (id) => pieces[id]!.score))].sort((a, b) => b - a);
  const ranks = new Map(scores.map((score, rank) => [score, rank]));
  const merges: [left: number, right: number, result: number][] = [];
  for (const [text, id] of known) {
    let cut = 0;
    for (const character of text) {
      cut += character.length;
      if (cut === text.length) break;
      const [left, right] = [partId(text.slice(0, cut)), partId(text.slice(cut))];
      if (left !== undefined && right !== undefined) merges.push([left, right, id]);
    }
  }
  const table = new MergeTable(merges.length);
  for (const [left, right, result] of merges) table.set(left, right, ranks.get(pieces[result]!.score)!, result);
  return table;
}
