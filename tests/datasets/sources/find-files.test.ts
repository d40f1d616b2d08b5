import { spawnSync } from 'node:child_process';
import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { READABLE } from '../../../main/datasets/readers/formats.ts';
import { findFiles } from '../../../main/datasets/sources/find-files.ts';
import type { Found } from '../../../main/datasets/sources/found.ts';
import { found, textsOf } from '../../support/read-file.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const folder = useTemporaryFolder();

/** What is said of each path below the folder: null of a file to read. */
async function resultsIn(...paths: string[]): Promise<Record<string, string | null>> {
  const all = await found(paths.length > 0 ? paths : [folder.path]);
  return Object.fromEntries(
    all.map((each: Found) => [each.path.slice(folder.path.length + 1), each.kind === 'file' ? null : `${each.kind}: ${each.reason}`]),
  );
}

describe('files of a folder', () => {
  async function namesOf(...paths: string[]): Promise<[string, string | null][]> {
    const all = await found(paths.length > 0 ? paths : [folder.path]);
    return all.map((each) => [each.path.slice(folder.path.length + 1), each.kind === 'file' ? null : each.reason]);
  }
  const aboutData = 'It describes the data beside it. Choose the file itself to import it.';

  it('are gone through in the order of their names, nested folders too, hidden ones not', async () => {
    for (const name of ['b.txt', 'a/2.txt', 'a/10.txt', 'c/d/e.jsonl.gz', '.hidden.txt', '.git/x.txt', 'a/.cache/y.txt'])
      await folder.write(name, 'x');
    expect(await namesOf()).toEqual([
      ['a/10.txt', null],
      ['a/2.txt', null],
      ['b.txt', null],
      ['c/d/e.jsonl.gz', null],
    ]);
  });

  it('that are not data are named with the reason', async () => {
    for (const name of ['a.txt', 'picture.png', 'README.md', 'LICENSE.txt', 'licences.txt', 'readme_first.txt'])
      await folder.write(name, 'x');
    const notRead = `Not a format Strata reads (${READABLE}).`;
    expect(await namesOf()).toEqual([
      ['LICENSE.txt', aboutData],
      ['README.md', aboutData],
      ['a.txt', null],
      ['licences.txt', null],
      ['picture.png', notRead],
      ['readme_first.txt', null],
    ]);
  });

  it('that belong to a model are named with the reason, and read when they are chosen themselves', async () => {
    const ofModel =
      'config.json generation_config.json merges.txt model.safetensors.index.json special_tokens_map.json tokenizer.json tokenizer_config.json vocab.json';
    for (const name of [...ofModel.split(' '), 'configurations.json', 'my_tokenizer.json', 'a.jsonl']) await folder.write(name, '[]');
    expect((await namesOf()).filter(([, reason]) => reason !== null)).toEqual(
      ofModel.split(' ').map((name) => [name, 'It belongs to a model. Choose the file itself to import it.']),
    );
    expect(await namesOf(join(folder.path, 'tokenizer.json'))).toEqual([['tokenizer.json', null]]);
  });

  it('a README is data among files of Markdown, and when it is chosen itself', async () => {
    for (const name of ['notes/README.md', 'notes/b.md', 'data/README.md', 'data/b.jsonl']) await folder.write(name, 'x');
    expect(await namesOf(join(folder.path, 'notes'))).toEqual([
      ['notes/README.md', null],
      ['notes/b.md', null],
    ]);
    expect(await namesOf(join(folder.path, 'data'))).toEqual([
      ['data/README.md', aboutData],
      ['data/b.jsonl', null],
    ]);
    expect(await namesOf(join(folder.path, 'data/README.md'))).toEqual([['data/README.md', null]]);
  });

  it('may be links to files within the choice, each file once; others are named, not followed, so that no loop is endless', async () => {
    for (const name of ['blobs/1', 'other/2.txt', 'data/real/3.txt']) await folder.write(name, 'text');
    const data = join(folder.path, 'data');
    await symlink('real/3.txt', join(data, 'a.txt'));
    await symlink('a.txt', join(data, 'again.txt'));
    await symlink('../blobs/1', join(data, 'b.txt'));
    await symlink('/etc/passwd', join(data, 'c.txt'));
    await symlink('..', join(data, 'loop'));
    const outside = 'It is a link that leads out of what was chosen. Choose the link itself to import it.';
    const rest: [string, string | null][] = [
      ['data/c.txt', outside],
      ['data/loop', 'It is a link to a folder. Choose that folder itself to import it.'],
      ['data/real/3.txt', null],
    ];
    const again: [string, string] = ['data/again.txt', 'It is a link to a file that was chosen or linked before.'];
    expect(await namesOf(data)).toEqual([['data/a.txt', null], again, ['data/b.txt', outside], ...rest]);
    expect(await namesOf(data, join(folder.path, 'blobs'))).toEqual([
      ['data/a.txt', null],
      again,
      ['data/b.txt', null],
      ...rest,
      ['blobs/1', `Not a format Strata reads (${READABLE}).`],
    ]);
    expect(await textsOf(join(data, 'b.txt'))).toEqual(['text']);
  });

  it('are read in a snapshot of the cache of Hugging Face, whose files are links to a folder beside', async () => {
    await folder.write('datasets--a--b/blobs/1', 'text');
    const snapshot = join(folder.path, 'datasets--a--b/snapshots/abc');
    await mkdir(join(snapshot, 'data'), { recursive: true });
    await symlink('../../../blobs/1', join(snapshot, 'data/a.txt'));
    expect(await namesOf(snapshot)).toEqual([['datasets--a--b/snapshots/abc/data/a.txt', null]]);
    expect(await textsOf(snapshot)).toEqual(['text']);
  });

  it('chosen one by one keep the order in which they were chosen, whether they exist or not', async () => {
    const [b, a] = [await folder.write('b.txt', 'x'), await folder.write('a.txt', 'x')];
    expect(await namesOf(b, a, join(folder.path, 'none.txt'))).toEqual([
      ['b.txt', null],
      ['a.txt', null],
      ['none.txt', null],
    ]);
  });
});

const vendored = 'skipped: It holds packages of others or generated files. Choose the folder itself to import it.';
const ignored = 'skipped: A .gitignore file leaves it out. Choose it itself to import it.';
const generated = 'skipped: A program wrote it from other files. Choose the file itself to import it.';
const settings = 'skipped: It holds settings of the project. Choose the file itself to import it.';

describe('a tree of source code', () => {
  it('is read without what .gitignore names, packages of others, generated files and settings', async () => {
    const names = [
      'package.json package-lock.json README.md Makefile src/a.ts src/b.min.js src/deep/c.py src/deep/kept.log src/deep/lost.log',
      'node_modules/x/index.js vendor/y.go dist/z.js secret/key.py notes/draft.md notes/final.md tsconfig.build.json logo.png',
    ];
    for (const name of names.join(' ').split(' ')) await folder.write(name, 'x');
    await folder.write('.gitignore', '*.log\n/secret/\nnotes/*\n!notes/final.md\n');
    await folder.write('src/deep/.gitignore', '!kept.log\n');
    expect(await resultsIn()).toEqual({
      Makefile: null,
      'README.md': null,
      dist: vendored,
      'logo.png': `skipped: Not a format Strata reads (${READABLE}).`,
      node_modules: vendored,
      'notes/draft.md': ignored,
      'notes/final.md': null,
      'package-lock.json': generated,
      'package.json': settings,
      secret: ignored,
      'src/a.ts': null,
      'src/b.min.js': generated,
      'src/deep/c.py': null,
      'src/deep/kept.log': null,
      'src/deep/lost.log': ignored,
      'tsconfig.build.json': settings,
      vendor: vendored,
    });
  });

  it('leaves out nothing of a folder of data that has such a name', async () => {
    for (const name of ['dist/a.txt', 'build/b.txt', 'target/c.jsonl']) await folder.write(name, 'x');
    expect(await resultsIn()).toEqual({ 'build/b.txt': null, 'dist/a.txt': null, 'target/c.jsonl': null });
  });

  it('gives a document for each file', async () => {
    await folder.write('a.py', `def f():\n${'    pass\n'.repeat(3000)}`);
    await folder.write('Dockerfile', 'FROM scratch');
    const texts = await textsOf(folder.path);
    expect(texts).toHaveLength(2);
    expect(texts[1]).toHaveLength('def f():\n'.length + 3000 * '    pass\n'.length);
  });
});

describe.runIf(process.platform !== 'win32')('what would never end or answer', () => {
  it('is named and passed over: pipes, sockets, devices, broken links, links to themselves', async () => {
    await folder.write('a.txt', 'x');
    expect(spawnSync('mkfifo', [join(folder.path, 'pipe.txt')]).status).toBe(0);
    const server = createServer().listen(join(folder.path, 'socket.txt'));
    await symlink('/dev/zero', join(folder.path, 'zero.txt'));
    await symlink('nowhere.txt', join(folder.path, 'broken.txt'));
    await symlink('self.txt', join(folder.path, 'self.txt'));
    const special = 'failed: It is not an ordinary file but a pipe, a socket or a device.';
    try {
      expect(await resultsIn()).toEqual({
        'a.txt': null,
        'broken.txt': 'failed: It is a link to nothing.',
        'pipe.txt': special,
        'self.txt': 'failed: It is a link that leads back to itself.',
        'socket.txt': special,
        'zero.txt': special,
      });
      const pipe = special.slice('failed: '.length);
      await expect(textsOf(join(folder.path, 'pipe.txt'))).rejects.toThrow(pipe);
      await expect(textsOf(join(folder.path, 'zero.txt'))).rejects.toThrow(pipe);
    } finally {
      server.close();
    }
  });

  it.skipIf(process.getuid?.() === 0)('is a folder or file without permission', async () => {
    const path = await folder.write('closed/a.txt', 'x');
    await folder.write('b.txt', 'x');
    await chmod(path, 0);
    await expect(textsOf(path)).rejects.toThrow('It may not be read: check its permissions.');
    await chmod(join(folder.path, 'closed'), 0);
    expect(await resultsIn()).toEqual({ 'b.txt': null, closed: 'failed: It may not be read: check its permissions.' });
    await chmod(join(folder.path, 'closed'), 0o700);
  });
});

it.runIf(process.platform === 'linux')('a name that is not UTF-8 is told, and a file that vanishes during the import', async () => {
  await folder.write('a.txt', 'x');
  const gone = await folder.write('b.txt', 'x');
  const last = await folder.write('d.txt', 'x');
  await writeFile(Buffer.concat([Buffer.from(`${folder.path}/c`), Buffer.from([0xff]), Buffer.from('.txt')]), 'x');
  const reasons: string[] = [];
  for await (const each of findFiles([folder.path])) {
    if (each.kind !== 'file') {
      reasons.push(each.reason);
      continue;
    }
    if (each.path.endsWith('a.txt')) await rm(gone);
    else {
      await rm(last);
      await expect(each.file.open()[Symbol.asyncIterator]().next()).rejects.toThrow('The file vanished after it was found,');
    }
  }
  expect(reasons).toEqual([
    'It vanished while its folder was gone through.',
    'Its name, or that of a folder around it, is not UTF-8 and cannot be opened. Rename it and import it again.',
  ]);
});

it('folders are gone through to a depth, and the one below it is named', async () => {
  const deep = Array.from({ length: 130 }, () => 'd').join('/');
  await folder.write(`${deep}/a.txt`, 'x');
  await folder.write('b.txt', 'x');
  const results = await resultsIn();
  expect(Object.entries(results)).toEqual([
    ['b.txt', null],
    [Array.from({ length: 101 }, () => 'd').join('/'), 'skipped: It lies more than 100 folders deep. Choose it itself to import it.'],
  ]);
});

it('a folder chosen with one around it, or a file chosen twice, is read once', async () => {
  const path = await folder.write('a/b/c.txt', 'x');
  expect(await resultsIn(join(folder.path, 'a/b'), join(folder.path, 'a'), path, path)).toMatchObject({
    'a/b/c.txt': 'skipped: It was chosen twice.',
    'a/b': 'skipped: It has been gone through already.',
  });
});

it('files are found one after the other: what comes first is there before the rest has been looked at', async () => {
  for (const name of ['a/1.txt', 'b/2.txt']) await folder.write(name, 'x');
  const files = findFiles([folder.path])[Symbol.asyncIterator]();
  expect((await files.next()).value).toMatchObject({ path: join(folder.path, 'a/1.txt') });
  await folder.write('b/3.txt', 'x'); // its folder has not been opened yet
  expect((await files.next()).value).toMatchObject({ path: join(folder.path, 'b/2.txt') });
  expect((await files.next()).value).toMatchObject({ path: join(folder.path, 'b/3.txt') });
});
