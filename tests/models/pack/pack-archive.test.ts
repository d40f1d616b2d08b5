import JSZip from 'jszip';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { unpackPackArchive, writePackArchive } from '../../../main/models/pack/pack-archive.ts';
import { renamed, zipOf } from '../../support/zip-archive.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const folder = useTemporaryFolder();
const at = (name: string): string => join(folder.path, name);
const whole = { 'pack.json': '{}', 'inserted.safetensors': 'weights', 'model/config.json': '{"a": 1}' };

/** Unpacks an archive of these bytes. */
async function unpack(bytes: Buffer): Promise<void> {
  await writeFile(at('given.strata-pack'), bytes);
  await unpackPackArchive(at('given.strata-pack'), at('pack'));
}

describe('a pack as one file', () => {
  test('is an ordinary zip of its folder, the same bytes each time, and unpacks to what it was', async () => {
    await mkdir(at('source/model'), { recursive: true });
    for (const [name, text] of Object.entries(whole)) await writeFile(at(`source/${name}`), text);
    await writePackArchive(at('source'), at('one.strata-pack'));
    await writePackArchive(at('source'), at('two.strata-pack'));
    const bytes = await readFile(at('one.strata-pack'));
    expect(bytes.equals(await readFile(at('two.strata-pack')))).toBe(true);
    // Another program's reader.
    const zip = await JSZip.loadAsync(bytes);
    expect(Object.keys(zip.files).sort()).toEqual(Object.keys(whole).sort());
    expect(await zip.file('inserted.safetensors')!.async('string')).toBe('weights');

    await unpackPackArchive(at('one.strata-pack'), at('again'));
    for (const [name, text] of Object.entries(whole)) expect(await readFile(at(`again/${name}`), 'utf8')).toBe(text);
  });

  test('may have been packed by another program', async () => {
    await unpack(await zipOf(whole));
    expect((await readdir(at('pack'))).sort()).toEqual(['inserted.safetensors', 'model', 'pack.json']);
  });
});

describe('hostile archives are refused, and write nothing elsewhere', () => {
  test.each([
    ['a path upwards', 'model/aa', '../escape', /no pack has|invalid relative path/],
    ['a path upwards inside', 'model/xxxxxx', 'model/../../', /no pack has|invalid relative path/],
    ['an absolute path', 'model/aa', '/tmp/p6-', /no pack has|absolute path/],
    ['a backslash', 'model/aa', 'model\\aa', /no pack has|invalid characters/],
    ['a folder of its own', 'model/aa', 'other/aa', /no pack has/],
    ['a hidden file', 'model/aa', 'model/.a', /no pack has/],
    ['a file that packs do not have', 'model/aa', 'mode.exe', /no pack has/],
  ])('%s', async (_what, name, hostile, message) => {
    // Padded to one length: the library that writes them refuses such names itself.
    const wanted = hostile.padEnd(name.length, 'x');
    const bytes = renamed(await zipOf({ ...whole, [name.padEnd(wanted.length, 'x')]: 'text' }), name.padEnd(wanted.length, 'x'), wanted);
    const error: unknown = await unpack(bytes).catch((each: unknown) => each);
    expect(error).toMatchObject({ name: 'StrataError', code: 'CORRUPT' });
    expect(`${(error as Error).message} ${(error as { found: string }).found}`).toMatch(message);
    expect((await readdir(folder.path)).sort()).toEqual(['given.strata-pack', 'pack']);
  });

  test('a link', async () => {
    const zip = new JSZip();
    zip.file('pack.json', '/etc/passwd', { unixPermissions: 0o120777 });
    await expect(unpack(await zip.generateAsync({ type: 'nodebuffer', platform: 'UNIX' }))).rejects.toThrow('nothing but files');
  });

  test('a file that comes twice', async () => {
    const bytes = renamed(await zipOf({ ...whole, 'pack.jsoN': 'second' }), 'pack.jsoN', 'pack.json');
    await expect(unpack(bytes)).rejects.toThrow('holds a file twice');
  });

  test('one that unpacks to a thousand times its size', async () => {
    await expect(unpack(await zipOf({ ...whole, 'model/vocab.json': Buffer.alloc(70_000_000) }))).rejects.toThrow(
      'more than a pack of its size',
    );
  });

  test('more files than a pack has', async () => {
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`model/${index}.json`, '{}']));
    await expect(unpack(await zipOf(many))).rejects.toThrow('more files than a pack has');
  });

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['no archive', Buffer.from('{"kind": "strata-pack"}')],
  ])('%s', async (_what, bytes) => {
    await expect(unpack(bytes)).rejects.toMatchObject({ code: 'CORRUPT', message: 'This pack is not an intact archive.' });
  });

  test('one with a changed byte, and one that ends too early', async () => {
    const bytes = await zipOf(whole, false);
    const changed = Buffer.from(bytes);
    changed[changed.indexOf('weights')] = 0;
    await expect(unpack(changed)).rejects.toThrow('damaged');
    await expect(unpack(bytes.subarray(0, bytes.length - 30))).rejects.toMatchObject({ code: 'CORRUPT' });
  });
});
