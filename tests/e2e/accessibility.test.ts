import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DatasetInfo } from '../../shared/contract/datasets.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { updateRun } from '../../main/store/runs.ts';
import { planExpansion } from '../../shared/domain/plan.ts';
import { insertMeasuredRun, storeOf } from '../support/measured-runs.ts';
import { expectAccessible, expectLegible } from './support/axe.ts';
import { dropFiles, goTo, importCard, type OpenPage, openPage } from './support/browser.ts';
import { type RunningStudio, startStudio } from './support/studio.ts';

/** Every state of a page is looked at in both themes: each test goes on from the one before. */
describe('accessibility', () => {
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
    open = await openPage(studio.url);
  });
  afterAll(async () => {
    await open.close();
    await studio.stop();
    await rm(files, { recursive: true, force: true });
  });

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
      'lines/nothing',
      'runs/nothing',
      'settings',
      'nowhere',
    ]) {
      await open.page.goto(`${new URL(studio.url).origin}/#/${path}`);
      await open.page.getByRole('heading', { level: 1 }).waitFor();
      await expectAccessible(open.page, `page "${path}"`);
    }
  });

  it('finds nothing on an import that is prepared, goes on and has ended, on its dataset and on a check of it', async () => {
    const { page } = open;
    await goTo(page, 'Datasets');
    await dropFiles(page, [files], async () => {
      await page.getByText('Let go to import').waitFor();
      await expectAccessible(page, 'files over the window');
      await expectLegible(page, 'what is said of them', '.veil');
    });
    await page.getByText('Not recognised: choose').waitFor();
    await page.getByText('Cleaning', { exact: true }).click();
    for (const shape of ['choice', 'completion']) {
      await page.getByLabel('A row is a').first().selectOption(shape);
      await expectAccessible(page, `an import that is prepared, ${shape}`);
    }
    await page.getByRole('button', { name: 'Import', exact: true }).click();
    const card = importCard(page, basename(files));
    await card.getByRole('radio', { name: 'New' }).click();
    await page.getByText('Check datasets against each other').click();
    await page.getByRole('button', { name: 'Check', exact: true }).click();
    await page.getByRole('region', { name: 'Result of the check' }).waitFor();
    await expectAccessible(page, 'an import that has ended, and a check');
    await card.getByRole('link', { name: 'Look into it' }).click();
    await page.getByText('Runs that used it').waitFor();
    await expectAccessible(page, 'a dataset');
  });

  it('finds nothing on pages with a model, datasets and a finished run', async () => {
    const { page } = open;
    await page.goto(`${new URL(studio.url).origin}/#/`);
    await page.getByRole('button', { name: 'Open the sample project' }).click();
    await page.getByText('of the tokens are old').waitFor();
    await page.getByRole('switch', { name: 'Act on it' }).check();
    await page.getByText(/^If the loss on old text rises/).waitFor();
    await expectAccessible(page, 'train');
    await page.getByLabel(/^Steps/).fill('2');
    await page.getByText('2 steps of 8').waitFor();
    await page.getByRole('button', { name: 'Expand and train' }).click();
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    await expectAccessible(page, 'a run in progress');
    await page.getByText('done', { exact: true }).waitFor({ timeout: 180_000 });
    [run] = (await studio.strata<RunSummary[]>('run', 'list')).map(({ id }) => id) as [string];
    const [dataset] = await studio.strata<DatasetInfo[]>('data', 'list');
    for (const path of ['', 'datasets', `datasets/${dataset!.id}`, 'models', 'train', 'runs', 'playground', `runs/${run}`]) {
      await page.goto(`${new URL(studio.url).origin}/#/${path}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await expectAccessible(open.page, `page "${path}"`);
    }
    await page.getByRole('button', { name: 'Export the model' }).click();
    await page.getByRole('dialog').waitFor();
    await expectAccessible(page, 'the export');
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await page.getByRole('button', { name: 'Measure the movement' }).click();
    await page.getByText('Tensor by tensor').click();
    await expectAccessible(page, 'a run with its movement');
    await page.getByRole('button', { name: 'Delete the run' }).click();
    await page.getByText(/^Deleted “/).waitFor();
    await expectAccessible(page, 'a message');
    await page.getByRole('button', { name: 'Bin' }).click();
    await page.getByRole('button', { name: 'Empty the bin' }).click();
    await page.getByRole('alertdialog').waitFor();
    await expectAccessible(page, 'the question before a deletion');
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
    const method = { name: 'expand' as const, plan: planExpansion(12, 4, 'even') };
    insertMeasuredRun(store, {
      ...{ id: 'cut', before: { new: [5, 4, 6, 5], old: [3, 4, 3, 2] }, after: null, stepsDone: 20 },
      configuration: { method, replayReason: 'A reason that takes more than one line beside so many blocks.' },
    });
    updateRun(store, 'cut', { status: 'interrupted' });
    store.close();
    const origin = new URL(studio.url).origin;
    await page.goto(`${origin}/#/`); // the question of before is closed
    await page.reload(); // which runs were interrupted is looked for when the studio is opened
    for (const path of ['', 'runs', 'runs/cut']) {
      await page.goto(`${origin}/#/${path}`);
      await page.getByRole('region', { name: 'Interrupted: cut' }).waitFor();
      await expectAccessible(page, `page "${path}" with an interrupted run`);
    }
    await page
      .getByText(/^Interrupted after step 20 of 40\. The process that trained it ended .* no checkpoint yet: “Resume” begins/)
      .waitFor();
    const plan = page.locator('section', { has: page.getByRole('heading', { name: 'Plan', exact: true }) }).last();
    const isWhole = await plan.evaluate(({ scrollHeight, clientHeight }) => scrollHeight <= clientHeight);
    expect(isWhole, 'what is said of many blocks is not cut off').toBe(true);
    await page.goto(`${origin}/#/runs`);
    await page.getByRole('checkbox', { name: 'Tick one' }).check();
    await expectAccessible(page, 'a ticked run');
    await page.getByRole('button', { name: /^Status/ }).click();
    await page.getByRole('menu', { name: 'Status' }).waitFor();
    await expectAccessible(page, 'a menu of filters');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Tag', exact: true }).last().click();
    await page.getByRole('dialog').waitFor();
    await expectAccessible(page, 'tags and note');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+k');
    await page.getByRole('dialog').getByRole('option').first().waitFor();
    await expectAccessible(page, 'the commands');
    await page.keyboard.type('two');
    await page.getByRole('option', { name: /two/ }).first().waitFor();
    await expectAccessible(page, 'commands that were searched for');
    await page.keyboard.press('Escape');
    await page.goto(`${origin}/#/compare/one,two?baseline=one`);
    await page.getByRole('heading', { name: 'What differs' }).waitFor();
    await page.getByRole('button', { name: /^two: gain/ }).click();
    await expectAccessible(page, 'a comparison');
    const charts = page.getByRole('button', { name: 'Show as table' });
    while ((await charts.count()) > 0) await charts.first().click();
    await expectAccessible(page, 'a comparison as tables');
    await page.goto(`${origin}/#/runs/one`);
    await page.getByRole('heading', { name: 'Dataset by dataset' }).waitFor();
    await expectAccessible(page, 'a run with its datasets');
  });
});
