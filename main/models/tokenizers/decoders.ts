import { fromByteLetters } from './byte-letters.ts';
import { asCount, asList, asObject, asText, type JsonObject } from './json-fields.ts';
import { oneCharacter, prependScheme } from './pre-tokenizers.ts';
import { replaceAll, textPattern } from './text-pattern.ts';
import { unknownPart } from './unknown-part.ts';

/** Changes the texts of tokens, so that joined they are the text. */
export type Decoder = (tokens: string[]) => string[];

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
const strictUtf8 = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });
const encoder = new TextEncoder();
/** `+` as Rust's numbers allow it. */
const BYTE_TOKEN = /^<0x([0-9A-Fa-f]{2}|\+[0-9A-Fa-f])>$/;

const MAKERS: Readonly<Record<string, (json: JsonObject) => Decoder>> = {
  Sequence: (json) => {
    const steps = asList(json.decoders, 'decoders').map(decoder);
    return (tokens) => steps.reduce((result, step) => step(result), tokens);
  },
  ByteLevel: () => (tokens) => [utf8.decode(joined(tokens.map((token) => fromByteLetters(token) ?? encoder.encode(token))))],
  ByteFallback: () => byteFallback,
  Fuse: () => (tokens) => [tokens.join('')],
  Replace: (json) => {
    const [pattern, content] = [textPattern(json.pattern), asText(json.content, 'content')];
    return (tokens) => tokens.map((token) => replaceAll(token, pattern, content));
  },
  Strip: (json) => {
    const content = oneCharacter(json.content, 'content');
    const [start, stop] = [asCount(json.start, 'start'), asCount(json.stop, 'stop')];
    return (tokens) => tokens.map((token) => stripped(token, content, start, stop));
  },
  Metaspace: (json) => {
    const mark = oneCharacter(json.replacement ?? '▁', 'replacement');
    const first = prependScheme(json) === 'never' ? ' ' : '';
    return (tokens) => tokens.map((token, place) => token.replaceAll(mark, () => (place === 0 ? first : ' ')));
  },
  BPEDecoder: (json) => {
    const suffix = asText(json.suffix ?? '</w>', 'suffix');
    return (tokens) => tokens.map((token, place) => token.replaceAll(suffix, () => (place === tokens.length - 1 ? '' : ' ')));
  },
};

/** @throws StrataError UNSUPPORTED for one of an unknown kind; Error for one that is damaged. */
export function decoder(json: unknown): Decoder {
  const object = asObject(json, 'a decoder');
  const make = Object.hasOwn(MAKERS, String(object.type)) ? MAKERS[String(object.type)] : undefined;
  if (!make) throw unknownPart('decoder', object.type, Object.keys(MAKERS));
  return make(object);
}

/** Rows of byte tokens become their text, or a replacement character for each byte where they are none. */
function byteFallback(tokens: string[]): string[] {
  const result: string[] = [];
  let bytes: number[] = [];
  const flush = (): void => {
    if (bytes.length > 0) result.push(...textOrReplacements(bytes));
    bytes = [];
  };
  for (const token of tokens) {
    const byte = BYTE_TOKEN.exec(token)?.[1];
    if (byte !== undefined) {
      bytes.push(parseInt(byte, 16));
      continue;
    }
    flush();
    result.push(token);
  }
  flush();
  return result;
}

function textOrReplacements(bytes: readonly number[]): string[] {
  try {
    return [strictUtf8.decode(Uint8Array.from(bytes))];
  } catch {
    return ['\uFFFD'.repeat(bytes.length)];
  }
}

/** Takes at most so many of a character off both ends. */
function stripped(token: string, content: string, start: number, stop: number): string {
  let [begin, end] = [0, token.length];
  for (let count = 0; count < start && token.startsWith(content, begin); count++) begin += content.length;
  for (let count = 0; count < stop && end > begin && token.endsWith(content, end); count++) end -= content.length;
  return token.slice(begin, end);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}
