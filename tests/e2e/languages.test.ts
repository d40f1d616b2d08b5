import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatasetInfo } from '../../shared/contract/datasets.ts';
import type { Language } from '../../shared/words/words.ts';
import { dropFiles, type OpenPage, openPage } from './support/browser.ts';
import { type RunningStudio, startStudio } from './support/studio.ts';

let studio: RunningStudio;
let open: OpenPage;
let files: string;
let dataset: string;

beforeAll(async () => {
  files = await mkdtemp(join(tmpdir(), 'strata-files-'));
  const notes = Array.from({ length: 30 }, (_, nr) => JSON.stringify({ text: `${nr} 1234 5678` }));
  await writeFile(join(files, 'notes.jsonl'), notes.join('\n'));
  const rows = Array.from({ length: 12 }, (_, nr) => JSON.stringify({ f1: `${nr}?`, f2: `${nr}!` }));
  await writeFile(join(files, 'rows.jsonl'), rows.join('\n'));
  studio = await startStudio();
  await studio.strata('model', 'import', join(import.meta.dirname, '../../resources/base'));
  await studio.strata('data', 'import', join(files, 'notes.jsonl'));
  dataset = (await studio.strata<DatasetInfo[]>('data', 'list'))[0]!.id;
  open = await openPage(studio.url);
});
afterAll(async () => {
  await open.close();
  await studio.stop();
  await rm(files, { recursive: true, force: true });
});

/** All that can be read or heard on the page, but for what the studio or the user named. */
const READ = `(() => {
  for (const details of document.querySelectorAll('details')) details.open = true;
  const texts = new Set();
  const isNamed = (element) => element.closest('code, kbd, pre, mark, script, style, .mono, .token, .text, .cell, nav, [id$=-languages]') !== null;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) if (!isNamed(walker.currentNode.parentElement)) texts.add(walker.currentNode.data);
  for (const element of document.querySelectorAll('body *'))
    for (const name of ['aria-label', 'title', 'placeholder'])
      if (!isNamed(element) && element.hasAttribute(name)) texts.add(element.getAttribute(name));
  return [...texts].map((text) => text.replace(/\\s+/g, ' ').trim()).filter((text) => /\\p{L}{2}/u.test(text));
})()`;

/** The same in both languages: names, and words that German has from English. */
const SAME =
  /^(Strata|Name|Text|Tokens?|Version|Prompt|System|Hub|Format|Ollama|Repository|Revision|Downloads|Unicode|SHA-256|base|notes|rows|notes\.jsonl|rows\.jsonl|f1|f2|[\d.,]+ ([kMG]?B|k|%)|Llama.*)$/;
/** Said by the studio itself, in English. */
const SAID_BY_THE_STUDIO = [
  /^JSON Lines/,
  /^No column is known/,
  /^The model has no chat/,
  /^Losses measured on it/,
  /^30 documents/,
  /^Strata base$/,
  /^For a first look/,
  /^A small model/,
  /^Comes with/,
  /^From the Python/,
  /^Apache/,
  /^SmolLM2/,
  /^\//,
];

/** What is read of a state of the page in a language. */
async function textsIn(language: Language, pictureName: string, path: string, prepare: () => Promise<void>): Promise<string[]> {
  const { page } = open;
  await page.evaluate(`localStorage.setItem('strata-language', '${language}')`);
  await page.goto(`${studio.url.replace(/#.*$/, '')}#/${path}`);
  await page.reload();
  await page.locator(`html[lang="${language}"] h1`).waitFor();
  await prepare();
  const texts = await page.evaluate<string[]>(READ);
  const pictures = process.env.STRATA_SCREENSHOTS;
  if (pictures)
    for (const width of [1280, 420]) {
      await page.setViewportSize({ width, height: 2600 });
      await page.screenshot({ path: join(pictures, `${language}-${pictureName}-${width}.png`) });
    }
  await page.setViewportSize({ width: 1280, height: 900 });
  return texts;
}

test.each<[string, string, () => Promise<void>]>([
  [
    'the datasets, an import that is prepared and a check',
    'datasets',
    async () => {
      await dropFiles(open.page, [join(files, 'rows.jsonl')]);
      await open.page.locator('form.sheet table').waitFor();
      await open.page.locator('article .figures').waitFor();
    },
  ],
  [
    'a dataset',
    'datasets/ID',
    async () => {
      await open.page.locator('.tokens .token').first().waitFor();
      await open.page.locator('#runs-title').waitFor();
    },
  ],
  ['the models', 'models', () => open.page.locator('.add article').first().waitFor({ state: 'attached' })],
  [
    'the export',
    'models',
    async () => {
      await open.page.locator('button:has(.lucide-download)').first().click();
      await open.page.getByRole('dialog').waitFor();
    },
  ],
])('%s: in German nothing is left in English', async (name, path, prepare) => {
  const address = path.replace('ID', encodeURIComponent(dataset));
  const english = await textsIn('en', name, address, prepare);
  const german = new Set(await textsIn('de', name, address, prepare));
  expect(english.length).toBeGreaterThan(20);
  const untranslated = english.filter(
    (text) => german.has(text) && !SAME.test(text) && !SAID_BY_THE_STUDIO.some((each) => each.test(text)),
  );
  expect(untranslated).toEqual([]);
});
