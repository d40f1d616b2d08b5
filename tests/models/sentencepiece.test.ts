import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadTokenizer, type TextTokenizer } from '../../main/models/tokenizer.ts';
import { readSentencePieceModel, writeTokenizerFromSentencePiece } from '../../main/models/tokenizers/sentencepiece-file.ts';
import { sentencePieceTokenizerJson } from '../../main/models/tokenizers/sentencepiece-json.ts';
import {
  bytesField,
  floatField,
  LETTER_PIECES,
  numberField,
  pieceField,
  sentencePieceFile,
  varint,
} from '../support/sentencepiece-model.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();
const id = (text: string): number => LETTER_PIECES.findLastIndex((piece) => piece.text === text);

async function convert(bytes: Uint8Array, settings?: unknown): Promise<TextTokenizer> {
  await folder.write('tokenizer.model', bytes);
  if (settings !== undefined) await folder.write('tokenizer_config.json', JSON.stringify(settings));
  await writeTokenizerFromSentencePiece(folder.path);
  return loadTokenizer(folder.path);
}

async function refusal(bytes: Uint8Array): Promise<unknown> {
  const path = await folder.write('tokenizer.model', bytes);
  return readSentencePieceModel(path).then(
    () => expect.unreachable('it was read'),
    (error: unknown) => error,
  );
}

describe('a tokenizer.model', () => {
  it('is read with its defaults', async () => {
    const model = await readSentencePieceModel(await folder.write('tokenizer.model', sentencePieceFile(LETTER_PIECES)));
    expect({ ...model, pieces: null }).toEqual({
      pieces: null,
      kind: 'BPE',
      addDummyPrefix: true,
      removeExtraWhitespaces: true,
      normalizerMap: null,
      addBos: true,
      addEos: false,
      bosId: 1,
      eosId: 2,
      unknownId: 0,
      unknownSurface: ' \u2047 ',
    });
    expect(model.pieces.length).toBe(LETTER_PIECES.length);
    expect([0, 1, 3, id('ab')].map((place) => model.pieces[place])).toEqual([
      { text: '<unk>', score: 0, type: 'unknown' },
      { text: '<s>', score: 0, type: 'control' },
      { text: '<0x00>', score: 0, type: 'byte' },
      { text: 'ab', score: 0, type: 'normal' },
    ]);
  });

  it('is read with its own settings, and with fields that nobody knows', async () => {
    const pieces = [
      { text: '<pad>', type: 3 },
      { text: '<unk>', type: 2 },
      { text: 'x', score: -0.5 },
      { text: 'y', type: 4 },
      { text: 'z', type: 5 },
    ];
    const bytes = Buffer.concat([
      sentencePieceFile(pieces, { 3: 1, 40: 1, 41: -1, 42: 0 }, { 3: 0, 4: 0 }),
      bytesField(3, bytesField(2, Buffer.from([1, 2, 3]))),
      bytesField(2, bytesField(44, Buffer.from('<?>'))),
      numberField(200, 7),
      floatField(201, 1),
      Buffer.concat([varint((202 << 3) | 1), Buffer.alloc(8)]),
    ]);
    const model = await readSentencePieceModel(await folder.write('tokenizer.model', bytes));
    expect({ ...model, pieces: model.pieces.map(({ type, score }) => [type, score]) }).toEqual({
      pieces: [
        ['control', 0],
        ['unknown', 0],
        ['normal', -0.5],
        ['userDefined', 0],
        ['unused', 0],
      ],
      kind: 'Unigram',
      addDummyPrefix: false,
      removeExtraWhitespaces: false,
      normalizerMap: Buffer.from([1, 2, 3]),
      addBos: true,
      addEos: false,
      bosId: null,
      eosId: 0,
      unknownId: 1,
      unknownSurface: '<?>',
    });
  });

  it('becomes a tokenizer that merges by score, falls back to bytes and knows its marks', async () => {
    const tokenizer = await convert(sentencePieceFile(LETTER_PIECES));
    expect(tokenizer.encode('ab')).toEqual([1, id('▁'), id('ab')]);
    expect(tokenizer.encode('a é')).toEqual([1, id('▁a'), id('▁'), 3 + 0xc3, 3 + 0xa9]);
    expect(tokenizer.encode('')).toEqual([1]);
    expect([tokenizer.bosTokenId, tokenizer.eosTokenId]).toEqual([1, 2]);
    expect(tokenizer.decode(tokenizer.encode('ab é 😀 \uFEFF'))).toBe('ab é 😀 \uFEFF');
  });

  it('never makes a mark out of ordinary characters', async () => {
    const tokenizer = await convert(sentencePieceFile(LETTER_PIECES));
    expect(tokenizer.encode('</s>')).toEqual([1, id('▁'), id('</'), id('s>')]);
    expect(tokenizer.encode('</s>', { interpretSpecialTokens: true })).toEqual([1, 2]);
  });

  it.each([
    ['goes where the model says so', {}, 'ab a'],
    ['stays where it says so', { 4: 0 }, '  ab   a \n  '],
  ])('an extra blank %s', async (_what, normalizer, expected) => {
    const tokenizer = await convert(sentencePieceFile(LETTER_PIECES, { 3: 2 }, normalizer));
    expect(tokenizer.decode(tokenizer.encode('  ab   a \n  '.replace(' \n', expected === 'ab a' ? '' : ' \n')))).toBe(expected);
  });

  it('without a blank in front puts none there', async () => {
    const tokenizer = await convert(sentencePieceFile(LETTER_PIECES, { 3: 2 }, { 3: 0, 4: 0 }));
    expect(tokenizer.encode('ab')).toEqual([1, id('ab')]);
    expect(tokenizer.decode([id('▁a')])).toBe(' a');
  });

  it('never takes a reserved piece of a unigram model for text', async () => {
    const tokenizer = await convert(sentencePieceFile(LETTER_PIECES, { 3: 1 }));
    expect(tokenizer.encode('<s>')).toEqual([1, id('▁'), id('<'), id('s>')]);
    expect(tokenizer.encode('</s>')).toEqual([1, id('▁'), id('</'), id('s>')]);
  });

  it('never takes a reserved piece of a unigram model for text where a character of its name is unknown', async () => {
    const pieces = LETTER_PIECES.filter(({ text, type }) => type !== 6 && text !== '/');
    const [mark, s] = ['▁', 's>'].map((text) => pieces.findIndex((piece) => piece.text === text));
    const tokenizer = await convert(
      sentencePieceFile(pieces.filter(({ text }) => text !== '</' && text !== '<').concat({ text: 'zz' }), { 3: 1 }),
    );
    expect(tokenizer.encode('</s>')).toEqual([1, mark! - 1, 0, s! - 1]);
  });

  it('is linear in the length of a row of blanks and marks', async () => {
    const tokenizer = await convert(sentencePieceFile(LETTER_PIECES));
    const began = performance.now();
    for (const row of [' ', '▁', ' ▁']) tokenizer.encode(`${row.repeat(300_000)}a`);
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it('leaves what tokenizer_config.json says, and does as it says', async () => {
    const settings = { add_bos_token: false, add_eos_token: true, eos_token: '</s>', bos_token: '<s>' };
    const tokenizer = await convert(sentencePieceFile(LETTER_PIECES), settings);
    expect(tokenizer.encode('ab')).toEqual([id('▁'), id('ab'), 2]);
    expect(JSON.parse(await readFile(join(folder.path, 'tokenizer_config.json'), 'utf8'))).toEqual(settings);
    expect(await folder.list()).toEqual(['tokenizer.json', 'tokenizer.model', 'tokenizer_config.json']);
  });

  it('beside settings that are none is refused, and nothing is written', async () => {
    await folder.write('tokenizer.model', sentencePieceFile(LETTER_PIECES));
    for (const content of ['[]', '{']) {
      await folder.write('tokenizer_config.json', content);
      await expect(writeTokenizerFromSentencePiece(folder.path)).rejects.toMatchObject({ code: 'CORRUPT' });
    }
    expect(await folder.list()).toEqual(['tokenizer.model', 'tokenizer_config.json']);
  });
});

describe('a tokenizer.json that holds its tokenizer.model', () => {
  const tokenizerJson = async (): Promise<{ model: Record<string, unknown>; added_tokens: { content: string; id: number }[] }> =>
    JSON.parse(await readFile(join(folder.path, 'tokenizer.json'), 'utf8')) as never;

  it('has other ids for its shards than without', async () => {
    const { hash } = await convert(sentencePieceFile(LETTER_PIECES));
    const json = await tokenizerJson();
    await folder.write('tokenizer.json', JSON.stringify({ ...json, model: { ...json.model, sentencepiece_model: undefined } }));
    expect((await loadTokenizer(folder.path)).hash).not.toBe(hash);
  });

  it('finds tokens that were added to it', async () => {
    await convert(sentencePieceFile(LETTER_PIECES));
    const json = await tokenizerJson();
    const more = LETTER_PIECES.length;
    json.added_tokens.push(
      ...['<|im_start|>', '<b>'].map((content, index) => ({ ...json.added_tokens[0]!, content, id: more + index, special: index === 0 })),
    );
    await folder.write('tokenizer.json', JSON.stringify(json));
    const tokenizer = await loadTokenizer(folder.path);
    expect(tokenizer.encode('a<b>')).toEqual([1, id('▁a'), more + 1]);
    expect(tokenizer.encode('<|im_start|>', { interpretSpecialTokens: true })).toEqual([1, more]);
    expect(tokenizer.encode('<|im_start|>')).not.toContain(more);
    expect(tokenizer.decode([1, id('▁a'), more, more + 1])).toBe('a<b>');
  });

  it.each<[string, (json: Awaited<ReturnType<typeof tokenizerJson>>) => void]>([
    ['token more', (json) => Object.assign(json.model.vocab as object, { more: LETTER_PIECES.length })],
    ['token less', (json) => delete (json.model.vocab as Record<string, number>)['s>']],
  ])('is refused when it has a %s', async (_what, change) => {
    await convert(sentencePieceFile(LETTER_PIECES));
    const json = await tokenizerJson();
    json.model.merges = [];
    change(json);
    await folder.write('tokenizer.json', JSON.stringify(json));
    await expect(loadTokenizer(folder.path)).rejects.toMatchObject({
      code: 'CORRUPT',
      message: 'tokenizer.json has other tokens than the SentencePiece model in it.',
      found: expect.stringMatching(/^the token "(more|s>)"$/) as string,
    });
  });
});

describe('a hostile tokenizer.model is refused:', () => {
  const piece = pieceField({ text: 'a' });
  it.each<[string, Uint8Array, string, string?]>([
    ['empty', Buffer.alloc(0), 'no pieces'],
    ['of text', Buffer.from('{"version": 1}'), 'a field of wire type 3, at byte 0 of 14'],
    ['cut inside a piece', piece.subarray(0, 4), '3 bytes where 2 are left, at byte 0 of 4'],
    ['cut inside a number', Buffer.from([0x80, 0x80]), 'a number that is cut short, at byte 2 of 2'],
    ['with an endless number', Buffer.alloc(20, 0xff), 'a number of more than 10 bytes, at byte 10 of 20'],
    ['with a length beyond all', Buffer.concat([varint(10), varint(2n ** 63n)]), `${2n ** 63n} bytes where 0 are left, at byte 0 of 11`],
    ['with a field of number 0', Buffer.from([0, 0]), 'a field with the number 0, at byte 0 of 2'],
    ['with a group', Buffer.from([0x0b]), 'a field of wire type 3, at byte 0 of 1'],
    ['with an empty piece', bytesField(1, Buffer.alloc(0)), 'an empty piece 0'],
    ['with a piece of another type', pieceField({ text: 'a', type: 9 }), 'piece 0 of an unknown type'],
    ['with a piece that is no text', pieceField({ text: Buffer.from([0xff]) }), 'piece 0, whose bytes are no text'],
    ['with a score that is no number', pieceField({ text: 'a', score: NaN }), 'piece 0 with the score NaN'],
    ['with an enormous piece', pieceField({ text: 'a'.repeat(5000) }), 'piece 0 of 5000 bytes'],
  ])('%s', async (_what, bytes, found) => {
    expect(await refusal(bytes)).toMatchObject({
      code: 'CORRUPT',
      message: `${join(folder.path, 'tokenizer.model')} is not a SentencePiece model.`,
      found,
      hint: 'Download or copy the file again and compare its size with the original.',
    });
  });

  it.each([
    ['of words', sentencePieceFile(LETTER_PIECES, { 3: 3 }), 'the kind WORD'],
    ['of a kind to come', sentencePieceFile(LETTER_PIECES, { 3: 9 }), 'the kind 9'],
    ['with blanks behind words', sentencePieceFile(LETTER_PIECES, { 3: 2, 24: 1 }), 'blanks behind words'],
    [
      'with a table for decoded text',
      Buffer.concat([sentencePieceFile(LETTER_PIECES), bytesField(5, bytesField(2, Buffer.from([1])))]),
      'decoded text that is changed once more (denormalizer_spec)',
    ],
    ['with blanks as they are', sentencePieceFile(LETTER_PIECES, { 3: 2 }, { 5: 0 }), 'blanks as themselves'],
  ])('%s', async (_what, bytes, found) => {
    expect(await refusal(bytes)).toMatchObject({ code: 'UNSUPPORTED', found });
  });
});

describe('merges', () => {
  it('of equal score put the longer left part first, then as the ids of the parts are ordered', () => {
    const texts = ['a', 'b', 'aa', 'ab', 'aab', 'ba', 'aba'];
    const pieces = texts.map((text) => ({ text, score: 0, type: 'normal' as const }));
    const common = { addDummyPrefix: false, removeExtraWhitespaces: false, normalizerMap: null, addBos: false, addEos: false };
    const json = sentencePieceTokenizerJson({ ...common, pieces, kind: 'BPE', bosId: null, eosId: null, unknownId: null });
    // As transformers' generate_merges(vocab, scores) orders them.
    expect((json as { model: { merges: unknown } }).model.merges).toEqual([
      ['aa', 'b'],
      ['ab', 'a'],
      ['a', 'ab'],
      ['a', 'ba'],
      ['a', 'a'],
      ['a', 'b'],
      ['b', 'a'],
    ]);
  });
});
