import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
// Plain JavaScript, typed by its JSDoc.
import { judgeElectron, ownElectron } from '../../scripts/electron-support.mjs';

const root = join(import.meta.dirname, '../..');
const read = async (path: string): Promise<unknown> => JSON.parse(await readFile(join(root, path), 'utf8')) as unknown;

test('one exact version is named, locked and installed, and no other is packed', async () => {
  const own = ownElectron();
  expect(own).toMatch(/^\d+\.\d+\.\d+$/);
  expect(await read('package-lock.json')).toMatchObject({ packages: { 'node_modules/electron': { version: own } } });
  expect(await read('node_modules/electron/package.json')).toMatchObject({ version: own });
  expect(await readFile(join(root, 'electron-builder.yml'), 'utf8')).not.toMatch(/^\s*electronVersion:/m);
});

test.each([
  ['45.4.1', '45.4.1', true, /^Electron 45\.4\.1 is mended\.$/],
  ['45.4.1', '45.5.0', true, /The newest is 45\.5\.0/],
  ['45.4.1', '47.0.0', true, /The newest is 47\.0\.0/],
  ['45.4.1', '48.0.0', false, /no longer mended/],
  ['^45.4.1', '45.4.1', false, /no exact version/],
  ['latest', '45.4.1', false, /no exact version/],
])('%s is mended while three majors are: newest %s', (own, newest, isMended, words) => {
  expect(judgeElectron(own, newest)).toEqual({ isMended, words: expect.stringMatching(words) as string });
});
