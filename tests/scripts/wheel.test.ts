import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isWanted, readWheelEntries, readWheelRecord, sha256, unpackedPath, unpackEntry } from '../../scripts/setup/wheel.mjs';
import { temporaryFolder } from './run-script.ts';

/** Wheels are made by Python's own zipfile: another hand than the reader's. */
const MAKE_WHEEL = `
import base64, hashlib, sys, zipfile
files = {'package/library.so.2': bytes(range(256)) * 4000, 'package/include/a/header.h': b'int a;', 'package/other.py': b'pass'}
record = ''.join('%s,sha256=%s,%d\\n' % (n, base64.urlsafe_b64encode(hashlib.sha256(d).digest()).rstrip(b'=').decode(), len(d)) for n, d in files.items())
with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as wheel:
    for name, data in files.items():
        wheel.writestr(name, data, zipfile.ZIP_STORED if name.endswith('.h') else None)
    wheel.writestr('package-1.0.dist-info/RECORD', record + 'package-1.0.dist-info/RECORD,,\\n')
`;
const hasPython = ((): boolean => {
  try {
    execFileSync('python3', ['--version']);
    return true;
  } catch {
    return false;
  }
})();

async function makeWheel(): Promise<{ folder: string; wheel: string }> {
  const folder = await temporaryFolder();
  const wheel = join(folder, 'package-1.0.whl');
  execFileSync('python3', ['-c', MAKE_WHEEL, wheel]);
  return { folder, wheel };
}

describe.skipIf(!hasPython)('a wheel (needs Python to make one)', () => {
  test('is listed and unpacked as Python packed it', async () => {
    const { folder, wheel } = await makeWheel();
    const entries = await readWheelEntries(wheel);
    expect(entries.map(({ name, sizeBytes }) => [name, sizeBytes]).slice(0, 3)).toEqual([
      ['package/library.so.2', 1_024_000],
      ['package/include/a/header.h', 6],
      ['package/other.py', 4],
    ]);
    const hashes = await readWheelRecord(wheel, entries);
    for (const entry of entries.slice(0, 2)) {
      const destination = unpackedPath(join(folder, 'out'), entry.name, 'package/');
      await unpackEntry(wheel, entry, destination, hashes.get(entry.name));
    }
    const library = await readFile(join(folder, 'out', 'library.so.2'));
    expect(
      library.equals(Buffer.concat(Array.from({ length: 4000 }, () => Buffer.from(Array.from({ length: 256 }, (_, index) => index))))),
    ).toBe(true);
    expect(await readFile(join(folder, 'out', 'include', 'a', 'header.h'), 'utf8')).toBe('int a;');
    expect(await sha256(wheel)).toBe(
      createHash('sha256')
        .update(await readFile(wheel))
        .digest('hex'),
    );
  });

  test('unpacking goes on: a complete file is kept, a half-written one is replaced', async () => {
    const { folder, wheel } = await makeWheel();
    const [entry] = await readWheelEntries(wheel);
    const destination = join(folder, 'library.so.2');
    await writeFile(`${destination}.partial`, 'interrupted');
    await unpackEntry(wheel, entry!, destination, undefined);
    expect(await readdir(folder)).not.toContain('library.so.2.partial');
    const past = new Date(2020, 1, 1);
    await utimes(destination, past, past);
    await unpackEntry(wheel, entry!, destination, undefined);
    expect((await stat(destination)).mtime).toEqual(past);
  });

  test('damage is found: a flipped byte, a missing end, a hash that differs', async () => {
    const { folder, wheel } = await makeWheel();
    const bytes = await readFile(wheel);
    const [entry] = await readWheelEntries(wheel);
    await expect(unpackEntry(wheel, entry!, join(folder, 'a'), '0'.repeat(64))).rejects.toThrow('came out damaged');
    await writeFile(wheel, bytes.subarray(0, bytes.length - 30));
    await expect(readWheelEntries(wheel)).rejects.toThrow('no end record');
    const flipped = Buffer.from(bytes);
    flipped[entry!.headerOffset + 200]! ^= 0xff;
    await writeFile(wheel, flipped);
    const hash = createHash('sha256')
      .update(Buffer.alloc(1_024_000, Buffer.from(Array.from({ length: 256 }, (_, index) => index))))
      .digest('hex');
    await expect(unpackEntry(wheel, entry!, join(folder, 'b'), hash)).rejects.toThrow();
  });
});

test('only what is named is unpacked, and nothing outside the folder', () => {
  const wanted = ['tensorflow/lib.so.2', 'tensorflow/include/tsl/'];
  expect(isWanted('tensorflow/lib.so.2', wanted)).toBe(true);
  expect(isWanted('tensorflow/include/tsl/a.h', wanted)).toBe(true);
  expect(
    ['tensorflow/lib.so.2.old', 'tensorflow/include/tsl/', 'tensorflow/include/tsl/../../x', 'x'].filter((each) => isWanted(each, wanted)),
  ).toEqual([]);
});
