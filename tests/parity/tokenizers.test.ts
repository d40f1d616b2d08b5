import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeLlama2cFolder } from '../../main/models/llama2c.ts';
import { loadTokenizer, type TextTokenizer } from '../../main/models/tokenizer.ts';
import { readSentencePieceModel, writeTokenizerFromSentencePiece } from '../../main/models/tokenizers/sentencepiece-file.ts';
import { randomStream } from '../../shared/domain/random.ts';
import { HOSTILE_TEXTS, randomTexts, sharedTexts } from '../support/hostile-texts.ts';
import { sharedData } from '../support/shared-data.ts';
import { python, root } from './sides.ts';

/** Strata's tokenizer beside Hugging Face's tokenizers, transformers' converters and SentencePiece: the same ids, the same text. */

const HOUR = 3_600_000;
const MEGABYTE = 1_000_000;

/**
 * The parts of the library compute with Unicode of several years, Strata with that of Node: 16 its expressions, 9 its normal forms, 8 marks and
 * punctuation. Characters that were assigned later are left out of what is compared, and nothing else.
 */
type LibraryUnicode = 8 | 9 | 16;

const AGES = JSON.parse(await readFile(join(import.meta.dirname, 'unicode-ages.json'), 'utf8')) as Record<
  LibraryUnicode,
  [number, number][]
>;

/** What Unicode 8 had as a mark, a letter or punctuation, and has as something else since. */
const OTHER_SINCE_8 = [0x166d, 0x1cf2, 0x1cf3, 0x111c9];

function laterThan(version: LibraryUnicode): RegExp {
  const ranges = ([8, 9, 16] as const).filter((each) => each >= version).flatMap((each) => AGES[each]);
  if (version === 8) ranges.push(...OTHER_SINCE_8.map((code): [number, number] => [code, code]));
  const escaped = (code: number): string => `\\u{${code.toString(16)}}`;
  return new RegExp(`[${ranges.map(([first, last]) => `${escaped(first)}-${escaped(last)}`).join('')}]`, 'gu');
}

function unicodeOf(variant: string): LibraryUnicode {
  if (/^(bert-cut|nfd-lower|nfkd-punctuation)/.test(variant)) return 8;
  return /nfkc|^qwen|^unigram/.test(variant) ? 9 : 16;
}

/** Every character of Unicode, many in one text. */
const CODE_POINTS = Array.from({ length: 0x110 }, (_, block) =>
  Array.from({ length: 256 }, (_, low) => block * 256 + low)
    .filter((code) => code < 0xd800 || code > 0xdfff)
    .map((code) => String.fromCodePoint(code))
    .join(' a'),
).filter((text) => text !== '');

/** Words without an end, of one letter, of many and of no known ones. */
function longWords(): string[] {
  const random = randomStream(5);
  const letters = Array.from({ length: MEGABYTE }, () => String.fromCharCode(97 + Math.floor(26 * random()))).join('');
  return [
    'a'.repeat(MEGABYTE),
    letters,
    '日'.repeat(MEGABYTE / 3),
    ' '.repeat(MEGABYTE),
    '7'.repeat(MEGABYTE),
    `${'-='.repeat(MEGABYTE / 2)}`,
  ];
}

let folder: string;
/** Texts, and the JSON file that has them. */
interface Texts {
  list: string[];
  path: string;
}
let everything: Texts;
let long: Texts;
/** Without what the library's Unicode does not have. */
let hostile: Record<LibraryUnicode, Texts>;
let storiesPath: string;

async function textsIn(name: string, list: string[]): Promise<Texts> {
  const path = join(folder, name);
  await writeFile(path, JSON.stringify(list));
  return { list, path };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strata-tokenizers-'));
  const random = [...randomTexts(1500), ...CODE_POINTS];
  const hostileFor = (version: LibraryUnicode): Promise<Texts> => {
    const later = laterThan(version);
    return textsIn(`hostile-${version}.json`, [...HOSTILE_TEXTS, ...random.map((text) => text.replace(later, ''))]);
  };
  hostile = { 8: await hostileFor(8), 9: await hostileFor(9), 16: await hostileFor(16) };
  everything = await textsIn('texts.json', [...hostile[16].list, ...(sharedData ? await sharedTexts(sharedData) : [])]);
  long = await textsIn('long.json', longWords());
  storiesPath = join(folder, 'stories.txt');
  const sample = gunzipSync(await readFile(join(root, 'resources/samples/new/documents.jsonl.gz'))).toString();
  const lines = sample.split('\n').filter((line) => line !== '');
  const documents = lines.map((line) => (JSON.parse(line) as { text: string }).text).join('\n');
  await writeFile(storiesPath, documents.slice(0, 300_000) + HOSTILE_TEXTS.join(' ').replaceAll('\0', ''));
}, HOUR);

afterAll(() => rm(folder, { recursive: true, force: true }));

/** For each text its ids, and what they decode to where that is another text. */
interface Encoded {
  ids: Int32Array[];
  decoded: (string | null)[];
}

interface Job {
  /** A tokenizer.json, or a tokenizer.model for SentencePiece itself. */
  tokenizer: string;
  texts: string;
  interpreted?: boolean;
}

/** What the outside program says to each job: all in one process, as each takes seconds to start. */
async function outside(command: 'encode' | 'pieces', jobs: readonly Job[]): Promise<Encoded[]> {
  const withPlaces = jobs.map((job, index) => ({ ...job, out: join(folder, `out-${index}`) }));
  await writeFile(join(folder, 'jobs.json'), JSON.stringify(withPlaces));
  await python('tokenizers_sides.py', command, join(folder, 'jobs.json'));
  return Promise.all(
    withPlaces.map(async ({ out }) => {
      const bytes = await readFile(`${out}.ids`);
      const numbers = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / Int32Array.BYTES_PER_ELEMENT);
      const ids: Int32Array[] = [];
      for (let place = 0; place < numbers.length; place += 1 + numbers[place]!) {
        ids.push(numbers.subarray(place + 1, place + 1 + numbers[place]!));
      }
      return { ids, decoded: JSON.parse(await readFile(`${out}.json`, 'utf8')) as (string | null)[] };
    }),
  );
}

async function outsideOne(command: 'encode' | 'pieces', job: Job): Promise<Encoded> {
  return (await outside(command, [job]))[0]!;
}

/** The texts of which ids or decoded text differ, shortened. */
function differences(
  tokenizer: TextTokenizer,
  inputs: readonly string[],
  { ids: expected, decoded }: Encoded,
  interpretSpecialTokens = false,
): unknown[] {
  expect(expected.length).toBe(inputs.length);
  const found: unknown[] = [];
  for (const [index, text] of inputs.entries()) {
    const ids = expected[index]!;
    const wrong = idsThatDiffer(text, ids, tokenizer.encode(text, { interpretSpecialTokens }));
    const theirs = decoded[index] ?? text;
    if (wrong) found.push(wrong);
    else if (tokenizer.decode(Array.from(ids)) !== theirs) {
      found.push({ text: text.slice(0, 60), expected: theirs.slice(0, 60), decoded: tokenizer.decode(Array.from(ids)).slice(0, 60) });
    }
  }
  return shortened(found);
}

/** Ids alone, without the start token, which SentencePiece itself does not add. */
function differencesOfIds(tokenizer: TextTokenizer, inputs: readonly string[], { ids }: Pick<Encoded, 'ids'>): unknown[] {
  expect(ids.length).toBe(inputs.length);
  return shortened(inputs.flatMap((text, index) => idsThatDiffer(text, ids[index]!, tokenizer.encodeSpans(text, []).ids) ?? []));
}

/** The same with what the ids decode to. */
function differencesFromPieces(tokenizer: TextTokenizer, inputs: readonly string[], expected: Encoded): unknown[] {
  const wrong = inputs.flatMap((text, index) => {
    const [theirs, decoded] = [expected.decoded[index] ?? text, tokenizer.decode(Array.from(expected.ids[index]!))];
    return decoded === theirs ? [] : [{ text: text.slice(0, 60), expected: theirs.slice(0, 60), decoded: decoded.slice(0, 60) }];
  });
  return [...differencesOfIds(tokenizer, inputs, expected), ...shortened(wrong)];
}

function idsThatDiffer(text: string, ids: Int32Array, ours: readonly number[]): object | null {
  const first = ids.findIndex((id, place) => ours[place] !== id);
  if (first === -1 && ours.length === ids.length) return null;
  const at = first === -1 ? ids.length : first;
  return { text: text.slice(0, 60), at, expected: [...ids.slice(at, at + 5)], ours: ours.slice(at, at + 5) };
}

function shortened(found: unknown[]): unknown[] {
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
            // Read as other programs read it: with the model in it Strata computes what SentencePiece does, which is compared below.
            const directory = await sentencePieceFolder(join(sharedData!, `tokenizers/sentencepiece/${name}.model`), name);
            const json = JSON.parse(await readFile(join(directory, 'tokenizer.json'), 'utf8')) as TokenizerJson;
            return folderWith(name, JSON.stringify(withoutFile(json)));
          },
        })),
      ]
    : []),
];

describe.each(published)('the tokenizer.json of $name', ({ make }) => {
  it(
    'gives the ids and texts of tokenizers for every text, special tokens as text and interpreted, and for words of a megabyte',
    async () => {
      const directory = await make();
      const tokenizer = join(directory, 'tokenizer.json');
      const tasks = [{ texts: everything }, { texts: hostile[16], interpreted: true }, { texts: long }];
      const expected = await outside(
        'encode',
        tasks.map(({ texts, interpreted }) => ({ tokenizer, texts: texts.path, interpreted })),
      );
      const ours = await loadTokenizer(directory);
      for (const [index, { texts, interpreted }] of tasks.entries()) {
        expect(differences(ours, texts.list, expected[index]!, interpreted)).toEqual([]);
      }
    },
    HOUR,
  );
});

it(
  'every kind of part gives the ids and texts of tokenizers',
  async () => {
    const made = join(folder, 'variants');
    await mkdir(made, { recursive: true });
    await python('tokenizers_sides.py', 'variants', storiesPath, made);
    const names = (await readdir(made)).sort();
    expect(names.length).toBeGreaterThan(30);
    const tasks = names.flatMap((name) => [false, true].map((interpreted) => ({ name, interpreted, texts: hostile[unicodeOf(name)] })));
    const jobs = tasks.map(({ name, interpreted, texts }) => ({ tokenizer: join(made, name), texts: texts.path, interpreted }));
    const expected = await outside('encode', jobs);
    const found: Record<string, unknown> = {};
    for (const [index, { name, interpreted, texts }] of tasks.entries()) {
      const directory = await folderWith(`variant-${name}`, await readFile(join(made, name)));
      const wrong = differences(await loadTokenizer(directory), texts.list, expected[index]!, interpreted);
      if (wrong.length > 0) found[`${name}, special tokens ${interpreted ? 'interpreted' : 'as text'}`] = wrong;
    }
    expect(found).toEqual({});
  },
  HOUR,
);

describe.skipIf(!sharedData)('a SentencePiece model', () => {
  it.each(['open_llama_3b', 'storyllamas_4096'])(
    '%s gives the ids and texts of SentencePiece',
    async (name) => {
      const path = join(sharedData!, `tokenizers/sentencepiece/${name}.model`);
      const tokenizer = await sentencePieceTokenizer(path, name);
      const expected = await outsideOne('pieces', { tokenizer: path, texts: everything.path });
      expect(differencesFromPieces(tokenizer, everything.list, expected)).toEqual([]);
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
      expect({ ...withoutFile(ours).model, vocab: null, merges: null }).toEqual({ ...theirs.model, vocab: null, merges: null });
      expect(ours.normalizer.normalizers.slice(-2)).toEqual(theirs.normalizer.normalizers);
      const single = await textsIn('single.json', ['Once upon a time', 'one two']);
      const { ids } = await outsideOne('encode', { tokenizer: converted, texts: single.path });
      const withoutStart = { ids: ids.map((each) => each.slice(1)) };
      expect(differencesOfIds(await loadTokenizer(join(folder, `sp-${name}`)), single.list, withoutStart)).toEqual([]);
    },
    HOUR,
  );
});

interface TokenizerJson {
  model: { sentencepiece_model?: string; vocab: Record<string, number>; merges: [string, string][] };
  decoder: unknown;
  normalizer: { normalizers: unknown[] };
}

/** As other programs read it. */
function withoutFile({ model, ...json }: TokenizerJson): TokenizerJson {
  const { sentencepiece_model: file, ...rest } = model;
  expect(file).toBeTypeOf('string');
  return { ...json, model: rest };
}

/** What hostile texts leave out: names of the marks and symbols of the models, next to all kinds of characters. */
const SYMBOLS = ['<sep>', '<ctl>', '<|im_start|>', '</s>', '<s>', '<unk>', 'foo_', 'fo', '▁the▁end', 'ß', '  ', '▁', 'e\u0301', '日本'];

function textsOfSymbols(): string[] {
  const random = randomStream(11);
  const between = [
    ...SYMBOLS,
    ' ',
    'a',
    'the',
    ' end',
    '\u0301',
    'A\u030a',
    '\u1112\u1161\u11ab',
    '\u1100',
    '\n',
    'ﬁ',
    '😀',
    '\u3000',
    '\u00ad',
  ];
  const row = (): string => Array.from({ length: 12 }, () => between[Math.floor(between.length * random())]!).join('');
  return [...SYMBOLS, ...Array.from({ length: 2000 }, row)];
}

it(
  'SentencePiece models of every kind give the ids and texts of SentencePiece; tokenizers has those of the tokenizer.json without the model',
  async () => {
    const made = join(folder, 'sentencepiece');
    await mkdir(made, { recursive: true });
    await python('tokenizers_sides.py', 'models', storiesPath, made);
    const ordinary = (await readFile(storiesPath, 'utf8')).split('\n').slice(0, 1500);
    const texts = await textsIn('for-pieces.json', [...hostile[16].list, ...textsOfSymbols(), ...ordinary]);
    const names = (await readdir(made)).filter((each) => each.endsWith('.model'));
    expect(names.length).toBe(22);
    const found: Record<string, unknown> = {};
    const note = (what: string, wrong: unknown[]): void => {
      if (wrong.length > 0) found[what] = wrong;
    };
    const paths = names.map((name) => join(made, name));
    const ofPieces = await outside(
      'pieces',
      paths.map((tokenizer) => ({ tokenizer, texts: texts.path })),
    );
    const plain: string[] = [];
    for (const [index, name] of names.entries()) {
      note(
        `${name} as SentencePiece`,
        differencesFromPieces(await sentencePieceTokenizer(paths[index]!, name), texts.list, ofPieces[index]!),
      );
      const json = JSON.parse(await readFile(join(folder, `sp-${name}`, 'tokenizer.json'), 'utf8')) as TokenizerJson;
      plain.push(await folderWith(`plain-${name}`, JSON.stringify(withoutFile(json))));
    }
    // Of both: that other programs pass over the model's file in tokenizer.json is part of what is compared.
    const ofJson = await outside(
      'encode',
      names.map((name) => ({ tokenizer: join(folder, `sp-${name}`, 'tokenizer.json'), texts: hostile[16].path })),
    );
    for (const [index, name] of names.entries()) {
      note(`${name} as tokenizers`, differences(await loadTokenizer(plain[index]!), hostile[16].list, ofJson[index]!));
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
