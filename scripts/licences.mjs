#!/usr/bin/env node
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './setup/paths.mjs';

/**
 * `node scripts/licences.mjs`: lists the licences of everything that comes with the product in docs/third-party-licences.md, from the lock
 * file. A licence that does not allow commercial use, or none, is an error.
 * @typedef {{ version: string, license?: string, dev?: boolean, optional?: boolean, dependencies?: Record<string, string> }} LockedPackage
 */

/** Libraries that the pages are built from: they are development dependencies, because the build puts them into its own files. */
const BUNDLED = [
  '@tanstack/svelte-virtual',
  'svelte',
  'bits-ui',
  'uplot',
  '@lucide/svelte',
  '@fontsource-variable/inter',
  '@orpc/client',
  '@orpc/contract',
];

/** Licences that allow commercial use; the MPL's condition (changes to its files stay open) concerns tools that are used unchanged. */
const PERMITTED =
  /^(MIT|MIT-0|ISC|0BSD|BSD|Zlib|BSD-2-Clause|BSD-3-Clause|Apache-2\.0|BlueOak-1\.0\.0|OFL-1\.1|CC0(-1\.0)?|Python-2\.0|WTFPL|MPL-2\.0|Unlicense)$/;

/** What the set-up brings besides npm packages. */
const OTHERS = [
  ['TensorFlow (library from its Python wheel, fetched at set-up)', '2.21.0', 'Apache-2.0'],
  [
    "NVIDIA's CUDA libraries and cuDNN (from NVIDIA's wheels, only by `npm run setup -- --gpu`)",
    '12.9, 9.28',
    "NVIDIA's own, unpacked beside them: not open source, commercial use allowed",
  ],
  ['Electron and its Chromium (desktop application)', '45', 'MIT, BSD-3-Clause and others, listed in its LICENSES.chromium.html'],
];

/** Permitted besides in what only helps to build and does not ship: the LGPL's conditions concern those who pass its library on. */
const PERMITTED_TOOL = /^LGPL-3\.0-or-later$/;

/** @param {string} licence an SPDX expression @param {boolean} [ships] whether the package comes with the product @returns {boolean} */
export function isPermitted(licence, ships = true) {
  const text = licence.replace(/^\(|\)$/g, '');
  if (text.includes(' OR ')) return text.split(' OR ').some((each) => isPermitted(each, ships));
  return text.split(' AND ').every((each) => PERMITTED.test(each) || (!ships && PERMITTED_TOOL.test(each)));
}

/** @param {string} path of a package below the project @param {LockedPackage} locked @returns {string} what it says of itself, else what its licence file begins with */
function licenceOf(path, locked) {
  if (locked.license) return locked.license;
  const folder = join(projectRoot, path);
  const file = existsSync(folder) ? readdirSync(folder).find((name) => /^licen[cs]e/i.test(name)) : undefined;
  return file && /MIT License|Permission is hereby granted, free of charge/i.test(readFileSync(join(folder, file), 'utf8'))
    ? 'MIT'
    : 'unknown';
}

/** @returns {{ name: string, path: string, version: string, licence: string, ships: boolean }[]} every package of the lock file, in the order of names */
export function listPackages() {
  /** @type {Record<string, LockedPackage>} */
  const packages = JSON.parse(readFileSync(join(projectRoot, 'package-lock.json'), 'utf8')).packages;
  const bundled = new Set();
  const visit = (/** @type {string} */ name) => {
    const path = `node_modules/${name}`;
    if (bundled.has(path) || !packages[path]) return;
    bundled.add(path);
    for (const each of Object.keys(packages[path].dependencies ?? {})) visit(each);
  };
  BUNDLED.forEach(visit);
  return Object.entries(packages)
    .filter(([path]) => path !== '')
    .map(([path, locked]) => ({
      name: path.replace(/^.*node_modules\//, ''),
      path,
      version: locked.version,
      // Node's own platform packages carry its licence in a file of another place.
      licence: /^node(-bin)?-(linux|darwin|win)/.test(path.replace(/^node_modules\//, '')) ? 'MIT' : licenceOf(path, locked),
      ships: !locked.dev || bundled.has(path),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** @returns {string} the text of docs/third-party-licences.md */
export function licenceList() {
  const rows = listPackages()
    .filter(({ ships }) => ships)
    .map(({ name, version, licence }) => `| ${name} | ${version} | ${licence} |`);
  return [
    '# Third-party licences',
    '',
    'What comes with Strata, from package-lock.json. Made by `node scripts/licences.mjs`; a test keeps it up to date and refuses a licence that',
    'does not allow commercial use. Each package carries its own licence text.',
    '',
    '| package | version | licence |',
    '| --- | --- | --- |',
    ...[...new Set(rows)],
    ...OTHERS.map((cells) => `| ${cells.join(' | ')} |`),
    '',
    'The text of the embedded model and of the samples: see resources/SOURCES.md.',
    '',
  ].join('\n');
}

if (process.argv[1] && import.meta.url.endsWith(process.argv[1].split(/[\\/]/).at(-1) ?? '')) {
  writeFileSync(join(projectRoot, 'docs', 'third-party-licences.md'), licenceList());
}
