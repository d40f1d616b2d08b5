import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Writer } from '../../main/store/open-store.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { insertMeasuredRun, storeOf } from '../support/measured-runs.ts';
import { goTo, type OpenPage, openPage } from './support/browser.ts';
import { type RunningStudio, startStudio } from './support/studio.ts';

/** Of each of eight documents before step 1. */
const BEFORE = { new: [5, 5.2, 4.8, 5.1, 5.3, 4.9, 5, 5.4], old: [3, 3.1, 2.9, 3.2, 3, 2.8, 3.1, 3] };
const TOKENS = BEFORE.new.map(() => 40);
const meanOf = (losses: number[]): number => losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
const lowered = (losses: number[], by: number): number[] => losses.map((loss, at) => loss - by + 0.002 * (at % 3));

/** The history of runs and their comparison, on runs as training leaves them: each test goes on from the one before. */
describe('runs in the browser', () => {
  let studio: RunningStudio;
  let open: OpenPage;
  let store: Writer;

  beforeAll(async () => {
    studio = await startStudio();
    store = storeOf(studio.home);
    const runs = [
      { id: 'gentle', name: 'Gentle', gain: 0.6, forgetting: 0.056 },
      { id: 'greedy', name: 'Greedy', gain: 1, forgetting: 0.3 },
      { id: 'twin', name: 'Twin of greedy', gain: 1, forgetting: 0.3 },
      ...Array.from({ length: 58 }, (_, at) => ({ id: `other-${at}`, name: `Other ${at}`, gain: 0.1, forgetting: 0.4 })),
    ];
    for (const [at, { id, name, gain, forgetting }] of runs.entries()) {
      insertMeasuredRun(store, {
        ...{ id, name, tokens: TOKENS, before: BEFORE, createdAt: new Date(Date.UTC(2026, 0, 1, 0, runs.length - at)).toISOString() },
        after: { new: lowered(BEFORE.new, gain), old: lowered(BEFORE.old, -forgetting) },
        course: [0, 0.25, 0.5, 1].map((part): [number, number, number] => [
          part * 40,
          meanOf(BEFORE.new) - gain * part,
          meanOf(BEFORE.old) + forgetting * part ** 2,
        ]),
        configuration: { replayShare: id === 'gentle' ? 0.5 : 0.1 },
      });
    }
    open = await openPage(studio.url);
    await goTo(open.page, 'Runs');
  });
  afterAll(async () => {
    await open.close();
    store.close();
    await studio.stop();
  });

  const rows = (): ReturnType<OpenPage['page']['locator']> => open.page.getByRole('region', { name: 'List of runs' }).locator('tbody tr');
  const shown = (run: string): Promise<RunSummary> => studio.strata<RunSummary>('run', 'show', run);

  it('are shown fifty at a time, found by words and sorted by what they brought, and the address remembers how', async () => {
    const { page } = open;
    await page.getByText('1 to 50 of 61 runs').waitFor();
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByText('51 to 61 of 61 runs').waitFor();
    await page.getByRole('searchbox', { name: 'Search runs' }).fill('greedy');
    await page.getByText('2 runs found').waitFor();
    await page.getByRole('searchbox', { name: 'Search runs' }).fill('no such thing');
    await page.getByRole('heading', { name: 'No run is like that' }).waitFor();
    await page.getByRole('button', { name: 'Ask for less: show all' }).click();
    await page.getByRole('button', { name: 'Forgetting' }).click();
    await expect.poll(() => rows().first().textContent()).toContain('Gentle');
    expect(page.url()).toMatch(/#\/runs\?sort=forgetting&order=up$/);
    await page.goBack();
    await page.locator('th[aria-sort=descending]').getByText('Started').waitFor();
  });

  it('take tags and a star, and are found by them', async () => {
    const { page } = open;
    await page.getByRole('button', { name: 'More for Gentle' }).click();
    await page.getByRole('menuitem', { name: 'Tags and note' }).click();
    await page.getByRole('combobox', { name: 'Add a tag' }).fill('paper');
    await page.keyboard.press('Enter');
    await page.getByLabel('Note').fill('the careful one');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByRole('row', { name: /Gentle.*paper/ }).waitFor();
    await page.getByRole('button', { name: 'Favourite: Gentle' }).click();
    expect(await shown('gentle')).toMatchObject({ tags: ['paper'], note: 'the careful one' });
    await page.getByRole('button', { name: /^Tag/ }).click();
    await page.getByRole('menuitemcheckbox', { name: /^paper/ }).click();
    await page.keyboard.press('Escape');
    await page.getByText('1 run found').waitFor();
    await page.getByRole('button', { name: 'Favourites' }).click();
    await page.getByText('1 run found').waitFor();
    expect((await shown('gentle')).favourite).toBe(true);
    await page.getByRole('button', { name: 'Clear' }).click();
  });

  it('are ticked in one go with Shift, deleted together and brought back', async () => {
    const { page } = open;
    await page.getByRole('checkbox', { name: 'Tick Other 0', exact: true }).click();
    await page.getByRole('checkbox', { name: 'Tick Other 4', exact: true }).click({ modifiers: ['Shift'] });
    const bar = page.getByRole('group', { name: 'Ticked runs' });
    await bar.getByText('5 ticked').waitFor();
    await bar.getByRole('button', { name: 'Delete' }).click();
    await page.getByText('Deleted 5 runs.').waitFor();
    await page.getByText('1 to 50 of 56 runs').waitFor();
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByText('1 to 50 of 61 runs').waitFor();
    await page.getByRole('button', { name: 'More for Other 0', exact: true }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.getByRole('button', { name: 'Bin' }).click();
    await page.getByText('1 run', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Empty the bin' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('heading', { name: 'The bin is empty' }).waitFor();
    await page.getByRole('button', { name: 'Active' }).click();
  });

  it('stand side by side with verdicts, also that nobody can tell', async () => {
    const { page } = open;
    for (const name of ['Gentle', 'Greedy', 'Twin of greedy'])
      await page.getByRole('checkbox', { name: `Tick ${name}`, exact: true }).check();
    await page.getByRole('link', { name: 'Compare', exact: true }).last().click();
    await page.getByRole('heading', { name: '3 runs compared' }).waitFor();
    await page.getByText('Compared in nats per token').waitFor();
    const point = page.getByRole('button', { name: /^Gentle: gain \+0\.5/ });
    await point.focus();
    await page.keyboard.press('Enter');
    expect(await point.getAttribute('aria-pressed')).toBe('true');
    await page.getByRole('button', { name: 'Pin Greedy as the baseline' }).click();
    const compared = page.getByRole('region', { name: 'Compared runs' });
    await compared.getByRole('row', { name: /Gentle.*worse.*better/ }).waitFor();
    await compared.getByRole('row', { name: /Twin of greedy.*cannot tell.*cannot tell/ }).waitFor();
    expect(page.url()).toContain('baseline=greedy');
  });

  it('are read at equal gain, as the command line reads them', async () => {
    const { page } = open;
    const slider = page.getByRole('slider', { name: 'At a gain of' });
    await slider.fill('0.3');
    await page.getByText('+0.300 nats per token').waitFor();
    // Gentle: gain 0.3 at half its course, where a quarter of 0.056 was forgotten; greedy: between a quarter and half of its own.
    const at = page.getByRole('region', { name: 'Forgetting at that gain' });
    await at.getByRole('row', { name: 'Gentle +0.014 20', exact: true }).waitFor();
    await at.getByRole('row', { name: 'Greedy +0.030 12', exact: true }).waitFor();
  });

  it('have their differences, curves and files', async () => {
    const { page } = open;
    const differences = page.getByRole('region', { name: 'Differences' });
    await page.getByRole('searchbox', { name: 'Search what differs' }).fill('replayShare');
    expect(
      await differences
        .getByRole('row', { name: /^Replay share/ })
        .getByRole('button')
        .allTextContents(),
    ).toEqual(['0.5', '0.1', '0.1']);
    await page.getByRole('combobox', { name: 'Figure' }).selectOption({ label: 'Held-out loss on old' });
    await page.getByRole('img', { name: /^Held-out loss on old: Gentle from 3\.01\d to 3\.06\d/ }).waitFor();

    const saved = async (start: () => Promise<void>): Promise<[name: string, text: string]> => {
      const [download] = await Promise.all([page.waitForEvent('download'), start()]);
      return [download.suggestedFilename(), await readFile(await download.path(), 'latin1')];
    };
    const [name, csv] = await saved(() => page.getByRole('button', { name: 'Gain against forgetting: save the figures as CSV' }).click());
    expect(name).toBe('gain-against-forgetting.csv');
    expect(csv.split('\r\n').map((line) => line.split(',')[0])).toEqual(['run', 'Gentle', 'Greedy', 'Twin of greedy', '']);
    const [, png] = await saved(() => page.getByRole('button', { name: 'Gain against forgetting: save the picture as PNG' }).click());
    expect(png).toMatch(/^\x89PNG/);
    const [report, html] = await saved(async () => {
      await page.getByRole('button', { name: 'Save as' }).click();
      await page.getByRole('menuitem', { name: 'Report' }).click();
    });
    expect(report).toMatch(/\.html$/);
    expect(html).toContain('Twin of greedy');
    expect(open.complaints).toEqual([]);
  });
});
