import type { AddedTokenFinder } from './added-tokens.ts';
import type { TokenModel } from './byte-pair-model.ts';
import type { Normalizer } from './normalizers.ts';
import type { PreTokenizer } from './pre-tokenizers.ts';

/** Characters, each standing for a text that is not interpreted: the name of a special token in what a user wrote. */
export type Literals = ReadonlyMap<string, string>;
export const NO_LITERALS: Literals = new Map();

/** A range of a text: from the first character to before the last. */
export type Span = readonly [begin: number, end: number];

/** The steps from a text to ids, in the library's order. */
export interface EncodingSteps {
  asWritten: AddedTokenFinder;
  asNormalized: AddedTokenFinder;
  normalize: Normalizer | null;
  cut: PreTokenizer | null;
  model: TokenModel;
  /** The token of what the vocabulary does not have; one may stand for a whole row of characters. */
  unknownId: number | null;
}

export class TextEncoder {
  readonly #steps: EncodingSteps;

  constructor(steps: EncodingSteps) {
    this.#steps = steps;
  }

  /** Appends the ids of a text. @param findsSpecial whether the names of special tokens become them. */
  encode(text: string, findsSpecial: boolean, ids: number[]): void {
    this.#steps.asWritten.eachStretch(text, findsSpecial, (begin, end, id) => {
      if (id === null) this.#encodeStretch(text.slice(begin, end), begin === 0, findsSpecial, NO_LITERALS, ids);
      else ids.push(id);
    });
  }

  /**
   * The ids of a text, and of each whether a character of it lies in one of the spans.
   * @param spans in their order, apart from each other, counted in the given text.
   */
  encodeSpans(text: string, spans: readonly Span[], findsSpecial: boolean, literals: Literals): { ids: number[]; inSpan: Uint8Array } {
    const ids: number[] = [];
    const edges = spans.filter(([begin, end]) => begin < end).flat();
    /** For each edge, the tokens that end before it, and those that begin before it. */
    const places: { before: number; begun: number }[] = [];
    this.#steps.asWritten.eachStretch(text, findsSpecial, (begin, end, id) => {
      const first = ids.length;
      if (id === null) this.#encodeStretch(text.slice(begin, end), begin === 0, findsSpecial, literals, ids);
      else ids.push(id);
      for (let edge = edges[places.length]; edge !== undefined && edge < end; edge = edges[places.length]) {
        if (edge <= begin) places.push({ before: first, begun: first });
        else if (id !== null) places.push({ before: first, begun: ids.length });
        else {
          const within = this.#placeWithin(text.slice(begin, end), edge - begin, begin === 0, findsSpecial, literals, ids.slice(first));
          places.push({ before: first + within.before, begun: first + within.begun });
        }
      }
    });
    while (places.length < edges.length) places.push({ before: ids.length, begun: ids.length });
    const inSpan = new Uint8Array(ids.length);
    for (let index = 0; index < places.length; index += 2) inSpan.fill(1, places[index]!.before, places[index + 1]!.begun);
    return { ids, inSpan };
  }

  /**
   * Where an edge inside a stretch lies among its ids: between two tokens, or in one, which then begins at the last place before the edge that
   * lies between two.
   */
  #placeWithin(
    stretch: string,
    edge: number,
    beginsText: boolean,
    findsSpecial: boolean,
    literals: Literals,
    whole: readonly number[],
  ): { before: number; begun: number } {
    const idsOf = (begin: number, end: number): number[] => {
      const ids: number[] = [];
      this.#encodeStretch(stretch.slice(begin, end), beginsText && begin === 0, findsSpecial, literals, ids);
      return ids;
    };
    for (let place = edge; place > 0; place--) {
      const before = this.#tokensBefore(stretch, place, idsOf, whole);
      if (before === null) continue;
      if (place < edge) return { before, begun: before + 1 };
      const next = place + (stretch.codePointAt(place)! > 0xffff ? 2 : 1);
      // A row of unknown characters may have one token, which does not show where it ends.
      const goesOn = before > 0 && whole[before - 1] === this.#steps.unknownId && idsOf(0, next).length === before;
      return { before: before - (goesOn ? 1 : 0), begun: before };
    }
    return { before: 0, begun: 1 };
  }

  /**
   * How many tokens end at a place of a stretch; null where one goes across it. None does exactly when merging left and right of the place went
   * on without the other. That shows in what is before the place having, alone, the ids that it has in the whole; or, where words are cut with a
   * look at what follows them (a line end before a letter), in what is behind it having them.
   */
  #tokensBefore(stretch: string, place: number, idsOf: (begin: number, end: number) => number[], whole: readonly number[]): number | null {
    const left = idsOf(0, place);
    if (left.every((id, index) => id === whole[index])) return left.length;
    const right = idsOf(place, stretch.length);
    const endsWith = (ids: readonly number[]): boolean => ids.every((id, index) => id === whole[whole.length - ids.length + index]);
    if (!endsWith(right) || !this.#isNormalizedApart(stretch, place)) return null;
    // Where a blank is put before every text, the blank before the place may be the one of the right part's first token.
    const more = idsOf(place - 1, stretch.length);
    return more.length === right.length && endsWith(more) ? null : whole.length - right.length;
  }

  #isNormalizedApart(stretch: string, place: number): boolean {
    const { normalize } = this.#steps;
    return normalize === null || normalize(stretch.slice(0, place)) + normalize(stretch.slice(place)) === normalize(stretch);
  }

  #encodeStretch(stretch: string, beginsText: boolean, findsSpecial: boolean, literals: Literals, ids: number[]): void {
    const { normalize, asNormalized, cut, model } = this.#steps;
    const normalized = normalize ? normalize(stretch) : stretch;
    asNormalized.eachStretch(normalized, findsSpecial, (begin, end, id) => {
      if (id !== null) {
        ids.push(id);
        return;
      }
      const inner = this.#withLiterals(normalized.slice(begin, end), literals);
      const pieces = cut ? cut({ texts: [inner], beginsText: beginsText && begin === 0 }).texts : [inner];
      for (const piece of pieces) model.encode(piece, ids);
    });
  }

  /** A normalised text with what its characters stand for, normalised as it would be in the middle of a text. */
  #withLiterals(text: string, literals: Literals): string {
    const { normalize } = this.#steps;
    let result = text;
    for (const [character, literal] of literals) {
      if (!result.includes(character)) continue;
      const between = normalize ? normalize(character + literal + character) : character + literal + character;
      result = result.replaceAll(character, between.slice(between.indexOf(character) + 1, between.lastIndexOf(character)));
    }
    return result;
  }
}
