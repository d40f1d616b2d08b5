import { idsOfBytes, missingToken, type TokenModel } from './byte-pair-model.ts';
import { flag, type JsonObject } from './json-fields.ts';
import { TextTrie } from './text-trie.ts';
import { optionalId, readScores, type Vocabulary } from './vocabulary.ts';

/** What an unknown character costs beyond the least likely piece. */
const UNKNOWN_PENALTY = 10;

/**
 * Kudo's unigram model: of all ways to make a text of pieces, the one with the largest sum of scores.
 * @throws Error for a damaged model.
 */
export function unigramModel(json: JsonObject, vocabulary: Vocabulary): TokenModel {
  const scores = readScores(json);
  const unknownId = optionalId(json.unk_id, 'unk_id', scores.length);
  const byteIds = flag(json, 'byte_fallback', false) ? idsOfBytes(vocabulary) : null;
  const pieces = new TextTrie();
  for (const [text, id] of vocabulary) pieces.set(text, id);
  const unknownScore = scores.reduce((least, score) => Math.min(least, score), Infinity) - UNKNOWN_PENALTY;

  const idsOf = (text: string): number[] => {
    const id = vocabulary.get(text);
    if (id !== undefined) return [id];
    const bytes = byteIds && Array.from(encoder.encode(text), (byte) => byteIds[byte]!);
    if (bytes?.every((byteId) => byteId >= 0)) return bytes;
    if (unknownId === null) throw missingToken(text);
    return [unknownId];
  };
  return {
    encode: (text, ids) => {
      const { begins, last } = bestPath(text, pieces, scores, unknownScore, unknownId);
      const found: string[] = [];
      let unknownEnd: number | null = null; // unknown pieces side by side are one
      let end = text.length;
      while (end > 0) {
        const begin = begins[end]!;
        if (last[end] === unknownId) unknownEnd ??= end;
        else {
          if (unknownEnd !== null) found.push(text.slice(end, unknownEnd));
          unknownEnd = null;
          found.push(text.slice(begin, end));
        }
        end = begin;
      }
      if (unknownEnd !== null) found.push(text.slice(0, unknownEnd));
      for (const piece of found.reverse()) for (const id of idsOf(piece)) ids.push(id);
    },
  };
}

const encoder = new TextEncoder();
const UNREACHED = -1;

/** For each end of a piece: where the piece of the best way begins, and its id. */
function bestPath(
  text: string,
  pieces: TextTrie,
  scores: Float64Array,
  unknownScore: number,
  unknownId: number | null,
): { begins: Int32Array; last: Int32Array } {
  const begins = new Int32Array(text.length + 1).fill(UNREACHED);
  const last = new Int32Array(text.length + 1);
  const best = new Float64Array(text.length + 1);
  for (let begin = 0; begin < text.length;) {
    const step = text.codePointAt(begin)! > 0xffff ? 2 : 1;
    const here = best[begin]!;
    let hasSingle = false;
    const offer = (end: number, id: number, score: number): void => {
      const candidate = here + score;
      if (begins[end] !== UNREACHED && candidate <= best[end]!) return;
      begins[end] = begin;
      last[end] = id;
      best[end] = candidate;
    };
    pieces.eachAt(text, begin, (end, id) => {
      offer(end, id, scores[id]!);
      if (end === begin + step) hasSingle = true;
    });
    if (!hasSingle) {
      if (unknownId === null) throw missingToken(text.slice(begin, begin + step));
      offer(begin + step, unknownId, unknownScore);
    }
    begin += step;
  }
  return { begins, last };
}
