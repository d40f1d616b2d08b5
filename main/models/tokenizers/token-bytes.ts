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
 * Bytes of UTF-8 that a token stands for.
 * @param leading the ids before it in its text, where all of them stand for no byte; null in the middle of a text.
 */
export type ByteLength = (id: number, leading: readonly number[] | null) => number;

/**
 * How many bytes tokens stand for: those of all tokens of a text add up to the text's, as the tokenizer normalises it. Special tokens stand for
 * none. What a token is decoded to beside others tells it, because a blank that is only put in front of a text is none of it.
 */
export function tokenBytes({ texts, isSpecial, decode, isByteLevel }: Tokens): ByteLength {
  const known = new Map<string, number>();
  const letter = isByteLevel ? undefined : [...texts.keys()].find((id) => !isSpecial(id) && /^[a-z]$/.test(decode([id])));
  const decodedBehind = (before: readonly number[], id: number): number =>
    Buffer.byteLength(decode([...before, id])) - Buffer.byteLength(decode(before));
  const count: ByteLength = (id, leading) => {
    const text = texts.get(id);
    if (text === undefined || isSpecial(id)) return 0;
    if (isByteLevel) return fromByteLetters(text)?.length ?? Buffer.byteLength(text);
    if (BYTE_TOKEN.test(text)) return 1;
    return decodedBehind(leading ?? (letter === undefined ? [] : [letter]), id);
  };
  return (id, leading) => {
    const key = leading ? `${id} ${leading.join(' ')}` : `${id}`;
    const bytes = known.get(key) ?? count(id, leading);
    known.set(key, bytes);
    return bytes;
  };
}
