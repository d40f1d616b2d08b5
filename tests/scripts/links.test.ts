import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');

it('every link and picture of the documentation leads to a file of the project', async () => {
  const documents = ['README.md', 'CONTRIBUTING.md', 'resources/base/README.md', 'resources/SOURCES.md', 'scripts/base/README.md'];
  for (const name of await readdir(join(root, 'docs'))) if (name.endsWith('.md')) documents.push(`docs/${name}`);
  const broken: string[] = [];
  for (const document of documents) {
    for (const [, target] of (await readFile(join(root, document), 'utf8')).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (!/^https:/.test(target!) && !existsSync(join(root, dirname(document), target!.replace(/#.*/, ''))))
        broken.push(`${document}: ${target}`);
    }
  }
  expect(broken).toEqual([]);
});
