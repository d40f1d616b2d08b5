import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../main/datasets/dataset-folder.ts';
import type { DatasetManifest } from '../../main/datasets/dataset-manifest.ts';
import { importDataset } from '../../main/datasets/import-dataset.ts';
import { DEFAULT_CLEANING } from '../../shared/domain/cleaning.ts';
import { plainTextOf } from '../../shared/domain/content.ts';
import { sharedData } from '../support/shared-data.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

/** Real texts as people have them, imported as they lie there, and counted with other code. */
describe.skipIf(!sharedData)('real data', () => {
  const folder = useTemporaryFolder();

  async function importPath(name: string): Promise<{ manifest: DatasetManifest; texts: string[]; results: Record<string, string> }> {
    const directory = join(folder.path, 'dataset');
    const manifest = await importDataset([join(sharedData!, name)], directory, {
      cleaning: { ...DEFAULT_CLEANING, unicode: 'off', controlCharacters: false },
    });
    const texts: string[] = [];
    for await (const { content } of (await openDataset(directory)).documents()) texts.push(plainTextOf(content));
    const results = manifest.files.map(({ path, status, reason }) => [path.split('/').at(-1)!, `${status}: ${reason}`] as const);
    return { manifest, texts, results: Object.fromEntries(results) };
  }

  async function contentOf(path: string): Promise<string> {
    const bytes = await readFile(join(sharedData!, path));
    return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
  }

  /** What the README says of a file: "270 licences" in its table. */
  async function countInReadme(name: string, file: string): Promise<number> {
    const readme = await readFile(join(sharedData!, name, 'README.md'), 'utf8');
    const holds = readme
      .split('\n')
      .find((line) => line.startsWith(`| \`${file}\``))!
      .split('|')[4]!;
    return Number(/^ ([\d,]+) [a-z]+/.exec(holds)![1]!.replaceAll(',', ''));
  }

  it.each([
    ['text/web-and-wiki', 'c4-demo.jsonl'],
    ['code/mbpp', 'mbpp.jsonl'],
    ['code/python-stdlib', 'python-stdlib.jsonl.gz'],
    ['law/spdx-licences', 'spdx-licences.jsonl.gz'],
    ['math/aqua-dev', 'aqua-dev.jsonl'],
    ['math/gsm8k-train', 'gsm8k-train.jsonl.gz'],
    ['medical/medquad-niddk', 'medquad-niddk.jsonl.gz'],
    ['medical/pubmedqa', 'pubmedqa-labelled.json.gz'],
    ['instruction/dolly-hhrlhf-small', 'dolly-hhrlhf-small.jsonl'],
    ['choice/arc-easy', 'arc-easy.jsonl'],
    ['choice/winogrande', 'winogrande.jsonl'],
  ])('%s/%s gives as many documents as its README counts, duplicates left out', async (name, file) => {
    const { results } = await importPath(name);
    const facts = /^imported: (\d+) documents(?:, (\d+) left out because others have the same text)?(?:\. (.+))?$/.exec(results[file]!)!;
    const [, documents, duplicates = '0', note] = facts;
    // Its questions with choices have an explanation, which no such question has a place for.
    const isExplained = file === 'aqua-dev.jsonl';
    expect(note).toEqual(isExplained ? expect.stringMatching(/^The column rationale is not read, though .+ of \d+ rows\.$/) : undefined);
    expect(Number(documents) + Number(duplicates)).toBe(await countInReadme(name, file));
    expect(results['README.md']).toBe('skipped: It describes the data beside it. Choose the file itself to import it.');
  });

  it.each([
    ['code/python-stdlib', 'python-stdlib.jsonl.gz', (row: Record<string, string>) => row.text!],
    ['code/mbpp', 'mbpp.jsonl', (row: Record<string, string>) => `${row.text}\n\n${row.code}`],
    ['law/spdx-licences', 'spdx-licences.jsonl.gz', (row: Record<string, string>) => row.text!],
    ['math/gsm8k-train', 'gsm8k-train.jsonl.gz', (row: Record<string, string>) => `${row.question}\n\n${row.answer}`],
    ['medical/medquad-niddk', 'medquad-niddk.jsonl.gz', (row: Record<string, string>) => `${row.question}\n\n${row.answer}`],
    ['instruction/dolly-hhrlhf-small', 'dolly-hhrlhf-small.jsonl', (row: Record<string, string>) => `${row.prompt}\n\n${row.response}`],
  ])('%s has every text in its order, to the last character', async (name, file, textOf) => {
    const { texts } = await importPath(name);
    const rows = (await contentOf(`${name}/${file}`)).split('\n').filter((line) => line !== '');
    expect(texts).toEqual([...new Set(rows.map((row) => textOf(JSON.parse(row) as Record<string, string>)))]);
  });

  it('the stories are the texts between their separators', async () => {
    const { texts, manifest } = await importPath('text/tinystories');
    const stories = (await contentOf('text/tinystories/tinystories.txt.gz')).split('<|endoftext|>').filter((story) => story.trim() !== '');
    expect(texts).toEqual(stories.map((story) => story.replace(/^\n/, '').replace(/\n$/, '')));
    expect([manifest.documents, manifest.duplicates]).toEqual([1968, 0]);
  });

  it.each([
    ['text/tinyshakespeare', 'tinyshakespeare.txt.gz'],
    ['text/wikitext2', 'wikitext2-valid.txt.gz'],
    ['law/german-statutes', 'bgb.md.gz'],
    ['law/german-statutes', 'gg.md'],
    ['language/german', 'german.txt'],
  ])('%s/%s loses not a character when it is cut into sections', async (name, file) => {
    const { texts, results } = await importPath(`${name}/${file}`);
    expect(texts.join('\n').trimEnd()).toBe((await contentOf(`${name}/${file}`)).trimEnd());
    expect(results[file]).toBe(`imported: ${texts.length} documents`);
    expect(texts.length).toBeGreaterThan(10);
  });

  it('a text of a few long lines is cut inside them', async () => {
    const { texts } = await importPath('text/web-and-wiki/wiki-demo.txt.gz');
    const blanks = /\s/g;
    expect(texts.join('').replace(blanks, '')).toBe((await contentOf('text/web-and-wiki/wiki-demo.txt.gz')).replace(blanks, ''));
    expect(Math.max(...texts.map((text) => text.length))).toBeLessThan(12_100);
  });

  it.each(['choice/hellaswag-sample', 'choice/mmlu-dev', 'choice/arc-easy', 'choice/winogrande'])(
    '%s is questions with choices',
    async (name) => {
      const { manifest } = await importPath(name);
      expect(manifest.kinds).toEqual({ choice: manifest.documents });
    },
  );

  it('no folder is left out of this test', async () => {
    const domains = ['text', 'code', 'law', 'math', 'medical', 'instruction', 'choice', 'language'];
    const names = await Promise.all(
      domains.map(async (domain) => (await readdir(join(sharedData!, domain))).map((name) => `${domain}/${name}`)),
    );
    const source = await readFile(import.meta.filename, 'utf8');
    for (const name of names.flat()) expect(source).toContain(`'${name}'`);
  });
});
