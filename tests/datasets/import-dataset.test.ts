import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createGzip, gzipSync } from 'node:zlib';
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { type DatasetDocument, openDataset } from '../../main/datasets/dataset-folder.ts';
import { type DatasetManifest, readManifest } from '../../main/datasets/dataset-manifest.ts';
import { importDataset } from '../../main/datasets/import-dataset.ts';
import { READABLE } from '../../main/datasets/readers/formats.ts';
import { type CleaningSettings, DEFAULT_CLEANING } from '../../shared/domain/cleaning.ts';
import { plainTextOf } from '../../shared/domain/content.ts';
import { randomStream } from '../../shared/domain/random.ts';
import { errorWithFullDisk } from '../support/limited-process.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();

/** Only texts that are the same are left out. */
const AS_IT_IS: CleaningSettings = { ...DEFAULT_CLEANING, unicode: 'off', controlCharacters: false, nearDuplicates: 'off' };

const destination = (): string => join(folder.path, 'datasets/one');
const rows = (texts: readonly string[]): string => texts.map((text) => JSON.stringify({ text }) + '\n').join('');

/** Documents of random lengths, each different. */
function texts(count: number, averageCharacters: number, seed = 1): string[] {
  const random = randomStream(seed);
  return Array.from({ length: count }, (_, index) => `${seed}.${index} `.padEnd(Math.ceil(2 * random() * averageCharacters), 'lorem '));
}

async function documentsOf(directory = destination()): Promise<DatasetDocument[]> {
  const documents: DatasetDocument[] = [];
  for await (const document of (await openDataset(directory)).documents()) documents.push(document);
  return documents;
}

const textsOf = async (directory?: string): Promise<string[]> => (await documentsOf(directory)).map(({ content }) => plainTextOf(content));
const heldOutOf = async (directory?: string): Promise<string[]> =>
  (await documentsOf(directory)).filter(({ heldOut }) => heldOut).map(({ content }) => plainTextOf(content));

/** What an import says of each file, by its name. */
const resultsOf = ({ files }: DatasetManifest): Record<string, string> =>
  Object.fromEntries(files.map(({ path, status, reason }) => [path.slice(folder.path.length + 1), `${status}: ${reason}`]));

describe('importing', () => {
  it('keeps the order of files and documents, and each text to the last character', async () => {
    const special = ['first\r\n', ' \u2028 \u0000 \\n "quoted" ', '😀 ü 日本語', 'last\ttab'];
    const [b, a] = [
      await folder.write('b.jsonl', rows(special)),
      await folder.write('a.jsonl.gz', gzipSync(rows(['from a', 'also from a']))),
    ];
    await importDataset([b, a], destination(), { cleaning: AS_IT_IS });
    expect(await textsOf()).toEqual([...special, 'from a', 'also from a']);
  });

  it('says what became of each file, and imports the others', async () => {
    await folder.write('in/a.jsonl', rows(['one', 'two', 'three']));
    await folder.write('in/b.txt', 'a short text');
    await folder.write('in/broken.jsonl', '{"text":"kept out"}\n{"text":\n');
    await folder.write('in/empty.txt', '');
    await folder.write('in/latin.txt', Buffer.from('Er h\xf6rte sch\xf6ne Gr\xfc\xdfe aus M\xfcnchen.', 'latin1'));
    await folder.write('in/no-text.jsonl', rows(['', ' ']));
    await folder.write('in/picture.png', 'x');
    await folder.write('in/README.md', 'about');
    await folder.write('in/same.jsonl', rows(['one', 'two']));
    const manifest = await importDataset([join(folder.path, 'in')], destination());
    expect(resultsOf(manifest)).toEqual({
      'in/README.md': 'skipped: It describes the data beside it. Choose the file itself to import it.',
      'in/a.jsonl': 'imported: 3 documents',
      'in/b.txt': 'imported: 1 document',
      'in/broken.jsonl': expect.stringMatching(/^failed: Line 2 is not JSON/) as string,
      'in/empty.txt': 'failed: The file is empty.',
      'in/latin.txt': 'imported: 1 document. Read as Windows-1252, guessed from its bytes.',
      'in/no-text.jsonl': 'failed: There is no text in it.',
      'in/picture.png': expect.stringMatching(/^skipped: Not a format Strata reads/) as string,
      'in/same.jsonl': 'skipped: 0 documents, 2 left out because others have the same text',
    });
    expect(await textsOf()).toEqual(['one', 'two', 'three', 'a short text', 'Er hörte schöne Grüße aus München.']);
  });

  it('leaves out exact duplicates, within a file and across files, and counts them', async () => {
    await folder.write('in/a.jsonl', rows(['one', 'two', 'one', 'One', 'one ']));
    await folder.write('in/b.jsonl', rows(['two', 'three', 'three']));
    const manifest = await importDataset([join(folder.path, 'in')], destination());
    expect(await textsOf()).toEqual(['one', 'two', 'One', 'one ', 'three']);
    expect([manifest.documents, manifest.duplicates]).toEqual([5, 3]);
    expect(resultsOf(manifest)).toEqual({
      'in/a.jsonl': 'imported: 4 documents, 1 left out because others have the same text',
      'in/b.jsonl': 'imported: 1 document, 2 left out because others have the same text',
    });
  });

  it('takes a file whole or not at all: a later file may still bring the same texts', async () => {
    await folder.write('in/a.jsonl', rows(texts(50, 3000)) + '{"text":\n'.repeat(50));
    await folder.write('in/b.jsonl', rows(texts(3, 30)));
    await folder.write('in/c.jsonl', rows(texts(50, 3000).slice(0, 2)));
    const manifest = await importDataset([join(folder.path, 'in')], destination());
    expect(await textsOf()).toEqual([...texts(3, 30), ...texts(50, 3000).slice(0, 2)]);
    expect([manifest.documents, manifest.duplicates]).toEqual([5, 0]);
  });

  it('of a truncated gzip file takes nothing from it', async () => {
    const whole = gzipSync(rows(texts(3000, 100)));
    await folder.write('in/a.jsonl.gz', whole.subarray(0, whole.length - 100));
    await folder.write('in/b.jsonl', rows(['one', 'two']));
    const manifest = await importDataset([join(folder.path, 'in')], destination());
    expect(resultsOf(manifest)['in/a.jsonl.gz']).toBe('failed: The gzip data ends too early: the file is truncated.');
    expect(await textsOf()).toEqual(['one', 'two']);
  });

  it('takes the licence of a file LICENSE, unless another or none was said', async () => {
    await folder.write('in/LICENCE.ts', "import { open } from 'node:fs/promises';");
    await folder.write('in/LICENSE', '\n MIT License\n\nPermission is hereby granted');
    await folder.write('in/a.jsonl', rows(['one', 'two']));
    const licenceOf = async (said?: string): Promise<string | null> =>
      (await importDataset([join(folder.path, 'in')], destination(), said === undefined ? {} : { licence: said })).licence;
    expect(await licenceOf()).toBe('MIT License');
    await rm(destination(), { recursive: true });
    expect(await licenceOf('CC0')).toBe('CC0');
    await rm(destination(), { recursive: true });
    expect(await licenceOf('')).toBe(null);
  });

  it('writes a manifest whose figures are those of the documents', async () => {
    const content = rows(['ü', '日本', 'plain', 'plain']);
    const path = await folder.write('stories.jsonl', content);
    const manifest = await importDataset([path], destination());
    const said = (await documentsOf()).map(({ content, heldOut }) => JSON.stringify({ content, heldOut }) + '\n');
    expect(manifest).toEqual({
      schemaVersion: 2,
      sampleOf: null,
      name: 'stories',
      documents: 3,
      heldOutDocuments: 1,
      duplicates: 1,
      kinds: { text: 3 },
      characters: 1 + 2 + 5,
      bytes: 2 + 6 + 5,
      hash: createHash('sha256').update(said.join('')).digest('hex'),
      source: path,
      origin: null,
      licence: null,
      files: [
        {
          path,
          status: 'imported',
          reason: '3 documents, 1 left out because others have the same text',
          documents: 3,
          bytes: Buffer.byteLength(content),
          sha256: createHash('sha256').update(content).digest('hex'),
          mapping: { shape: 'text', columns: ['text'] },
        },
      ],
      cleaning: { settings: DEFAULT_CLEANING, report: expect.objectContaining({ sensitive: [], sectionsAdded: 0 }) as unknown },
      split: {
        documents: 1,
        bytes: 2,
        share: 2 / 13,
        estimatedStandardError: expect.any(Number) as unknown,
        note: expect.any(String) as unknown,
      },
      version: 1,
      parent: null,
      request: { paths: [path], mappings: [], seed: null },
      languages: [{ language: 'unknown', share: 1 }],
    });
    expect(await readManifest(destination())).toEqual(manifest);
    expect(await folder.list()).toEqual([
      'datasets/',
      'datasets/one/',
      'datasets/one/dataset.json',
      'datasets/one/documents.index',
      'datasets/one/documents.jsonl',
      'stories.jsonl',
    ]);
  });

  it.each([
    [['stories.JSON.GZ'], 'stories'],
    [['table.tsv'], 'table'],
    [['model-4.5.jsonl'], 'model-4.5'],
    [['python-stdlib.jsonl.gz'], 'python-stdlib'],
    [['a.jsonl', 'b.jsonl', 'c.jsonl'], 'a and 2 more'],
  ])('names the dataset of %j after its files', async (names, expected) => {
    const paths: string[] = [];
    for (const [index, name] of names.entries()) {
      const content = /tsv$/.test(name)
        ? 'text\none\ntwo\n'
        : /json\b/i.test(name)
          ? JSON.stringify(texts(2, 10, index))
          : rows(texts(2, 10, index));
      paths.push(await folder.write(name, /gz$/i.test(name) ? gzipSync(content) : content));
    }
    expect((await importDataset(paths, destination())).name).toBe(expected);
    expect((await importDataset(paths, join(folder.path, 'named'), { name: 'My own' })).name).toBe('My own');
  });
});

describe('the held-out part', () => {
  it.each([
    { what: 'enough of a large dataset to measure within one percent', count: 4000, average: 1000, least: 0.05, most: 0.06 },
    { what: 'at most a fifth of a small one', count: 100, average: 1000, least: 0.17, most: 0.2 },
  ])('is $what', async ({ count, average, least, most }) => {
    const path = await folder.write('a.jsonl', rows(texts(count, average)));
    const { bytes } = await importDataset([path], destination());
    const share = (await heldOutOf()).reduce((sum, text) => sum + text.length, 0) / bytes;
    expect(share).toBeGreaterThanOrEqual(least);
    expect(share).toBeLessThanOrEqual(most);
  });

  it('is spread over the documents, not taken from one end', async () => {
    await importDataset([await folder.write('a.jsonl', rows(texts(4000, 1000)))], destination());
    const places = (await documentsOf()).flatMap(({ heldOut }, index) => (heldOut ? [index] : []));
    for (const quarter of [0, 1, 2, 3]) {
      expect(places.filter((place) => Math.floor(place / 1000) === quarter).length).toBeGreaterThan(20);
    }
  });

  it('has the same documents when the files are imported again, in another order, or in one file', async () => {
    const [one, two] = [texts(300, 800, 1), texts(300, 800, 2)];
    const a = await folder.write('a.jsonl', rows(one));
    const b = await folder.write('b.jsonl.gz', gzipSync(rows(two)));
    const both = await folder.write('both.jsonl', rows([...two, ...one].reverse()));
    const imports = [[a, b], [a, b], [b, a], [both]];
    const directories = imports.map((_, index) => join(folder.path, `datasets/${index}`));
    for (const [index, paths] of imports.entries()) await importDataset(paths, directories[index]!);
    const parts = await Promise.all(directories.map(async (directory) => (await heldOutOf(directory)).sort()));
    expect(parts[0]!.length).toBeGreaterThan(20);
    for (const part of parts.slice(1)) expect(part).toEqual(parts[0]);
    const manifests = await Promise.all(directories.slice(0, 2).map(readManifest));
    expect(manifests[0]!.hash).toBe(manifests[1]!.hash);
  });

  it('never swallows a document that is most of the text', async () => {
    for (let seed = 1; seed <= 8; seed++) {
      const all = [...texts(30, 200, seed), 'x'.repeat(100_000 + seed)];
      const directory = join(folder.path, `datasets/${seed}`);
      const manifest = await importDataset([await folder.write(`${seed}.jsonl`, rows(all))], directory);
      const heldOut = await heldOutOf(directory);
      expect(heldOut.reduce((sum, text) => sum + text.length, 0)).toBeLessThanOrEqual(0.2 * manifest.bytes);
      expect(heldOut.length).toBeGreaterThan(0);
    }
  });

  it('is the smaller of two documents', async () => {
    for (const [index, all] of [
      ['short', 'the longer one'],
      ['another longer one', 'short'],
    ].entries()) {
      const directory = join(folder.path, `datasets/${index}`);
      await importDataset([await folder.write('a.jsonl', rows(all))], directory);
      expect(await heldOutOf(directory)).toEqual(['short']);
    }
  });
});

describe('an import that cannot be done leaves nothing behind:', () => {
  /** Imports, expects a refusal, and that the folder is as it was. */
  async function refused(paths: readonly string[]): Promise<unknown> {
    await mkdir(join(folder.path, 'datasets'), { recursive: true });
    const before = await folder.list();
    const error: unknown = await importDataset(paths, destination()).then(
      () => expect.fail('it was imported'),
      (reason: unknown) => reason,
    );
    expect(await folder.list()).toEqual(before);
    return error;
  }

  it('one document alone', async () => {
    expect(await refused([await folder.write('a.txt', 'Only one.')])).toMatchObject({
      code: 'BAD_INPUT',
      message: 'There is too little text: nothing could be held out to measure on.',
      found: '1 document of 9 bytes',
    });
  });

  it('one document, however often', async () => {
    expect(await refused([await folder.write('a.jsonl', rows(['same', 'same', 'same']))])).toMatchObject({ code: 'BAD_INPUT' });
  });

  it('no readable file', async () => {
    const paths = [await folder.write('a.png', 'x'), await folder.write('b.txt', ''), await folder.write('c.txt', Buffer.alloc(100))];
    expect(await refused([...paths, await folder.write('d.txt', ''), await folder.write('e.txt', '')])).toMatchObject({
      code: 'BAD_INPUT',
      message: 'No text could be imported.',
      found: expect.stringMatching(
        /^a\.png: Strata does not read \.png; .* b\.txt: The file is empty\. c\.txt: It is a binary file, not text\. d\.txt: The file is empty\. e\.txt: The file is empty\.$/,
      ) as string,
      allowed: READABLE,
    });
  });

  it('an empty folder', async () => {
    await mkdir(join(folder.path, 'empty'));
    expect(await refused([join(folder.path, 'empty')])).toMatchObject({ code: 'BAD_INPUT', found: 'an empty folder' });
  });

  it('a path that is not there, among others that are', async () => {
    const missing = join(folder.path, 'none.txt');
    expect(await refused([await folder.write('a.jsonl', rows(['one', 'two'])), missing])).toMatchObject({
      code: 'NOT_FOUND',
      found: missing,
    });
  });

  it('a destination that is taken, which stays as it is', async () => {
    await folder.write('datasets/one/precious.txt', 'mine');
    await refused([await folder.write('a.jsonl', rows(['one', 'two']))]);
    expect(await readFile(join(destination(), 'precious.txt'), 'utf8')).toBe('mine');
  });
});

it.runIf(process.platform === 'linux')('an import that fills the disk leaves nothing behind', async () => {
  const path = await folder.write('in/a.jsonl', rows(texts(400, 1000)));
  await mkdir(join(folder.path, 'datasets'));
  const before = await folder.list();
  const module = join(import.meta.dirname, '../../main/datasets/import-dataset.ts');
  expect(errorWithFullDisk(64, module, 'importDataset', [[path], destination()])).toBe('EFBIG');
  expect(await folder.list()).toEqual(before);
  expect(errorWithFullDisk(10_000, module, 'importDataset', [[path], destination()])).toBe('');
  expect(await textsOf()).toEqual(texts(400, 1000));
});

it('what an interrupted import left behind is replaced', async () => {
  await folder.write('datasets/one.partial/collected.jsonl', '"half');
  await folder.write('datasets/one.partial/other', 'x');
  await importDataset([await folder.write('a.jsonl', rows(['one', 'two']))], destination());
  expect(await folder.list()).toEqual([
    'a.jsonl',
    'datasets/',
    'datasets/one/',
    'datasets/one/dataset.json',
    'datasets/one/documents.index',
    'datasets/one/documents.jsonl',
  ]);
});

it('the files that were imported are not changed', async () => {
  const contents = { 'in/a.jsonl': Buffer.from(rows(['one', 'two'])), 'in/b.txt.gz': gzipSync('three') };
  for (const [name, content] of Object.entries(contents)) await folder.write(name, content);
  await importDataset([join(folder.path, 'in')], destination());
  for (const [name, content] of Object.entries(contents)) expect(await readFile(join(folder.path, name))).toEqual(content);
});

it('a corpus is never in memory: many times more text needs hardly more of it', async () => {
  const entry = join(import.meta.dirname, '../../main/datasets/import-dataset.ts');
  const program = `
    const { importDataset } = await import(process.argv[1]);
    await importDataset([process.argv[2]], process.argv[3]);
    console.log(process.resourceUsage().maxRSS * 1024);`;
  const peakOf = async (documents: number): Promise<number> => {
    const path = join(folder.path, `${documents}.jsonl.gz`);
    const lines = function* (): Iterable<string> {
      for (let index = 0; index < documents; index++) yield JSON.stringify({ text: `${index} ${'some words '.repeat(4000)}` }) + '\n';
    };
    await pipeline(Readable.from(lines()), createGzip({ level: 1 }), createWriteStream(path));
    const { stdout, stderr } = spawnSync(
      process.execPath,
      // The table of languages takes about 70 MB of it.
      ['--max-old-space-size=144', '--input-type=module', '-e', program, entry, path, join(folder.path, `out-${documents}`)],
      { encoding: 'utf8' },
    );
    expect(stderr).toBe('');
    return Number(stdout);
  };
  const [small, large] = [await peakOf(20), await peakOf(4000)]; // 1 MB and 176 MB of text
  expect(large - small).toBeLessThan(170_000_000); // and no more with 8,000: what is held is buffers that wait for collection
});

describe('an import that is stopped', () => {
  /** Stops while a file is begun. */
  const importing = (paths: string[], stopAt: string | null, resume: boolean): Promise<DatasetManifest> => {
    const controller = new AbortController();
    return importDataset(paths, destination(), {
      resume,
      signal: controller.signal,
      onProgress: ({ activity }) => {
        if (stopAt !== null && activity === `Reading ${stopAt}`) controller.abort();
      },
    });
  };
  const paths = async (): Promise<string[]> =>
    Promise.all(['a', 'b', 'c'].map((name, index) => folder.write(`${name}.jsonl`, rows(texts(20, 500, index + 1)))));

  it('keeps what was read, and gives the same dataset when it goes on', async () => {
    const files = await paths();
    await expect(importing(files, 'c.jsonl', false)).rejects.toMatchObject({ code: 'INTERRUPTED' });
    const kept = await readFile(join(`${destination()}.partial`, 'work/files.jsonl'), 'utf8');
    expect(kept.trim().split('\n')).toHaveLength(2);
    const manifest = await importing(files, null, true);
    const whole = await importDataset(files, join(folder.path, 'datasets/whole'));
    expect(manifest).toEqual(whole);
    expect(await folder.list()).not.toContain('datasets/one.partial/');
  });

  it('reads anew from the first file that changed', async () => {
    const files = await paths();
    await expect(importing(files, 'c.jsonl', false)).rejects.toMatchObject({ code: 'INTERRUPTED' });
    await folder.write('b.jsonl', rows(texts(7, 500, 9)));
    const manifest = await importing(files, null, true);
    expect(manifest.files.map(({ documents }) => documents)).toEqual([20, 7, 20]);
    expect((await textsOf()).slice(20, 27)).toEqual(texts(7, 500, 9));
  });
});

it('rows are read by their shape, those that hold something else are left out and told', async () => {
  const chat = (count: number): object[] =>
    Array.from({ length: count }, (_, index) => ({
      messages: [
        { role: 'user', content: `What is ${index}?` },
        { role: 'assistant', content: `The number ${index}.` },
      ],
    }));
  const lines = [...chat(5), { messages: 7 }, ...chat(9).slice(5)].map((row) => JSON.stringify(row) + '\n').join('');
  const manifest = await importDataset([await folder.write('talk.jsonl', lines)], destination());
  expect(manifest.kinds).toEqual({ chat: 9 });
  expect(manifest.files[0]!.mapping).toMatchObject({ shape: 'chat', messages: ['messages'] });
  expect(manifest.files[0]!.reason).toMatch(/^9 documents\. 1 of 10 rows left out\. At line 6, column "messages" holds /);
});
