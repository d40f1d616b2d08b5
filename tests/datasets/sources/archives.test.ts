import { readdir, readFile } from 'node:fs/promises';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { findFiles } from '../../../main/datasets/sources/find-files.ts';
import { UNPACKING_LIMITS } from '../../../main/datasets/sources/limits.ts';
import type { SourceFile } from '../../../main/datasets/source-file.ts';
import { found, textsOf } from '../../support/read-file.ts';
import { tarOf } from '../../support/tar.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { renamed, zipOf } from '../../support/zip-archive.ts';

const folder = useTemporaryFolder();

async function textIn(file: SourceFile): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of file.open()) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** What each member of an archive says, or why it is not read. */
async function membersIn(
  name: string,
  content: Uint8Array,
  options: Parameters<typeof findFiles>[1] = {},
): Promise<Record<string, string>> {
  const path = await folder.write(name, content);
  const members: Record<string, string> = {};
  for await (const each of findFiles([path], options)) {
    const place = each.path.slice(folder.path.length + 1);
    members[place] =
      each.kind === 'file' ? await textIn(each.file).catch((error: Error) => `failed: ${error.message}`) : `${each.kind}: ${each.reason}`;
  }
  return members;
}

const long = Array.from({ length: 20_000 }, (_, index) => `line ${index} of a long member\n`).join('');

describe('members of an archive', () => {
  const texts = { 'a.txt': 'first', 'part/b.jsonl': '"second"\n', 'part/ü 日本.md': 'third', 'long.txt': long };
  const gzipped = { ...texts, 'c.txt.gz': gzipSync('fourth') };

  it.each([
    ['a.zip', () => zipOf(gzipped)],
    ['stored.zip', () => zipOf(gzipped, false)],
    ['a.tar', () => tarOf(Object.entries(gzipped).map(([name, content]) => ({ name, content })))],
  ])('%s are files with its name before theirs, whatever packs it', async (name, make) => {
    const content = await make();
    const expected = { ...texts, 'c.txt.gz': 'fourth' };
    const below = (archive: string): Record<string, string> =>
      Object.fromEntries(Object.entries(expected).map(([member, text]) => [`${archive}/${member}`, text]));
    expect(await membersIn(name, content)).toEqual(below(name));
    expect(await membersIn(`${name}.gz`, gzipSync(content))).toEqual(below(`${name}.gz`));
    expect(await membersIn(`${name}.zst`, zstdCompressSync(content))).toEqual(below(`${name}.zst`));
    if (name.endsWith('.tar')) expect(await membersIn('b.tgz', gzipSync(content))).toEqual(below('b.tgz'));
  });

  it('are left out as files of a folder are', async () => {
    const members = { 'a.txt': 'x', '.hidden': 'x', '__MACOSX/._a.txt': 'x', 'README.md': 'x', 'x.png': 'x', 'p/node_modules/y.js': 'x' };
    const all = await membersIn('a.zip', await zipOf(members));
    expect(Object.keys(all)).toEqual(['a.zip/a.txt', 'a.zip/README.md', 'a.zip/x.png', 'a.zip/p/node_modules/y.js']);
    expect(all['a.zip/p/node_modules/y.js']).toMatch(/^skipped: It is in a folder of packages of others/);
    expect(all['a.zip/x.png']).toMatch(/^skipped: Not a format Strata reads/);
  });

  it('may be archives, to a depth of two', async () => {
    const third = await zipOf({ 'c.txt': 'in the third' });
    const second = await tarOf([
      { name: 'b.txt', content: 'in the second' },
      { name: 'third.zip', content: third },
    ]);
    const first = await zipOf({ 'a.txt': 'in the first', 'second.tar.gz': gzipSync(second) });
    expect(await membersIn('first.zip', first)).toEqual({
      'first.zip/a.txt': 'in the first',
      'first.zip/second.tar.gz/b.txt': 'in the second',
      'first.zip/second.tar.gz/third.zip':
        'failed: It is an archive within 2 others, the most that is gone through. Unpack one and import what is in it.',
    });
  });

  it.each(['a.zip', 'a.tar.gz'])('of %s can be opened again, later and in any order, and lie on the disk when asked', async (name) => {
    const large = Array.from({ length: 400_000 }, (_, index) => `${index} of a member larger than what is held\n`).join('');
    const members = { 'a.txt': 'one', 'large.txt': large, 'b.txt': 'two' };
    const content = name.endsWith('zip')
      ? await zipOf(members)
      : gzipSync(await tarOf(Object.entries(members).map(([member, text]) => ({ name: member, content: text }))));
    const files: SourceFile[] = [];
    for (const each of await found([await folder.write(name, content)])) if (each.kind === 'file') files.push(each.file);
    for (const index of [1, 2, 0, 1]) {
      expect((await textIn(files[index]!)) === Object.values(members)[index]).toBe(true);
      const { path, release } = await files[index]!.onDisk();
      expect((await readFile(path, 'utf8')) === Object.values(members)[index]).toBe(true);
      await release();
      await expect(readFile(path)).rejects.toThrow('ENOENT');
    }
  });

  it('of a large member that a reader leaves early, the next is still found', async () => {
    const path = await folder.write(
      'a.tar',
      await tarOf([
        { name: 'large.txt', content: 'x y '.repeat(5_000_000) },
        { name: 'b.txt', content: 'two' },
      ]),
    );
    const names: string[] = [];
    for await (const each of findFiles([path])) {
      names.push(each.path.slice(folder.path.length + 1));
      if (each.kind === 'file') for await (const _part of each.file.open()) break;
    }
    expect(names).toEqual(['a.tar/large.txt', 'a.tar/b.txt']);
  });
});

describe('a hostile member is refused by itself:', () => {
  const absolute = 'failed: Its name is an absolute path, which may not be in an archive; it is not read.';
  const outside = 'failed: Its name leads out of the archive; it is not read.';
  const link = 'failed: It is a link; links in archives are not followed.';

  it('names that lead elsewhere, links and devices in a tar', async () => {
    const content = await tarOf([
      { name: '/etc/passwd.txt', content: 'x' },
      { name: '../../up.txt', content: 'x' },
      { name: 'a/../../up.txt', content: 'x' },
      { name: 'soft.txt', type: 'symlink', linkname: '/etc/passwd' },
      { name: 'hard.txt', type: 'link', linkname: '/etc/passwd' },
      { name: 'pipe.txt', type: 'fifo' },
      { name: './good.txt', content: 'good' },
    ]);
    expect(await membersIn('a.tar', content)).toEqual({
      'a.tar//etc/passwd.txt': absolute,
      'a.tar/../../up.txt': outside,
      'a.tar/a/../../up.txt': outside,
      'a.tar/soft.txt': link,
      'a.tar/hard.txt': link,
      'a.tar/pipe.txt': 'failed: It is not an ordinary file but a pipe or a device.',
      'a.tar/good.txt': 'good',
    });
  });

  it('names that lead elsewhere in a zip', async () => {
    let zip = await zipOf({ 'xx_up.txt': 'x', 'xabs.txt': 'x', 'yy_zz.txt': 'x', 'C__win.txt': 'x', 'good.txt': 'good' });
    for (const [from, to] of [
      ['xx_up.txt', '../up.txt'],
      ['xabs.txt', '/abs.txt'],
      ['yy_zz.txt', '..\\zz.txt'],
      ['C__win.txt', 'C:\\win.txt'],
    ] as const)
      zip = renamed(zip, from, to);
    expect(await membersIn('a.zip', zip)).toEqual({
      'a.zip/../up.txt': outside,
      'a.zip//abs.txt': absolute,
      'a.zip/../zz.txt': outside,
      'a.zip/C:/win.txt': absolute,
      'a.zip/good.txt': 'good',
    });
  });

  it('links, passwords and unknown ways to pack in a zip', async () => {
    const zip = await zipOf({ 'link.txt': '/etc/passwd', 'secret.txt': 'x', 'lzma.txt': 'x', 'good.txt': 'good' });
    const entry = (name: string): number => zip.lastIndexOf(Buffer.from(name)) - 46; // in the directory at the end
    zip.writeUInt8(3, entry('link.txt') + 5); // made on Unix
    zip.writeUInt32LE((0o120777 << 16) >>> 0, entry('link.txt') + 38);
    zip.writeUInt16LE(zip.readUInt16LE(entry('secret.txt') + 8) | 1, entry('secret.txt') + 8);
    zip.writeUInt16LE(14, entry('lzma.txt') + 10);
    expect(await membersIn('a.zip', zip)).toEqual({
      'a.zip/link.txt': link,
      'a.zip/secret.txt': 'failed: It is encrypted. Unpack the archive with its password and import what is in it.',
      'a.zip/lzma.txt':
        'failed: It is packed with LZMA; Strata unpacks Deflate and members that are only stored. Pack it again as an ordinary zip.',
      'a.zip/good.txt': 'good',
    });
  });

  it('a member with a wrong checksum', async () => {
    const zip = await zipOf({ 'a.txt': 'text', 'b.txt': 'good' }, false);
    zip[zip.indexOf('text')] = 0x54;
    expect(await membersIn('a.zip', zip)).toEqual({
      'a.zip/a.txt': 'failed: It is damaged: its checksum is not the one that the archive names.',
      'a.zip/b.txt': 'good',
    });
  });
});

describe('a broken archive says so', () => {
  it('and what came before is read', async () => {
    const tar = await tarOf([
      { name: 'a.txt', content: 'whole' },
      { name: 'b.txt', content: long },
    ]);
    expect(await membersIn('a.tar', tar.subarray(0, tar.length - 100_000))).toEqual({
      'a.tar/a.txt': 'whole',
      'a.tar': 'failed: The archive ends too early: the file is truncated. Before that one file was found in it.',
    });
    const gzip = gzipSync(tar);
    expect(await membersIn('b.tar.gz', gzip.subarray(0, gzip.length - 1000))).toEqual({
      'b.tar.gz/a.txt': 'whole',
      'b.tar.gz': 'failed: The gzip data ends too early: the file is truncated. Before that one file was found in it.',
    });
  });

  it.each([
    [
      'truncated.zip',
      async () => (await zipOf({ 'a.txt': long })).subarray(0, -30),
      /^failed: It is not a zip archive, or it ends too early/,
    ],
    ['text.zip', () => Promise.resolve(Buffer.from(long)), /^failed: It is not a zip archive, or it ends too early/],
    ['empty.zip', () => zipOf({}), /^skipped: There is no file in the archive\.$/],
    ['text.tar', () => Promise.resolve(Buffer.from(long)), /^failed: It is not an intact tar archive \(/],
    ['text.tar.gz', () => Promise.resolve(Buffer.from(long)), /^failed: It is named \.gz but is not gzip data\.$/],
    ['nothing.tar', () => Promise.resolve(Buffer.alloc(1024)), /^failed: There is no file in the archive\.$/],
  ])('%s', async (name, make, message) => {
    const members = await membersIn(name, await make());
    expect(Object.keys(members)).toEqual([name]);
    expect(members[name]).toMatch(message);
  });
});

describe('a bomb is refused before it goes off:', () => {
  const bomb = 'It unpacks to more than 1,000 times its size';

  it('a member of blanks, while the others are read', async () => {
    const zip = await zipOf({ 'bomb.txt': Buffer.alloc(60_000_000, ' '), 'good.txt': 'good' });
    const members = await membersIn('a.zip', zip);
    expect(members['a.zip/bomb.txt']).toContain(bomb);
    expect(members['a.zip/good.txt']).toBe('good');
  });

  it('a packed file and a packed archive', async () => {
    const packed = gzipSync(Buffer.alloc(60_000_000, ' '));
    await expect(textsOf(await folder.write('a.txt.gz', packed))).rejects.toThrow(bomb);
    await expect(textsOf(await folder.write('a.jsonl.zst', zstdCompressSync(Buffer.alloc(60_000_000, ' '))))).rejects.toThrow(bomb);
    const tar = gzipSync(await tarOf([{ name: 'a.txt', content: Buffer.alloc(60_000_000, ' ') }]));
    expect((await membersIn('a.tar.gz', tar))['a.tar.gz/a.txt'] ?? '').toContain(bomb);
  });

  it('members that are harmless one by one, over the total', async () => {
    const members = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`${index}.txt`, long]));
    const limits = { ...UNPACKING_LIMITS, totalBytes: long.length * 5.5 };
    const read = await membersIn('a.zip', await zipOf(members), { limits });
    expect(Object.values(read).filter((text) => text === long)).toHaveLength(5);
    expect(read['a.zip/9.txt']).toMatch(/^failed: It unpacks to more than [\d,]+ bytes, which is the most that Strata takes/);
  });

  it('leaves nothing on the disk where a member needed to lie there', async () => {
    const temporary = await folder.write('temporary/kept', 'x');
    const temporaryFolder = temporary.slice(0, -'/kept'.length);
    const path = await folder.write('a.zip', await zipOf({ 'bomb.parquet': Buffer.alloc(60_000_000, ' '), 'b.parquet': 'PAR1' }));
    for await (const each of findFiles([path], { temporaryFolder })) {
      if (each.kind !== 'file') continue;
      await each.file.onDisk().then(
        ({ release }) => release(),
        (error: Error) => expect(error.message).toContain(bomb),
      );
    }
    expect(await readdir(temporaryFolder)).toEqual(['kept']);
  });
});
