import { fromByteLetters } from './byte-letters.ts';

/** A token that stands for one byte, where a character has no token of its own. */
const BYTE_TOKEN = /^<0x[0-9A-Fa-f]{2}>$/;

interface Tokens {
  /** Of each id, as the vocabulary writes it. */
  texts: ReadonlyMap<number, string>;
  isSpecial: (id: number) => boolean;
  decode: (ids: readonly number[]) => string;
  /** Whether tokens are written in GPT-2's letters for bytes. */
  isByteLevel: boolean;
}

/**
 * How many bytes of UTF-8 a token stands for: those of all tokens of a text add up to the text's, as the tokenizer normalises it. Special
 * tokens stand for none. What a token is decoded to beside others tells it, because a blank that is only put in front of a text is none of it.
 * @returns a function of the id and of whether the token is the first of its text.
 */
export function tokenBytes({ texts, isSpecial, decode, isByteLevel }: Tokens): (id: number, isFirst: boolean) => number {
  const known = [new Map<number, number>(), new Map<number, number>()] as const;
  const letter = isByteLevel ? undefined : [...texts.keys()].find((id) => !isSpecial(id) && /^[a-z]$/.test(decode([id])));
  const count = (id: number, isFirst: boolean): number => {
    const text = texts.get(id);
    if (text === undefined || isSpecial(id)) return 0;
    if (isByteLevel) return fromByteLetters(text)?.length ?? Buffer.byteLength(text);
    if (BYTE_TOKEN.test(text)) return 1;
    if (isFirst || letter === undefined) return Buffer.byteLength(decode([id]));
    return Buffer.byteLength(decode([letter, id])) - 1;
  };
  return (id, isFirst) => {
    const of = known[isFirst ? 1 : 0];
    const bytes = of.get(id) ?? count(id, isFirst);
    of.set(id, bytes);
    return bytes;
  };
}
