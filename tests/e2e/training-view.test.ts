import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SamplesOfRun } from '../../shared/contract/runs.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { openStore } from '../../main/store/open-store.ts';
import { findRun } from '../../main/store/runs.ts';
import { findDrawnWindows } from '../../main/store/training-view.ts';
import { join } from 'node:path';
import { readFile } from 'node:fs/promises';
import { type OpenPage, openPage } from './support/browser.ts';
import { RunPage } from './support/pages/run.ts';
import { type RunningStudio, startStudio } from './support/studio.ts';

/** A run as it is watched: each test goes on from the one before. */
describe('the training view', () => {
  let studio: RunningStudio;
  let open: OpenPage;
  let id: string;
  let run: RunPage;

  beforeAll(async () => {
    studio = await startStudio();
    open = await openPage(studio.url);
    run = new RunPage(open.page);
    await open.page.getByRole('button', { name: 'Open the sample project' }).click();
    await open.page.getByText('25 % of the tokens are old').waitFor();
  });
  afterAll(async () => {
    await open.close();
    await studio.stop();
  });

  /** Where a curve of a chart ends, as the chart says itself. */
  const lastOf = async (chart: RegExp): Promise<string> =>
    / to ([\d.]+)/.exec((await open.page.getByRole('img', { name: chart }).getAttribute('aria-label'))!)![1]!;

  it('shows both curves, the windows, samples and the pulse while the run goes on', async () => {
    const { page } = open;
    await page.getByRole('switch', { name: 'Act on it' }).check();
    await page.getByLabel(/^Steps/).fill('90');
    await page.getByText('90 steps of 8').waitFor();
    await page.getByRole('button', { name: 'Expand and train' }).click();
    await run.pause.waitFor();
    await page.getByText(/^step ([2-9]\d) of/).waitFor({ timeout: 120_000 });
    id = new URL(page.url()).hash.split('/').at(-1)!;
    await page.getByRole('img', { name: /^Retention: old knowledge: old from .*the limit from/ }).waitFor();
    await page.getByRole('img', { name: /^Gain: new knowledge: new from/ }).waitFor();
    const windows = page.getByRole('img', { name: /^The last \d+ windows: \d+ × JavaScript code, \d+ × English novels/ });
    await windows.waitFor();
    const before = await windows.getAttribute('aria-label');
    await expect.poll(() => windows.getAttribute('aria-label'), { timeout: 30_000 }).not.toBe(before);
    const row = page.getByRole('row', { name: /^JavaScript code/ }).first();
    expect(await row.textContent()).toMatch(/75 %/); // the plan, beside what was drawn
    await page.getByRole('heading', { name: 'What base and model write' }).waitFor();
    expect(await page.getByRole('button', { name: /^Memory \d/ }).textContent()).toMatch(/\d MB|\d GB/);
    expect(await page.getByRole('button', { name: /^Speed/ }).textContent()).toMatch(/[\d,]+ tokens\/s/);
    await page.getByText(/ left$/).waitFor();
  });

  it('loses nothing when the page is loaded anew in the middle', async () => {
    const { page } = open;
    const reached = await run.step();
    const learned = /^Gain: new knowledge/;
    await page.reload();
    await run.pause.waitFor();
    await run.progress.waitFor();
    expect(await run.step()).toBeGreaterThanOrEqual(reached);
    await page.getByRole('img', { name: learned }).waitFor();
    await page.getByRole('region', { name: 'Gain: new knowledge' }).getByRole('button', { name: 'Show as table' }).click();
    const rows = page.getByRole('region', { name: 'Gain: new knowledge, as a table' }).getByRole('row');
    const store = openStore(join(studio.home, 'strata.db'));
    const { evaluation } = findRun(store, id)!.configuration;
    expect(await rows.count()).toBeGreaterThanOrEqual(2 + Math.floor(reached / evaluation.everySteps)); // a heading, the base and what was measured
    await page.getByRole('region', { name: 'Gain: new knowledge' }).getByRole('button', { name: 'Show as chart' }).click();
    const shown = Number(/^The last (\d+)/.exec((await page.getByRole('img', { name: /^The last/ }).getAttribute('aria-label'))!)![1]);
    expect(shown).toBeGreaterThanOrEqual(Math.min(512, reached * 8));
    store.close();
  });

  it('says so when the trainer is killed, and goes on from the checkpoint with one button', async () => {
    const { page } = open;
    const sign = await readFile(join(studio.home, 'runs', id, 'trainer.pid'), 'utf8');
    process.kill(Number(sign.split(' ')[0]), 'SIGKILL');
    await run.status('interrupted').waitFor({ timeout: 60_000 });
    await page.getByRole('alert').first().waitFor();
    await run.resume.click();
    await run.pause.waitFor({ timeout: 60_000 });
    await run.status('done').waitFor({ timeout: 240_000 });
  });

  it('has all of it afterwards: curves to the end, windows as they were recorded, samples step by step', async () => {
    const { page } = open;
    const [recorded] = await studio.strata<RunSummary[]>('run', 'list');
    const written = await studio.strata<SamplesOfRun>('run', 'samples', id);
    expect(written.samples.at(-1)!.step).toBe(90);
    await page.reload();
    await run.status('done').waitFor();
    const store = openStore(join(studio.home, 'strata.db'));
    const windows = findDrawnWindows(store, id)!;
    store.close();
    expect(windows.total).toBe(720);
    expect(windows.counts.map((count) => count * 256)).toEqual(Object.values(recorded!.tokens.byDataset));
    const table = page.getByRole('table', { name: 'Drawn so far, and the plan' });
    for (const count of windows.counts) expect(await table.textContent()).toContain(String(count));
    await page.getByText('After step 90', { exact: true }).waitFor();
    const samples = page.getByRole('region', { name: 'What base and model write' });
    for (const { base } of written.prompts) await expectText(samples.locator('pre'), base);
    for (const text of written.samples.at(-1)!.texts) await expectText(samples.locator('pre'), text);
    if (written.samples.length > 1) {
      const slider = samples.getByRole('slider', { name: 'Samples after step' });
      await slider.focus();
      await page.keyboard.press('ArrowLeft');
      const earlier = written.samples.at(-2)!;
      await page.getByText(`After step ${earlier.step}`, { exact: true }).waitFor();
      for (const text of earlier.texts) await expectText(samples.locator('pre'), text);
    }
    expect(Number(await lastOf(/^Gain: new knowledge/))).toBeLessThan(recorded!.baseline!.new.loss);
    for (const name of [/^Learning rate/, /^Gradient norm/, /^Memory/]) {
      await page.getByRole('group', { name: 'What the chart shows' }).getByRole('button', { name }).click();
      await page.getByRole('img', { name: new RegExp(`${name.source}, step by step`) }).waitFor();
    }
    expect(open.complaints).toEqual([]);
  });

  async function expectText(places: ReturnType<OpenPage['page']['locator']>, text: string): Promise<void> {
    expect((await places.allTextContents()).some((shown) => shown.endsWith(text))).toBe(true);
  }
});
