import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const require = createRequire(import.meta.url);

/** Each fuse is one character in the binary: 1 on, 0 off, r removed. */
const ENABLED = '1'.charCodeAt(0);

/** Programs in the folder that `npm run package` writes, on this machine's platform. */
async function packagedPrograms(): Promise<string[]> {
  const folder = join(root, 'dist/packages');
  const found = existsSync(folder) ? await readdir(folder) : [];
  const inside: Partial<Record<NodeJS.Platform, string>> = { darwin: 'Strata.app', win32: 'Strata.exe' };
  return found.map((name) => join(folder, name, inside[process.platform] ?? 'strata-studio')).filter((path) => existsSync(path));
}

const programs = await packagedPrograms();
if (programs.length === 0)
  process.stderr.write('Fuses are not read back: there is no packaged program below dist/packages (npm run package).\n');

describe.runIf(programs.length > 0)('the fuses in a packaged program', () => {
  it.each(programs)('%s: as electron-builder.yml has them', async (program) => {
    const { FuseV1Options, getCurrentFuseWire } = (await import(require.resolve('@electron/fuses'))) as {
      FuseV1Options: Record<string, number>;
      getCurrentFuseWire(path: string): Promise<Record<number, number>>;
    };
    const { load } = require('js-yaml') as { load(text: string): { electronFuses: Record<string, boolean> } };
    const { electronFuses } = load(await readFile(join(root, 'electron-builder.yml'), 'utf8'));
    const wire = await getCurrentFuseWire(program);
    const read = Object.fromEntries(
      Object.keys(electronFuses).map((name) => {
        const option = FuseV1Options[name[0]!.toUpperCase() + name.slice(1)]!;
        return [name, wire[option] === ENABLED];
      }),
    );
    expect(read).toEqual(electronFuses);
  });
});
