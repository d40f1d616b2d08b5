import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatasetInfo } from '../../shared/contract/datasets.ts';
import { defaultReplay } from '../../shared/domain/distance.ts';
import { type Language, words } from '../../shared/words/words.ts';
import type { Writer } from '../../main/store/open-store.ts';
import { updateRun } from '../../main/store/runs.ts';
import { insertMeasuredRun, storeOf } from '../support/measured-runs.ts';
import { dropFiles, type OpenPage, openPage } from './support/browser.ts';
import { type RunningStudio, startStudio } from './support/studio.ts';

let studio: RunningStudio;
let open: OpenPage;
let files: string;
let dataset: string;
let store: Writer;

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
  store = storeOf(studio.home);
  insertRuns();
  open = await openPage(studio.url);
});
afterAll(async () => {
  await open.close();
  store.close();
  await studio.stop();
  await rm(files, { recursive: true, force: true });
});

/** Two runs as training leaves them, with what the studio said of them on the way. */
function insertRuns(): void {
  const tokens = [40, 40, 40];
  const before = { new: [5, 5.2, 4.8], old: [3, 3.1, 2.9] };
  const at = '2026-01-01T00:00:00.000Z';
  for (const [nr, id] of ['first', 'second'].entries()) {
    insertMeasuredRun(store, {
      ...{ id, name: id, tokens, before, createdAt: new Date(Date.UTC(2026, 0, 1, nr)).toISOString() },
      after: { new: [4, 4.3, 3.8 - nr], old: [3.1, 3.2, 3] },
      course: [0, 20, 40].map((step): [number, number, number] => [step, 5 - step / (40 + nr), 3 + step / 400]),
      configuration: { replayShare: 0.1, replayReason: defaultReplay(null).reason },
    });
    updateRun(store, id, {
      stopReason: words('said.batchCancelled'),
      warnings: [{ at, text: words('said.pastNotMeasured', { name: 'rows', reason: words('said.noLonger') }) }],
      guardEvents: [
        {
          ...{ step: 20, at, action: 'warn', found: 0.5, limit: 0.1 },
          text: words('said.guardRose', { amount: '0.5', limit: '0.1', activity: words('said.guardWarned') }),
        },
      ],
    });
  }
}

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
  /^(Strata|Name|Text|Tokens?|Version|Prompt|System|Hub|Format|Ollama|Repository|Revision|Downloads|Unicode|SHA-256|base|notes|rows|notes\.jsonl|rows\.jsonl|f1|f2|first|second|code|stories|wasm|Status|Plan|LoRA|CSV|PNG|GGUF \S+|Hugging Face B?F\d+|\d+ min \d+ s|[\d.,]+ ([kMG]?B|k|%)|Llama.*)$/;
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
  ['the start', '', () => open.page.locator('table tbody tr').first().waitFor()],
  ['a run that is being chosen', 'train', () => open.page.locator('dl .size').first().waitFor()],
  ['the list of runs', 'runs', () => open.page.locator('table tbody tr').first().waitFor()],
  ['a run', 'runs/first', () => open.page.locator('#measured-title').waitFor()],
  ['a comparison', 'compare/first,second', () => open.page.locator('[data-chart]').first().waitFor()],
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

test('the figures of a run fit into a window of 1280 in German, whose headings are longer', async () => {
  const { page } = open;
  await page.setViewportSize({ width: 1280, height: 800 });
  await textsIn('de', 'the figures of a run', 'runs/first', () => page.locator('#measured-title').waitFor());
  const figures = page.getByRole('region', { name: 'Zahlen jedes Datensatzes' });
  expect(await figures.evaluate((each) => each.scrollWidth - each.clientWidth)).toBeLessThanOrEqual(1);
  // Nor is what a run was frozen with left as programs call it.
  const configuration = await page.getByRole('heading', { name: 'Festgehaltene Konfiguration' }).locator('xpath=../..').textContent();
  expect(configuration).not.toMatch(/constant|checkpointEverySteps|learningRate|everySteps/);
  expect(configuration).toContain('Höchste Lernrate');
});
