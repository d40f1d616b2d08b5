import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
// Plain JavaScript, typed by its JSDoc.
import { licencePage, licenceTexts } from '../../scripts/licence-texts.mjs';
import { isPermitted, licenceList, listPackages } from '../../scripts/licences.mjs';

describe('licences of dependencies', () => {
  it('all allow commercial use', () => {
    expect(listPackages().filter(({ licence, ships }) => !isPermitted(licence, ships))).toEqual([]);
  });

  it('are listed in the documentation as they are in the lock file', async () => {
    expect(await readFile(join(import.meta.dirname, '../../docs/third-party-licences.md'), 'utf8')).toBe(licenceList());
  });

  it('come with their texts', () => {
    const texts = licenceTexts();
    expect(texts.length).toBeGreaterThan(100);
    expect(texts.filter(({ text }) => (text ?? '').length < 100).map(({ name }) => name)).toEqual([]);
    const page = licencePage();
    for (const { name, version } of texts) expect(page).toContain(`<summary>${name} ${version}: `);
    expect(page).toContain('<summary>TensorFlow');
    expect(page).not.toMatch(/<script|src=/);
  });

  it('are judged as whole expressions', () => {
    expect(isPermitted('MIT')).toBe(true);
    expect(isPermitted('(WTFPL OR MIT)')).toBe(true);
    expect(isPermitted('GPL-3.0 OR MIT')).toBe(true);
    expect(isPermitted('(BSD-3-Clause AND Apache-2.0)')).toBe(true);
    for (const licence of ['GPL-3.0', 'AGPL-3.0 AND MIT', 'CC-BY-NC-4.0', 'unknown', '']) expect(isPermitted(licence), licence).toBe(false);
    expect(isPermitted('Apache-2.0 AND LGPL-3.0-or-later'), 'what ships').toBe(false);
    expect(isPermitted('Apache-2.0 AND LGPL-3.0-or-later', false), 'a tool').toBe(true);
  });
});
