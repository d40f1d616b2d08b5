import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ContentEncoder, loadContentEncoder } from '../../main/models/content-encoder.ts';
import type { EncodedContent } from '../../main/models/tokenizers/parallel-encoding.ts';
import type { Content } from '../../shared/domain/content.ts';
import { letterTokenizer } from '../support/raw-models.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();
const THREADS = { threads: 3, worthThreads: 300_000 };

async function load(): Promise<ContentEncoder> {
  await folder.write('tokenizer.json', JSON.stringify(letterTokenizer()));
  await folder.write('tokenizer_config.json', JSON.stringify({ bos_token: '<s>', eos_token: '</s>' }));
  return loadContentEncoder(folder.path);
}

/** Texts of very different lengths, about a million and a half characters; counts how many were taken. */
function source(count = 3000): { contents: () => AsyncGenerator<Content>; all: string[]; taken: number } {
  const all = Array.from({ length: count }, (_, index) => 'ab c'.repeat((index * 37) % 251) + String(index));
  if (count > 100) all[100] = 'abc'.repeat(120_000);
  const result = {
    all,
    taken: 0,
    contents: async function* (): AsyncGenerator<Content> {
      for (const text of all) {
        result.taken++;
        yield text.length % 3 === 0 ? { kind: 'completion', prompt: 'ab', completion: text } : { kind: 'text', text };
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
    const encoder = await load();
    const { contents } = source();
    const all = await collect(contents());
    let index = 0;
    for await (const { ids, learned } of encoder.encodeAll(contents(), options)) {
      const alone = encoder.encode(all[index++]!);
      expect(Array.from(ids)).toEqual(alone.ids);
      expect(learned).toEqual(alone.learned);
    }
    expect(index).toBe(all.length);
  });

  it.each([
    ['by three threads', THREADS],
    ['while they are few', { threads: 3, worthThreads: 1e9 }],
  ])('%s leave out what cannot be encoded, told by its place; without a listener the first of it ends them', async (_who, options) => {
    const encoder = await load();
    const all = await collect(source().contents());
    const places = [0, 700, 701, 2999];
    for (const place of places) all[place] = { kind: 'choice', question: `Which ${place}?`, choices: ['a', 'b'], answer: 0 };
    const contents = async function* (): AsyncGenerator<Content> {
      yield* all;
    };
    const told: [number, string | undefined][] = [];
    const encoded = await collect(
      encoder.encodeAll(contents(), { ...options, onRefused: (place, { found }) => told.push([place, found]) }),
    );
    expect(told).toEqual(places.map((place) => [place, `Which ${place}?`]));
    const usable = all.filter(({ kind }) => kind !== 'choice');
    expect(encoded).toHaveLength(usable.length);
    expect(Array.from(encoded[700]!.ids)).toEqual(encoder.encode(usable[700]!).ids);
    await expect(drain(encoder.encodeAll(contents(), options))).rejects.toMatchObject({ code: 'UNSUPPORTED', found: 'Which 0?' });
  });

  it('may be none', async () => {
    const encoder = await load();
    for await (const _ids of encoder.encodeAll(source(0).contents(), THREADS)) expect.unreachable();
  });

  it('are not read far ahead, and not at all once nobody asks', async () => {
    const encoder = await load();
    const many = source(60_000); // some 30 million characters
    for await (const _ids of encoder.encodeAll(many.contents(), THREADS)) break;
    const taken = many.taken;
    expect(taken).toBeLessThan(10_000);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(many.taken).toBe(taken);
  });

  it('end with the error of reading them', async () => {
    const encoder = await load();
    const failing = async function* (): AsyncGenerator<Content> {
      yield* source().contents();
      throw new Error('the disk is gone');
    };
    await expect(drain(encoder.encodeAll(failing(), THREADS))).rejects.toThrow('the disk is gone');
  });

  it('end with the error of a thread', async () => {
    const json = letterTokenizer();
    await folder.write('tokenizer.json', JSON.stringify({ ...json, model: { ...(json.model as object), unk_token: '<none>' } }));
    const encoder = await loadContentEncoder(folder.path);
    const unknown = async function* (): AsyncGenerator<Content> {
      for (let count = 0; count < 20; count++) yield { kind: 'text', text: 'ab'.repeat(100_000) };
      yield { kind: 'text', text: 'ß' };
    };
    await expect(drain(encoder.encodeAll(unknown(), THREADS))).rejects.toMatchObject({
      code: 'CORRUPT',
      message: 'The tokenizer uses a token that its vocabulary does not have.',
      found: '<none>',
    });
  });

  it('are refused when the tokenizer is another one by then', async () => {
    const encoder = await load();
    await writeFile(join(folder.path, 'tokenizer.json'), JSON.stringify({ ...letterTokenizer(), post_processor: null }));
    await expect(drain(encoder.encodeAll(source().contents(), THREADS))).rejects.toMatchObject({
      code: 'CONFLICT',
      message: 'The tokenizer was changed while texts were encoded with it.',
    });
  });

  it('are refused when the tokenizer is gone by then', async () => {
    const encoder = await load();
    await rm(join(folder.path, 'tokenizer.json'));
    await expect(drain(encoder.encodeAll(source().contents(), THREADS))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function drain(ids: AsyncIterable<EncodedContent>): Promise<void> {
  for await (const _ids of ids);
}
