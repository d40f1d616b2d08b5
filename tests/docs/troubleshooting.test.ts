import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ERROR_CODES, StrataError } from '../../shared/errors.ts';

it('the page of messages has every code with its exit code, and no other', async () => {
  const page = await readFile(join(import.meta.dirname, '../../docs/troubleshooting.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `([A-Z_]+)` +\| (\d+) *\| (.+?) *\| (.+?) *\|$/gm)];
  expect(rows.map(([, code, exitCode]) => [code, Number(exitCode)])).toEqual(
    ERROR_CODES.map((code) => [code, new StrataError(code, '').exitCode]),
  );
  for (const [, code, , meaning, help] of rows) expect([meaning!.length > 20, help!.length > 20], code).toEqual([true, true]);
});
