import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertBatch } from '../../main/store/batches.ts';
import { updateRun } from '../../main/store/runs.ts';
import { type BatchSummary, recipeSchema } from '../../shared/contract/recipes.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { insertMeasuredRun, storeOf } from '../support/measured-runs.ts';
import { expectAccessible } from './support/axe.ts';
import { goTo, type OpenPage, openPage } from './support/browser.ts';
import { type RunningStudio, startStudio } from './support/studio.ts';

/** The queue, recipes and forecasts in the browser: each test goes on from the one before. */
describe('recipes in the browser', () => {
  let studio: RunningStudio;
  let open: OpenPage;

  beforeAll(async () => {
    studio = await startStudio();
    recordForecast();
    open = await openPage(studio.url);
  });
  afterAll(async () => {
    await open.close();
    await studio.stop();
  });

  /** Four pilots as training leaves them, and one run that a crash left in the middle. */
  function recordForecast(): void {
    const store = storeOf(studio.home);
    const pilots = [
      { share: 0, onNew: 3, onOld: 3.4 },
      { share: 0.01, onNew: 3.01, onOld: 3.25 },
      { share: 0.1, onNew: 3.04, onOld: 3.1 },
      { share: 0.5, onNew: 3.3, onOld: 3.02 },
    ];
    const flat = (value: number): number[] => [value, value, value, value];
    for (const { share, onNew, onOld } of pilots) {
      insertMeasuredRun(store, {
        ...{ id: `pilot-${share}`, configuration: { replayShare: share } },
        ...{ before: { new: flat(5), old: flat(3) }, after: { new: flat(onNew), old: flat(onOld) } },
      });
      store.prepare('UPDATE runs SET batch = ? WHERE id = ?').run('soon', `pilot-${share}`);
    }
    const labels = Object.fromEntries(pilots.map(({ share }) => [`pilot-${share}`, `replay ${share * 100} %`]));
    const request = { model: 'base', newDatasets: ['code'], oldDatasets: ['novels'], method: 'expand' as const };
    insertBatch(store, {
      ...{ id: 'soon', name: 'Soon', kind: 'forecast', result: null, createdAt: '2026-01-02T03:04:05.678Z' },
      definition: { recipe: recipeSchema.parse({ kind: 'forecast', request, limit: 0.15 }), plannedSteps: 400, labels },
    });
    insertMeasuredRun(store, { id: 'cut-off', before: { new: flat(5), old: flat(3) }, after: null });
    updateRun(store, 'cut-off', { status: 'interrupted', stepsDone: 12 });
    store.close();
  }

  it('offer at the start a run that was interrupted, until it is left', async () => {
    const { page } = open;
    const notice = page.getByRole('region', { name: 'Interrupted: cut-off' });
    await notice.getByText('was interrupted').waitFor();
    await notice.getByRole('button', { name: 'Leave' }).click();
    await notice.waitFor({ state: 'detached' });
  });

  it('draw a forecast with its band and say which replay share is enough', async () => {
    const { page } = open;
    await goTo(page, 'Runs');
    await page.getByRole('link', { name: 'Batches', exact: true }).click();
    await page.getByRole('link', { name: 'Soon' }).waitFor();
    await expectAccessible(page, 'batches');
    await page.getByRole('link', { name: 'Soon' }).click();
    const sentence = await page.getByText(/is the smallest that keeps forgetting within 0.15/).textContent();
    const share = Number(/share of ([\d.]+) %/.exec(sentence ?? '')?.[1]);
    // Between the pilots that forget 0.25 and 0.1.
    expect(share).toBeGreaterThan(1);
    expect(share).toBeLessThan(10);
    await expectAccessible(page, 'a batch with its forecast');
    await page.getByRole('button', { name: 'Show as table' }).first().click();
    await page.getByRole('region', { name: 'Predicted frontier, as a table' }).getByText('predicted').first().waitFor();
    await page.getByText('4 done').waitFor();
  });

  it('show before they start what controls of the present choices would be', async () => {
    const { page } = open;
    await goTo(page, 'Home');
    await page.getByRole('button', { name: 'Open the sample project' }).click();
    await page.getByText('of the tokens are old').waitFor();
    await page.getByLabel(/^Steps/).fill('2');
    await page.getByText('2 steps of 8').waitFor();
    await page.getByRole('button', { name: /^Controls/ }).click();
    const planned = page.getByRole('region', { name: 'Planned runs' });
    await planned.getByText('lora, rank').first().waitFor();
    await expectAccessible(page, 'a batch that is planned');
    const labels = await planned.locator('tbody td:first-child').allTextContents();
    expect(new Set(labels.map((label) => label.split(/[ ,]/)[0]))).toEqual(new Set(['expand', 'lora', 'full', 'freeze']));
    expect(labels.filter((label) => label.includes('no replay'))).toHaveLength(labels.length / 2);
    expect(await studio.strata<BatchSummary[]>('recipe', 'list')).toHaveLength(1);
    await page.getByRole('button', { name: /^Controls/ }).click();
  });

  it('let several runs wait, in an order that can be changed, and train them one after the other', async () => {
    const { page } = open;
    const start = async (name: string, steps: string, button: string): Promise<void> => {
      await page.getByLabel(/^Steps/).fill(steps);
      await page.getByLabel('Name (optional)').fill(name);
      await page.getByText(`${steps} steps of 8`).waitFor();
      await page.getByRole('button', { name: button, exact: true }).click();
      await page.getByRole('heading', { level: 1, name }).waitFor();
    };
    await start('First', '40', 'Expand and train');
    for (const name of ['Second', 'Third']) {
      await goTo(page, 'Train');
      await start(name, '1', 'Expand and train, in the queue');
      await page.getByRole('region', { name: 'In the queue' }).waitFor();
      expect(await page.getByText('The run waits for its turn').count()).toBe(2); // in both charts
    }
    await goTo(page, 'Runs');
    const waiting = page.getByRole('list', { name: 'Waiting runs' }).getByRole('listitem');
    await expect.poll(() => waiting.locator('.name a').allTextContents()).toEqual(['Second', 'Third']);
    await expectAccessible(page, 'a queue');
    await page.getByRole('button', { name: 'Move Third up' }).click();
    await expect.poll(() => waiting.locator('.name a').allTextContents()).toEqual(['Third', 'Second']);
    await waiting.first().dragTo(waiting.last());
    await expect.poll(() => waiting.locator('.name a').allTextContents()).toEqual(['Second', 'Third']);
    await page.getByLabel('Priority of Third').fill('5');
    await page.getByLabel('Priority of Third').press('Tab');
    await expect.poll(() => waiting.locator('.name a').allTextContents()).toEqual(['Third', 'Second']);
    await page.getByRole('button', { name: 'Take Second out of the queue' }).click();
    await page.getByText('Took “Second” out of the queue').waitFor();
    await page.getByRole('link', { name: 'First' }).first().click();
    await page.getByRole('button', { name: 'Stop' }).click();
    await expect.poll(async () => (await statusesOf()).Third, { timeout: 60_000 }).toBe('done');
    expect(await statusesOf()).toMatchObject({ First: 'stopped', Second: 'stopped', Third: 'done' });
  });

  it('fill the Train page from a run, and name what is gone', async () => {
    const { page } = open;
    await goTo(page, 'Runs');
    await page.getByRole('region', { name: 'List of runs' }).getByRole('link', { name: 'Third' }).click();
    await page.getByRole('button', { name: 'Again' }).click();
    await page.getByRole('menuitem', { name: 'Clone: with changes' }).click();
    await page.getByText('A copy of “Third”.').waitFor();
    await page.getByText('1 steps of 8').waitFor();
    await page.goto(`${new URL(page.url()).origin}/#/runs/pilot-0`);
    await page.getByRole('button', { name: 'Again' }).click();
    await page.getByRole('menuitem', { name: 'Clone: with changes' }).click();
    await page.getByText(/^The model “.*” is no longer in the workspace/).waitFor();
    expect(open.complaints).toEqual([]);
  });

  async function statusesOf(): Promise<Record<string, string>> {
    const runs = await studio.strata<RunSummary[]>('run', 'list');
    return Object.fromEntries(runs.map(({ name, status }) => [name, status]));
  }
});
