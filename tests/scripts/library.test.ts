import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readReadyManifest } from '../../scripts/setup/engine.mjs';
import { ensureLibrary, hasLibrary } from '../../scripts/setup/library.mjs';
import { createReport } from '../../scripts/setup/report.mjs';
import { sha256 } from '../../scripts/setup/wheel.mjs';
import { temporaryFolder } from './run-script.ts';

/** Libraries of several wheels, as for GPUs, from wheels that an interrupted set-up left: nothing is fetched. */

const silent = createReport({ stream: { write: () => true } });
const hasPython = ((): boolean => {
  try {
    execFileSync('python3', ['--version']);
    return true;
  } catch {
    return false;
  }
})();

const MAKE_WHEEL = `
import sys, json, zipfile
with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as wheel:
    for name, text in json.loads(sys.argv[2]).items(): wheel.writestr(name, text)
    wheel.writestr('package-1.0.dist-info/RECORD', '')
`;

async function wheelOf(work: string, name: string, files: Record<string, string>): Promise<string> {
  await mkdir(join(work, name), { recursive: true });
  const path = join(work, name, `${name}-1.0.whl`);
  execFileSync('python3', ['-c', MAKE_WHEEL, path, JSON.stringify(files)]);
  return path;
}

type Library = Parameters<typeof ensureLibrary>[0];

async function twoWheels(): Promise<{ library: Library; folder: string; work: string; second: string }> {
  const base = await temporaryFolder();
  const [folder, work] = [join(base, 'library'), join(base, '.work')];
  await wheelOf(work, 'tensorflow', { 'tensorflow/libtensorflow.so.2': 'tensorflow', 'tensorflow/python/other.py': 'pass' });
  const second = await wheelOf(work, 'nvidia-cublas', {
    'nvidia/cublas/lib/libcublas.so.12': 'cublas',
    'nvidia/cublas/include/cublas.h': 'int a;',
    'nvidia_cublas-1.0.dist-info/License.txt': 'terms',
  });
  const wheel = { version: '1.0', pythonVersion: '311', pipPlatform: 'any', sha256: null };
  const library: Library = {
    neededBytes: 1,
    parts: [
      {
        wheel: { ...wheel, package: 'tensorflow' },
        prefix: '',
        wanted: (name) => name.endsWith('.so.2'),
        needed: ['tensorflow/libtensorflow.so.2'],
      },
      {
        wheel: { ...wheel, package: 'nvidia-cublas', sha256: await sha256(second) },
        prefix: '',
        wanted: (name) => name.includes('/lib/') || name.endsWith('License.txt'),
        needed: [],
      },
    ],
  };
  return { library, folder, work, second };
}

describe.skipIf(!hasPython)('a library of two wheels (needs Python to make them)', () => {
  test('is unpacked side by side, with its licence and without the rest, and is missing once a file is damaged', async () => {
    const { library, folder, work } = await twoWheels();
    expect(hasLibrary(folder)).toBe(false);
    expect(await ensureLibrary(library, folder, work, silent)).toEqual({
      wheelSha256: await sha256(join(work, 'tensorflow', 'tensorflow-1.0.whl')),
      wheelVerifiedBy: 'pip',
    });
    const found = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    expect(found.map(({ name }) => name).sort()).toEqual(['License.txt', 'libcublas.so.12', 'library.json', 'libtensorflow.so.2']);
    expect(await readFile(join(folder, 'nvidia/cublas/lib/libcublas.so.12'), 'utf8')).toBe('cublas');
    expect(hasLibrary(folder)).toBe(true);
    await truncate(join(folder, 'nvidia/cublas/lib/libcublas.so.12'), 1);
    expect(hasLibrary(folder)).toBe(false);
  });

  test('is refused as a whole when one wheel is another file, or holds nothing of use', async () => {
    const { library, folder, work, second } = await twoWheels();
    await writeFile(second, 'not a wheel');
    await expect(ensureLibrary(library, folder, work, silent)).rejects.toThrow(/has sha256 [0-9a-f]{64}, expected/);
    await wheelOf(work, 'nvidia-cublas', { 'README.md': 'nothing here' });
    library.parts[1]!.wheel.sha256 = null;
    await expect(ensureLibrary(library, folder, work, silent)).rejects.toThrow('nvidia-cublas holds none of the files');
    expect(hasLibrary(folder)).toBe(false);
    expect(readReadyManifest(folder)).toBeNull();
  });
});
