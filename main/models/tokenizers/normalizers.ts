import { toByteLetters } from './byte-letters.ts';
import { asList, asObject, asText, flag, type JsonObject } from './json-fields.ts';
import { precompiledMap } from './precompiled-map.ts';
import { replaceAll, textPattern, WHITE_SPACE } from './text-pattern.ts';
import { unknownPart } from './unknown-part.ts';

/** Changes a text before it is cut. */
export type Normalizer = (text: string) => string;

const LEADING = new RegExp(`^${WHITE_SPACE}+`, 'u');
const TRAILING = new RegExp(`(?<!${WHITE_SPACE})${WHITE_SPACE}+$`, 'u');

const MAKERS: Readonly<Record<string, (json: JsonObject) => Normalizer>> = {
  Sequence: (json) => {
    const steps = asList(json.normalizers, 'normalizers').map(normalizer);
    return (text) => steps.reduce((result, step) => step(result), text);
  },
  NFC: () => (text) => text.normalize('NFC'),
  NFD: () => (text) => text.normalize('NFD'),
  NFKC: () => (text) => text.normalize('NFKC'),
  NFKD: () => (text) => text.normalize('NFKD'),
  // Letter by letter: a sigma at the end of a word is no special case.
  Lowercase: () => (text) => Array.from(text, (character) => character.toLowerCase()).join(''),
  Strip: (json) => {
    const [left, right] = [flag(json, 'strip_left', true), flag(json, 'strip_right', true)];
    return (text) => {
      const begun = left ? text.replace(LEADING, '') : text;
      return right ? begun.replace(TRAILING, '') : begun;
    };
  },
  StripAccents: () => (text) => text.replace(/\p{M}/gu, ''),
  Prepend: (json) => {
    const prefix = asText(json.prepend, 'prepend');
    return (text) => (text === '' ? '' : prefix + text);
  },
  Replace: (json) => {
    const [pattern, content] = [textPattern(json.pattern), asText(json.content, 'content')];
    return (text) => replaceAll(text, pattern, content);
  },
  ByteLevel: () => toByteLetters,
  Precompiled: (json) => precompiledMap(Buffer.from(asText(json.precompiled_charsmap, 'precompiled_charsmap'), 'base64')),
};

/** @throws StrataError UNSUPPORTED for one of an unknown kind; Error for one that is damaged. */
export function normalizer(json: unknown): Normalizer {
  const object = asObject(json, 'a normalizer');
  const make = Object.hasOwn(MAKERS, String(object.type)) ? MAKERS[String(object.type)] : undefined;
  if (!make) throw unknownPart('normalizer', object.type, Object.keys(MAKERS));
  return make(object);
}
