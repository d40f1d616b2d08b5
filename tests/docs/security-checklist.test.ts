import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { documents, ROOT } from './documented-commands.ts';

/** Where the tests lie that docs/security-electron.md names; others are `tests/electron/NAME.test.ts`. */
const PLACES: Readonly<Record<string, string>> = {
  desktop: 'tests/electron/harness/suite.ts',
  fuses: 'tests/e2e-electron/fuses.test.ts',
  'desktop-messages': 'tests/fuzz/desktop-messages.test.ts',
  'desktop-outside': 'tests/fuzz/desktop-outside.test.ts',
};

it('each item of Electron’s checklist names its tests, and there are such tests', async () => {
  const { text } = (await documents()).find(({ path }) => path === 'docs/security-electron.md')!;
  const rows = [...text.matchAll(/^\| (\d+) +\|(.*)\|$/gm)].map(([, number, row]) => ({
    number: Number(number),
    tests: row!.split('|').at(-1)!,
  }));
  expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  const missing: string[] = [];
  for (const { number, tests } of rows) {
    const named = [...tests.matchAll(/([\w-]+) “([^”]+)”/g)];
    if (named.length === 0) missing.push(`${number}: no test`);
    for (const [, file, title] of named) {
      const source = await readFile(join(ROOT, PLACES[file!] ?? `tests/electron/${file!}.test.ts`), 'utf8');
      if (![`'${title!}'`, `"${title!}"`].some((literal) => source.includes(`(${literal},`) || source.includes(`(\n    ${literal},`)))
        missing.push(`${number}: ${file!} “${title!}”`);
    }
  }
  expect(missing).toEqual([]);
});
