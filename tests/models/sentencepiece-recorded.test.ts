import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tokenPieces } from '../../main/models/token-pieces.ts';
import { loadTokenizer, type TextTokenizer } from '../../main/models/tokenizer.ts';
import { writeTokenizerFromSentencePiece } from '../../main/models/tokenizers/sentencepiece-file.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

/**
 * Small models of SentencePiece, and what SentencePiece itself said to texts about them (`tokenizers_sides.py recorded`): user-defined symbols
 * within words, at both ends and of blanks; names of marks; rules whose longest key counts, with combining marks and Hangul jamo; unused
 * pieces; characters without a piece; blanks and their mark.
 */
const fixtures = join(import.meta.dirname, '../fixtures/sentencepiece');
const folder = useTemporaryFolder();

const texts = JSON.parse(await readFile(join(fixtures, 'texts.json'), 'utf8')) as string[];
const answers = JSON.parse(await readFile(join(fixtures, 'answers.json'), 'utf8')) as Record<string, { ids: number[]; decoded: string }[]>;

async function load(name: string): Promise<TextTokenizer> {
  await copyFile(join(fixtures, `${name}.model`), join(folder.path, 'tokenizer.model'));
  await writeTokenizerFromSentencePiece(folder.path);
  return loadTokenizer(folder.path);
}

describe.each(Object.entries(answers))('the recorded model %s', (name, expected) => {
  it('gives the ids and the texts of SentencePiece', async () => {
    const tokenizer = await load(name);
    expect(texts.length).toBe(expected.length);
    const ours = texts.map((text) => tokenizer.encodeSpans(text, []).ids);
    expect(ours.map((ids) => ({ ids, decoded: tokenizer.decode(ids) }))).toEqual(expected);
  });

  it('knows the bytes of each token: together they are those of the decoded text', async () => {
    const tokenizer = await load(name);
    for (const text of texts) {
      const { ids } = tokenizer.encodeSpans(text, []);
      const decoded = tokenizer.decode(ids);
      // Special tokens stand for no bytes, and bytes that are no text are decoded to replacement characters.
      if (decoded.includes('\uFFFD') || ids.some((id) => tokenizer.specialToken(id) !== null)) continue;
      const lengths: number[] = [];
      for (const [index, id] of ids.entries()) {
        const isLeading = lengths.every((length) => length === 0);
        lengths.push(tokenizer.byteLength(id, isLeading ? ids.slice(0, index) : null));
      }
      const bytes = lengths.reduce((sum, length) => sum + length, 0);
      expect(bytes, JSON.stringify(text)).toBe(Buffer.byteLength(decoded));
    }
  });

  it('shows each text in pieces that together are what it decodes to', async () => {
    const tokenizer = await load(name);
    for (const text of texts) {
      const { ids } = tokenizer.encodeSpans(text, []);
      // A special token is shown with its name, and a replacement character in the text is taken for one that is not whole yet.
      if (text.includes('\uFFFD') || ids.some((id) => tokenizer.specialToken(id) !== null)) continue;
      expect(
        tokenPieces(tokenizer, { ids })
          .map((piece) => piece.text)
          .join(''),
      ).toBe(tokenizer.decode(ids));
    }
  });
});

it('bytes that are no character become a replacement character each, as in SentencePiece', async () => {
  const tokenizer = await load('bpe-symbols');
  const { ids } = tokenizer.encodeSpans('a😀', []);
  expect(tokenizer.decode(ids)).toBe('a😀');
  expect(tokenizer.decode(ids.slice(0, -1))).toBe('a\uFFFD\uFFFD\uFFFD');
  expect(tokenizer.decode([...ids.slice(0, -2), ...ids.slice(-4)])).toBe('a\uFFFD\uFFFD😀');
});
