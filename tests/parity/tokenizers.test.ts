import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeLlama2cFolder } from '../../main/models/llama2c.ts';
import { loadTokenizer, type TextTokenizer } from '../../main/models/tokenizer.ts';
import { readSentencePieceModel, writeTokenizerFromSentencePiece } from '../../main/models/tokenizers/sentencepiece-file.ts';
import { HOSTILE_TEXTS, randomTexts, sharedTexts } from '../support/hostile-texts.ts';
import { sharedData } from '../support/shared-data.ts';

import { python, root } from './sides.ts';

/** Strata's tokenizer beside Hugging Face's tokenizers, transformers' converters and SentencePiece: the same ids, the same text. */

const HOUR = 3_600_000;
const CODE_POINTS = Array.from({ length: 0x110 }, (_, block) =>
  Array.from({ length: 256 }, (_, low) => block * 256 + low)
    .filter((code) => code < 0xd800 || code > 0xdfff)
    .map((code) => String.fromCodePoint(code))
    .join(' a'),
);

let folder: string;
let texts: string[];
let textsPath: string;
let hostilePath: string;
let storiesPath: string;
let hostile: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strata-tokenizers-'));
  hostile = [...HOSTILE_TEXTS, ...randomTexts(1500)];
  texts = [...hostile, ...CODE_POINTS.filter((text) => text !== ''), ...(sharedData ? await sharedTexts(sharedData) : [])];
  [textsPath, hostilePath, storiesPath] = [join(folder, 'texts.json'), join(folder, 'hostile.json'), join(folder, 'stories.txt')];
  await writeFile(textsPath, JSON.stringify(texts));
  await writeFile(hostilePath, JSON.stringify(hostile));
  const sample = gunzipSync(await readFile(join(root, 'resources/samples/new/documents.jsonl.gz'))).toString();
  const lines = sample.split('\n').filter((line) => line !== '');
  const documents = lines.map((line) => (JSON.parse(line) as { text: string }).text).join('\n');
  await writeFile(storiesPath, documents.slice(0, 300_000) + HOSTILE_TEXTS.join(' ').replaceAll('\0', ''));
}, HOUR);

afterAll(() => rm(folder, { recursive: true, force: true }));

type Encoded = [ids: number[], decoded: string][];

async function outside(command: string, path: string, ...rest: string[]): Promise<Encoded> {
  const out = join(folder, 'out.json');
  await python('tokenizers_sides.py', command, path, rest[0]!, out, ...rest.slice(1));
  return JSON.parse(await readFile(out, 'utf8')) as Encoded;
}

/** The texts of which ids or decoded text differ, shortened. */
function differences(tokenizer: TextTokenizer, inputs: readonly string[], expected: Encoded, interpretSpecialTokens = false): unknown[] {
  expect(expected.length).toBe(inputs.length);
  const found: unknown[] = [];
  for (const [index, text] of inputs.entries()) {
    const [ids, decoded] = expected[index]!;
    const ours = tokenizer.encode(text, { interpretSpecialTokens });
    const first = ids.findIndex((id, place) => ours[place] !== id);
    if (first !== -1 || ours.length !== ids.length) {
      const at = first === -1 ? ids.length : first;
      found.push({ text: text.slice(0, 60), at, expected: ids.slice(at, at + 5), ours: ours.slice(at, at + 5) });
    } else if (tokenizer.decode(ids) !== decoded) {
      found.push({ text: text.slice(0, 60), expected: decoded.slice(0, 60), decoded: tokenizer.decode(ids).slice(0, 60) });
    }
  }
  return found.length > 10 ? [`${found.length} texts`, ...found.slice(0, 10)] : found;
}

/** A model folder with this tokenizer.json. */
async function folderWith(name: string, json: string | Uint8Array): Promise<string> {
  const directory = join(folder, name);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'tokenizer.json'), json);
  return directory;
}

const published: { name: string; make: () => Promise<string> }[] = [
  { name: 'the embedded base', make: async () => folderWith('base', await readFile(join(root, 'resources/base/tokenizer.json'))) },
  ...(sharedData
    ? [
        {
          name: 'TinyStories-656K',
          make: async () => folderWith('tiny', await readFile(join(sharedData!, 'models/tinystories-656k/tokenizer.json'))),
        },
        {
          name: 'SmolLM2',
          make: async () => folderWith('smol', gunzipSync(await readFile(join(sharedData!, 'tokenizers/smollm2/tokenizer.json.gz')))),
        },
        {
          name: 'stories260K',
          make: async () => {
            await mkdir(join(folder, 'stories'), { recursive: true });
            await writeLlama2cFolder(join(sharedData!, 'models/stories260k/stories260K.bin'), join(folder, 'stories'));
            return join(folder, 'stories');
          },
        },
        ...['open_llama_3b', 'storyllamas_4096'].map((name) => ({
          name,
          make: async () => {
            await mkdir(join(folder, name), { recursive: true });
            await copyFile(join(sharedData!, `tokenizers/sentencepiece/${name}.model`), join(folder, name, 'tokenizer.model'));
            await writeTokenizerFromSentencePiece(join(folder, name));
            return join(folder, name);
          },
        })),
      ]
    : []),
];

describe.each(published)('the tokenizer.json of $name', ({ make }) => {
  it.each([false, true])(
    'gives the ids and texts of tokenizers (special tokens interpreted: %s)',
    async (interpreted) => {
      const directory = await make();
      const [inputs, path] = interpreted ? [hostile, hostilePath] : [texts, textsPath];
      const expected = await outside('encode', join(directory, 'tokenizer.json'), path, ...(interpreted ? ['interpreted'] : []));
      expect(differences(await loadTokenizer(directory), inputs, expected, interpreted)).toEqual([]);
    },
    HOUR,
  );
});

/**
 * Normal forms, punctuation and words are those of the Unicode version that a program was built with: the library's is years older, and random
 * characters tell. It reads scores of unigram models to the last digit but one, so that rows of one letter, of which many ways are equally
 * good, are cut elsewhere.
 */
function comparedTexts(variant: string): number {
  if (variant.startsWith('unigram')) return HOSTILE_TEXTS.findIndex((text) => text.startsWith('aaa'));
  return /^(bert-cut|nfd-lower|nfkd-punctuation|qwen|word-parts)/.test(variant) ? HOSTILE_TEXTS.length : hostile.length;
}

it(
  'every kind of part gives the ids and texts of tokenizers',
  async () => {
    const made = join(folder, 'variants');
    await mkdir(made, { recursive: true });
    await python('tokenizers_sides.py', 'variants', storiesPath, made);
    const names = (await readdir(made)).sort();
    expect(names.length).toBeGreaterThan(30);
    const found: Record<string, unknown> = {};
    for (const name of names) {
      const directory = await folderWith(`variant-${name}`, await readFile(join(made, name)));
      for (const mode of ['text', 'interpreted']) {
        const expected = await outside('encode', join(directory, 'tokenizer.json'), hostilePath, mode);
        const count = comparedTexts(name);
        const wrong = differences(
          await loadTokenizer(directory),
          hostile.slice(0, count),
          expected.slice(0, count),
          mode === 'interpreted',
        );
        if (wrong.length > 0) found[`${name}, special tokens as ${mode}`] = wrong;
      }
    }
    expect(found).toEqual({});
  },
  HOUR,
);

describe.skipIf(!sharedData)('a SentencePiece model', () => {
  it.each(['open_llama_3b', 'storyllamas_4096'])(
    '%s gives the ids of SentencePiece',
    async (name) => {
      const path = join(sharedData!, `tokenizers/sentencepiece/${name}.model`);
      const tokenizer = await sentencePieceTokenizer(path, name);
      // SentencePiece reads no text beyond a zero.
      expect(differencesOfIds(tokenizer, texts, await outside('pieces', path, textsPath))).toEqual([]);
    },
    HOUR,
  );

  it.each(['open_llama_3b', 'storyllamas_4096'])(
    '%s becomes what the converter of transformers makes, except for extra blanks',
    async (name) => {
      const path = join(sharedData!, `tokenizers/sentencepiece/${name}.model`);
      const converted = join(folder, 'converted.json');
      await python('tokenizers_sides.py', 'convert', path, converted);
      const theirs = JSON.parse(await readFile(converted, 'utf8')) as TokenizerJson;
      const ours = JSON.parse(await readFile(join(await sentencePieceFolder(path, name), 'tokenizer.json'), 'utf8')) as TokenizerJson;
      // Merges with a reserved piece on either side never happen.
      const reserved = new Set((await readSentencePieceModel(path)).pieces.filter(({ type }) => type !== 'normal').map(({ text }) => text));
      const happen = theirs.model.merges.filter((pair) => ![...pair, pair.join('')].some((text) => reserved.has(text)));
      expect(ours.model.merges).toEqual(happen);
      expect(ours.model.vocab).toEqual(theirs.model.vocab);
      expect(ours.decoder).toEqual(theirs.decoder);
      expect({ ...ours.model, vocab: null, merges: null }).toEqual({ ...theirs.model, vocab: null, merges: null });
      expect(ours.normalizer.normalizers.slice(-2)).toEqual(theirs.normalizer.normalizers);
      const single = { texts: ['Once upon a time', 'one two'], path: join(folder, 'single.json') };
      await writeFile(single.path, JSON.stringify(single.texts));
      const expected = await outside('encode', converted, single.path);
      expect(
        differencesOfIds(
          await loadTokenizer(join(folder, `sp-${name}`)),
          single.texts,
          expected.map(([ids, text]) => [ids.slice(1), text]),
        ),
      ).toEqual([]);
    },
    HOUR,
  );
});

interface TokenizerJson {
  model: { vocab: Record<string, number>; merges: [string, string][] };
  decoder: unknown;
  normalizer: { normalizers: unknown[] };
}

it(
  'SentencePiece models of every kind give the ids of SentencePiece, and of tokenizers on the tokenizer.json that is written',
  async () => {
    const made = join(folder, 'sentencepiece');
    await mkdir(made, { recursive: true });
    await python('tokenizers_sides.py', 'models', storiesPath, made);
    const ordinaryPath = join(folder, 'ordinary.json');
    const ordinary = (await readFile(storiesPath, 'utf8')).split('\n').slice(0, 1500);
    await writeFile(ordinaryPath, JSON.stringify(ordinary));
    const found: Record<string, unknown> = {};
    const note = (what: string, wrong: unknown[]): void => {
      if (wrong.length > 0) found[what] = wrong;
    };
    for (const name of (await readdir(made)).filter((each) => each.endsWith('.model'))) {
      const path = join(made, name);
      const tokenizer = await sentencePieceTokenizer(path, name);
      const json = join(folder, `sp-${name}`, 'tokenizer.json');
      const expected = await outside('encode', json, hostilePath);
      const count = comparedTexts(name);
      note(`${name} as tokenizers`, differences(tokenizer, hostile.slice(0, count), expected.slice(0, count)));
      // Where two ways have the same score, SentencePiece's own unigram model takes another one than the library.
      if (name.startsWith('unigram')) continue;
      note(`${name} as SentencePiece`, differencesOfIds(tokenizer, ordinary, await outside('pieces', path, ordinaryPath)));
      // Of hostile texts the library itself replaces other groups of characters than SentencePiece does.
      if (name.includes('nfkc')) continue;
      note(`${name} as SentencePiece, hostile`, differencesOfIds(tokenizer, hostile, await outside('pieces', path, hostilePath)));
    }
    expect(found).toEqual({});
  },
  HOUR,
);

async function sentencePieceFolder(path: string, name: string): Promise<string> {
  const directory = join(folder, `sp-${name}`);
  await mkdir(directory, { recursive: true });
  await copyFile(path, join(directory, 'tokenizer.model'));
  await writeTokenizerFromSentencePiece(directory);
  return directory;
}

async function sentencePieceTokenizer(path: string, name: string): Promise<TextTokenizer> {
  return loadTokenizer(await sentencePieceFolder(path, name));
}

/** Without the start token, which SentencePiece itself does not add. */
function differencesOfIds(tokenizer: TextTokenizer, inputs: readonly string[], expected: Encoded): unknown[] {
  const found = inputs.flatMap((text, index) => {
    const [ids, ours] = [expected[index]![0], tokenizer.encode(text).slice(1)];
    const first = ids.findIndex((id, place) => ours[place] !== id);
    if (first === -1 && ours.length === ids.length) return [];
    const at = first === -1 ? ids.length : first;
    return [{ text: text.slice(0, 60), at, expected: ids.slice(at, at + 5), ours: ours.slice(at, at + 5) }];
  });
  return found.length > 10 ? [`${found.length} texts`, ...found.slice(0, 10)] : found;
}
