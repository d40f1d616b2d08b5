import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { listPackages } from './licences.mjs';
import { projectRoot } from './setup/paths.mjs';

/**
 * The licence texts of everything that comes with the product, in one page: what a licence asks for is that its text travels along.
 * A package that carries no text of its own gets that of its licence, with the name of its authors.
 */

const LICENCE_FILE = /^(licen[cs]e|copying|notice)/i;
/** Packages whose text stands for all of their licence: the words are the same, only the line of the copyright differs. */
const MODELS = { MIT: 'zod', 'Apache-2.0': '@tensorflow/tfjs', 'BSD-3-Clause': 'source-map-js', ISC: 'semver', '0BSD': 'tslib' };

/** @param {string} path of a package below the project @returns {string | null} its own licence texts */
function ownText(path) {
  const folder = join(projectRoot, path);
  if (!existsSync(folder)) return null;
  const files = readdirSync(folder, { withFileTypes: true }).filter((each) => each.isFile() && LICENCE_FILE.test(each.name));
  return files.length > 0 ? files.map(({ name }) => readFileSync(join(folder, name), 'utf8').trim()).join('\n\n') : null;
}

/** @param {string} licence an SPDX expression @returns {string | null} its words, without a copyright line */
function commonText(licence) {
  if (licence === 'Apache-2.0') return readFileSync(join(projectRoot, 'LICENSE'), 'utf8').trim();
  for (const [name, like] of Object.entries(MODELS)) {
    const words = licence.replace(/[()]/g, '').split(/ (?:OR|AND) /);
    const text = words.includes(name) ? ownText(`node_modules/${like}`) : null;
    if (text) return text.replace(/^copyright .*$/gim, '').trim();
  }
  return null;
}

/** @param {string} path @returns {string} */
function authors(path) {
  const file = join(projectRoot, path, 'package.json');
  if (!existsSync(file)) return 'its authors';
  const { author, contributors } = JSON.parse(readFileSync(file, 'utf8'));
  const named = author ?? contributors?.[0];
  return (typeof named === 'string' ? named : named?.name) ?? 'its authors';
}

/** @returns {{ name: string, version: string, licence: string, text: string | null }[]} of each package that ships, by name */
export function licenceTexts() {
  const seen = new Set();
  return listPackages()
    .filter(({ ships, name, version }) => ships && !seen.has(`${name} ${version}`) && seen.add(`${name} ${version}`))
    .map(({ name, version, licence, path }) => {
      const common = commonText(licence);
      const text = ownText(path) ?? (common && `Copyright ${authors(path)} (${licence})\n\n${common}`);
      return { name, version, licence, text };
    });
}

/** @returns {string} the page that the program shows: no script, no style from elsewhere */
export function licencePage() {
  const escape = (/** @type {string} */ text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const tensorflow = readFileSync(join(projectRoot, 'resources', 'engine-packs', 'tensorflow-LICENSE.txt'), 'utf8').trim();
  const parts = [
    { name: 'Strata', version: '', licence: 'Apache-2.0', text: readFileSync(join(projectRoot, 'LICENSE'), 'utf8').trim() },
    ...licenceTexts(),
    { name: 'TensorFlow (engine pack)', version: '2.21.0', licence: 'Apache-2.0', text: tensorflow },
  ];
  const sections = parts.map(
    ({ name, version, licence, text }) =>
      `<details><summary>${escape(`${name} ${version}`.trim())}: ${escape(licence)}</summary><pre>${escape(text ?? '')}</pre></details>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Licences of Strata</title>
<style>body{font:16px/1.5 sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}pre{white-space:pre-wrap}</style>
</head><body><h1>Licences</h1><p>Strata, and what comes with it. Electron and Chromium carry their own list, LICENSES.chromium.html.</p>
${sections.join('\n')}
</body></html>
`;
}

/** Writes the page beside the pages of the studio, unless it is there: their bundle is made anew, in an emptied folder, when packages change. */
export function ensureLicencePage() {
  const path = join(projectRoot, 'dist', 'renderer', 'licences.html');
  if (!existsSync(path)) writeFileSync(path, licencePage());
}
