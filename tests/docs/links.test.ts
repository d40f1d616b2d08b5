import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { documents, ROOT } from './documented-commands.ts';

const all = await documents();
const images = join(ROOT, 'docs/images');

it('links between documents lead to files and headings that there are', async () => {
  const dead: string[] = [];
  let looked = 0;
  for (const { path, text } of all) {
    for (const target of targetsOf(text)) {
      if (/^(https?|mailto):/.test(target)) continue;
      looked++;
      const [file, anchor] = target.split('#');
      const to = file === '' ? path : join(dirname(path), decodeURIComponent(file!));
      const isThere = await stat(join(ROOT, to)).then(
        () => true,
        () => false,
      );
      if (!isThere || (anchor !== undefined && !anchorsOf(to).includes(anchor))) dead.push(`${path}: ${target}`);
    }
  }
  expect(looked).toBeGreaterThan(100);
  expect(dead).toEqual([]);
});

it('every document is reached from README.md', () => {
  const reached = new Set<string>();
  const waiting = ['README.md'];
  for (const path of waiting) {
    if (reached.has(path)) continue;
    reached.add(path);
    const { text = '' } = all.find((each) => each.path === path) ?? {};
    waiting.push(...targetsOf(text).map((target) => join(dirname(path), target.split('#')[0]!)));
  }
  expect(all.map(({ path }) => path).filter((path) => path.startsWith('docs/') && !reached.has(path))).toEqual([]);
});

it('every picture is shown somewhere, and all are small: 2 MB together, and 3 MB for the film', async () => {
  const shown = new Set(all.flatMap(({ path, text }) => targetsOf(text).map((target) => join(ROOT, dirname(path), target))));
  const files = (await readdir(images)).map((name) => join(images, name));
  expect(files.filter((file) => !shown.has(file))).toEqual([]);
  const sizes = await Promise.all(files.map(async (file) => ({ file, size: (await stat(file)).size })));
  const film = sizes.filter(({ file }) => file.endsWith('film.webp'));
  expect(film.map(({ size }) => size < 3e6)).toEqual([true]);
  const pictures = sizes.filter((each) => !film.includes(each)).reduce((sum, { size }) => sum + size, 0);
  expect(pictures).toBeLessThan(2e6);
});

/** What links and pictures point to, in Markdown and in HTML. */
function targetsOf(text: string): string[] {
  const prose = text.replaceAll(/^(`{3,}).*?^\1/gms, '').replaceAll(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)|(?:href|src|srcset)="([^"]+)"/g)].map(([, markdown, html]) => (markdown ?? html)!);
}

/** The anchors of a document's headings, as code-hosting sites make them. */
function anchorsOf(path: string): string[] {
  const { text = '' } = all.find((each) => each.path === path) ?? {};
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
