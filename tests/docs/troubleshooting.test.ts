import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ERROR_CODES, StrataError } from '../../shared/errors.ts';

const root = join(import.meta.dirname, '../..');

it('the page of messages has every code with its exit code, and no other', async () => {
  const page = await readFile(join(root, 'docs/troubleshooting.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `([A-Z_]+)` +\| (\d+) *\| (.+?) *\| (.+?) *\|$/gm)];
  expect(rows.map(([, code, exitCode]) => [code, Number(exitCode)])).toEqual(
    ERROR_CODES.map((code) => [code, new StrataError(code, '').exitCode]),
  );
  for (const [, code, , meaning, help] of rows) expect([meaning!.length > 20, help!.length > 20], code).toEqual([true, true]);
});

it('the messages that it explains are messages of Strata', async () => {
  const page = await readFile(join(root, 'docs/troubleshooting.md'), 'utf8');
  const section = page.split('## Messages that are often met')[1]!.split('\n## ')[0]!;
  const messages = [...section.matchAll(/^\| ([A-Z][^|]+?) +\| .{30,}\|$/gm)].map(([, message]) => message!);
  expect(messages.length).toBeGreaterThan(8);
  const folders = await Promise.all(
    ['main', 'shared'].map((folder) => readdir(join(root, folder), { recursive: true, withFileTypes: true })),
  );
  const files = folders.flat().filter((entry) => entry.isFile() && entry.name.endsWith('.ts'));
  const sources = (await Promise.all(files.map((entry) => readFile(join(entry.parentPath, entry.name), 'utf8')))).join('\n');
  expect(messages.filter((message) => !sources.includes(message))).toEqual([]);
});
