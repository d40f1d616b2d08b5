import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DatasetInfo } from '../../shared/contract/datasets.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { insertMeasuredRun, storeOf } from '../support/measured-runs.ts';
import { dropFiles, goTo, importCard, type OpenPage, openPage } from './support/browser.ts';
import { type RunningStudio, startStudio } from './support/studio.ts';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Violation {
  id: string;
  nodes: { html: string; failureSummary: string }[];
}

/** Only the page within the window scrolls, at any width: a document that scrolls leaves most of the window blank. */
async function expectSteadyDocument(page: Page): Promise<void> {
  for (const width of [420, 1280]) {
    await page.setViewportSize({ width, height: 900 });
    const size = await page.evaluate<object>(
      '(({ scrollWidth, scrollHeight }) => ({ scrollWidth, scrollHeight }))(document.scrollingElement)',
    );
    expect(size, `the document of ${page.url()}, ${width} px wide`).toEqual({
      scrollWidth: width,
      scrollHeight: 900,
    });
  }
}

describe.each(['light', 'dark'] as const)('accessibility, %s theme', (colorScheme) => {
  let studio: RunningStudio;
  let open: OpenPage;
  let run: string;
  let files: string;

  beforeAll(async () => {
    files = await mkdtemp(join(tmpdir(), 'strata-files-'));
    const rows = Array.from({ length: 12 }, (_, nr) =>
      JSON.stringify({ nr, frage: `Was ist ${nr}?`, antwort: `Die Zahl ${nr}, und mehr nicht.` }),
    );
    await writeFile(join(files, 'rows.jsonl'), rows.join('\n'));
    await writeFile(
      join(files, 'notes.txt'),
      Array.from({ length: 9 }, (_, nr) => `Paragraph ${nr} of the notes, which says little.`).join('\n\n'),
    );
    await writeFile(join(files, 'broken.jsonl'), '{"text": ');
    studio = await startStudio();
    open = await openPage(studio.url, { colorScheme });
  });
  afterAll(async () => {
    await open.close();
    await studio.stop();
    await rm(files, { recursive: true, force: true });
  });

  /** What axe finds against WCAG 2.2 AA on the page as it is; the script is put in past the page's own policy, by the browser. */
  async function violations(): Promise<string[]> {
    await expectSteadyDocument(open.page);
    await open.page.evaluate(axe);
    const found = await open.page.evaluate(
      async () =>
        (
          await (globalThis as unknown as { axe: { run(options: object): Promise<{ violations: unknown[] }> } }).axe.run({
            runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
          })
        ).violations as Violation[],
    );
    return found.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 120)} ${node.failureSummary}`));
  }

  it('finds nothing on empty pages', async () => {
    for (const path of [
      '',
      'datasets',
      'models',
      'train',
      'runs',
      'runs?q=x',
      'runs?shelf=deleted',
      'compare',
      'batches',
      'batches/nothing',
      'suites',
      'suites/nothing',
      'playground',
      'datasets/nothing',
      'settings',
      'nowhere',
    ]) {
      await open.page.goto(`${new URL(studio.url).origin}/#/${path}`);
      await open.page.getByRole('heading', { level: 1 }).waitFor();
      expect(await violations(), `page "${path}"`).toEqual([]);
    }
  });

  it('finds nothing on an import that is prepared, goes on and has ended, on its dataset and on a check of it', async () => {
    const { page } = open;
    await goTo(page, 'Datasets');
    await dropFiles(page, [files]);
    await page.getByText('Not recognised: choose').waitFor();
    await page.getByText('Cleaning', { exact: true }).click();
    for (const shape of ['choice', 'completion']) {
      await page.getByLabel('A row is a').first().selectOption(shape);
      expect(await violations(), `an import that is prepared, ${shape}`).toEqual([]);
    }
    await page.getByRole('button', { name: 'Import', exact: true }).click();
    const card = importCard(page, basename(files));
    await card.getByRole('radio', { name: 'New' }).click();
    await page.getByText('Check datasets against each other').click();
    await page.getByRole('button', { name: 'Check', exact: true }).click();
    await page.getByRole('region', { name: 'Result of the check' }).waitFor();
    expect(await violations(), 'an import that has ended, and a check').toEqual([]);
    await card.getByRole('link', { name: 'Look into it' }).click();
    await page.getByText('Runs that used it').waitFor();
    expect(await violations(), 'a dataset').toEqual([]);
  });

  it('finds nothing on pages with a model, datasets and a finished run', async () => {
    const { page } = open;
    await page.goto(`${new URL(studio.url).origin}/#/`);
    await page.getByRole('button', { name: 'Open the sample project' }).click();
    await page.getByText('of the tokens are old').waitFor();
    await page.getByRole('switch', { name: 'Act on it' }).check();
    await page.getByText(/^If the loss on old text rises/).waitFor();
    expect(await violations(), 'train').toEqual([]);
    await page.getByLabel(/^Steps/).fill('2');
    await page.getByText('2 steps of 8').waitFor();
    await page.getByRole('button', { name: 'Expand and train' }).click();
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    expect(await violations(), 'a run in progress').toEqual([]);
    await page.getByText('done', { exact: true }).waitFor({ timeout: 180_000 });
    [run] = (await studio.strata<RunSummary[]>('run', 'list')).map(({ id }) => id) as [string];
    const [dataset] = await studio.strata<DatasetInfo[]>('data', 'list');
    for (const path of ['', 'datasets', `datasets/${dataset!.id}`, 'models', 'train', 'runs', 'playground', `runs/${run}`]) {
      await page.goto(`${new URL(studio.url).origin}/#/${path}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      expect(await violations(), `page "${path}"`).toEqual([]);
    }
    await page.getByRole('button', { name: 'Export the model' }).click();
    await page.getByRole('dialog').waitFor();
    expect(await violations(), 'the export').toEqual([]);
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await page.getByRole('button', { name: 'Measure the movement' }).click();
    await page.getByText('Tensor by tensor').click();
    expect(await violations(), 'a run with its movement').toEqual([]);
    await page.getByRole('button', { name: 'Delete the run' }).click();
    await page.getByText(/^Deleted “/).waitFor();
    await page.getByRole('button', { name: 'Bin' }).click();
    await page.getByRole('button', { name: 'Empty the bin' }).click();
    await page.getByRole('alertdialog').waitFor();
    expect(await violations(), 'the question before a deletion').toEqual([]);
  });

  it('finds nothing on runs that are ticked, edited and compared', async () => {
    const { page } = open;
    const store = storeOf(studio.home);
    for (const id of ['one', 'two']) {
      const losses = { new: [5, 4, 6, 5], old: [3, 4, 3, 2] };
      insertMeasuredRun(store, {
        id,
        before: losses,
        after: { new: [4, 3.1, 5, 4], old: [3.1, 4, 3, 2.1] },
        tags: ['paper'],
        note: 'a note',
      });
    }
    store.close();
    const origin = new URL(studio.url).origin;
    await page.goto(`${origin}/#/`); // the question of before is closed
    await page.goto(`${origin}/#/runs`);
    await page.getByRole('checkbox', { name: 'Tick one' }).check();
    expect(await violations(), 'a ticked run').toEqual([]);
    await page.getByRole('button', { name: /^Status/ }).click();
    await page.getByRole('menu', { name: 'Status' }).waitFor();
    expect(await violations(), 'a menu of filters').toEqual([]);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Tag', exact: true }).last().click();
    await page.getByRole('dialog').waitFor();
    expect(await violations(), 'tags and note').toEqual([]);
    await page.goto(`${origin}/#/compare/one,two?baseline=one`);
    await page.getByRole('heading', { name: 'What differs' }).waitFor();
    await page.getByRole('button', { name: /^two: gain/ }).click();
    expect(await violations(), 'a comparison').toEqual([]);
    const charts = page.getByRole('button', { name: 'Show as table' });
    while ((await charts.count()) > 0) await charts.first().click();
    expect(await violations(), 'a comparison as tables').toEqual([]);
    await page.goto(`${origin}/#/runs/one`);
    await page.getByRole('heading', { name: 'Dataset by dataset' }).waitFor();
    expect(await violations(), 'a run with its datasets').toEqual([]);
  });
});
