import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadTokenizer, type TextTokenizer } from '../../main/models/tokenizer.ts';
import { letterTokenizer } from '../support/raw-models.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();
const THREADS = { threads: 3, worthThreads: 300_000 };

async function load(): Promise<TextTokenizer> {
  await folder.write('tokenizer.json', JSON.stringify(letterTokenizer()));
  await folder.write('tokenizer_config.json', JSON.stringify({ bos_token: '<s>', eos_token: '</s>' }));
  return loadTokenizer(folder.path);
}

/** Texts of very different lengths, about a million and a half characters; counts how many were taken. */
function source(count = 3000): { texts: () => AsyncGenerator<string>; all: string[]; taken: number } {
  const all = Array.from({ length: count }, (_, index) => 'ab c'.repeat((index * 37) % 251) + String(index));
  if (count > 100) all[100] = 'abc'.repeat(120_000);
  const result = {
    all,
    taken: 0,
    texts: async function* () {
      for (const text of all) {
        result.taken++;
        yield text;
      }
    },
  };
  return result;
}

describe('many texts', () => {
  it.each([
    ['by three threads', THREADS],
    ['by one', { threads: 1 }],
    ['while they are few', { threads: 3, worthThreads: 1e9 }],
  ])('%s have the ids that each has alone, in order', async (_who, options) => {
    const tokenizer = await load();
    const { texts, all } = source();
    let index = 0;
    for await (const ids of tokenizer.encodeDocuments(texts(), options)) {
      expect(Array.from(ids)).toEqual(tokenizer.encodeDocument(all[index++]!));
    }
    expect(index).toBe(all.length);
  });

  it('may be none', async () => {
    const tokenizer = await load();
    for await (const _ids of tokenizer.encodeDocuments(source(0).texts(), THREADS)) expect.unreachable();
  });

  it('are not read far ahead, and not at all once nobody asks', async () => {
    const tokenizer = await load();
    const many = source(60_000); // some 30 million characters
    for await (const _ids of tokenizer.encodeDocuments(many.texts(), THREADS)) break;
    const taken = many.taken;
    expect(taken).toBeLessThan(10_000);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(many.taken).toBe(taken);
  });

  it('end with the error of reading them', async () => {
    const tokenizer = await load();
    const failing = async function* (): AsyncGenerator<string> {
      yield* source().texts();
      throw new Error('the disk is gone');
    };
    await expect(drain(tokenizer.encodeDocuments(failing(), THREADS))).rejects.toThrow('the disk is gone');
  });

  it('end with the error of a thread', async () => {
    const json = letterTokenizer();
    await folder.write('tokenizer.json', JSON.stringify({ ...json, model: { ...(json.model as object), unk_token: '<none>' } }));
    const tokenizer = await loadTokenizer(folder.path);
    const unknown = async function* (): AsyncGenerator<string> {
      for (let count = 0; count < 20; count++) yield 'ab'.repeat(100_000);
      yield 'ß';
    };
    await expect(drain(tokenizer.encodeDocuments(unknown(), THREADS))).rejects.toMatchObject({
      code: 'CORRUPT',
      message: 'The tokenizer uses a token that its vocabulary does not have.',
      found: '<none>',
    });
  });

  it('are refused when the tokenizer is another one by then', async () => {
    const tokenizer = await load();
    await writeFile(join(folder.path, 'tokenizer.json'), JSON.stringify({ ...letterTokenizer(), post_processor: null }));
    await expect(drain(tokenizer.encodeDocuments(source().texts(), THREADS))).rejects.toMatchObject({
      code: 'CONFLICT',
      message: 'The tokenizer was changed while texts were encoded with it.',
    });
  });

  it('are refused when the tokenizer is gone by then', async () => {
    const tokenizer = await load();
    await rm(join(folder.path, 'tokenizer.json'));
    await expect(drain(tokenizer.encodeDocuments(source().texts(), THREADS))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

async function drain(ids: AsyncIterable<Int32Array>): Promise<void> {
  for await (const _ids of ids);
}
