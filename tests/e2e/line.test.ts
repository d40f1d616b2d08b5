import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Line } from '../../shared/contract/lines.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { writeTinySources } from '../support/workspace.ts';
import { expectAccessible } from './support/axe.ts';
import { goTo, type OpenPage, openPage } from './support/browser.ts';
import { type RunningStudio, startStudio } from './support/studio.ts';

/** A line of two domains: each test goes on from the one before. */
describe('the line of a model', () => {
  let studio: RunningStudio;
  let open: OpenPage;
  let directory: string;
  let second: RunSummary;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'strata-e2e-line-'));
    const { model, newText, oldText } = await writeTinySources(directory);
    studio = await startStudio();
    await studio.strata('model', 'import', model);
    await studio.strata('data', 'import', newText);
    await studio.strata('data', 'import', oldText);
    const short = ['--steps', '4', '--engine', 'cpu'];
    await studio.strata(
      'train',
      '--model',
      'tiny',
      '--new',
      'code',
      '--blocks',
      '1',
      '--batch',
      '2',
      '--context',
      '32',
      '--name',
      'first',
      ...short,
    );
    second = await studio.strata<RunSummary>('train', '--continue', 'first', '--new', 'stories', '--name', 'second', ...short);
    open = await openPage(studio.url);
  });
  afterAll(async () => {
    await open.close();
    await studio.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it('is reached from its models, and shows every score with where it is from', async () => {
    const { page } = open;
    await goTo(page, 'Models');
    await page.getByRole('link', { name: 'Line of second' }).click();
    await page.getByRole('heading', { level: 1, name: 'The line of second' }).waitFor();
    const table = page.getByRole('table', { name: /^Loss on held-out text in nats per token/ });
    const { tasks } = await studio.strata<Line>('line', 'show', 'second');
    const [alone] = [tasks[0]!.cells[1]!];
    if (!alone.isKnown) throw new Error('R[1, 1] is not known.');
    const row = table.getByRole('row', { name: /^after task 1/ });
    expect(await row.getByRole('cell').first().innerText()).toContain((-alone.score.value).toFixed(3));
    await row
      .getByRole('cell', { name: /measured by the run “first”$/ })
      .first()
      .waitFor();
    await table.getByRole('columnheader', { name: /task 2\s*stories/ }).waitFor();
    expect(await page.getByText('of step 2', { exact: true }).count()).toBe(1);
  });

  it('is filled by measuring what is missing', async () => {
    const { page } = open;
    await page.getByRole('button', { name: /^Measure \d+ missing scores?$/ }).click();
    await page.getByRole('button', { name: /^Measure \d+ missing/ }).waitFor({ state: 'detached', timeout: 120_000 });
    await page.getByRole('button', { name: 'Stop measuring' }).waitFor({ state: 'detached', timeout: 120_000 });
    const { figures, tasks } = await studio.strata<Line>('line', 'show', 'second');
    expect(tasks.every(({ cells }) => cells.every(({ isKnown }) => isKnown))).toBe(true);
    const shown = page.getByText('Forward transfer', { exact: true }).locator('xpath=following-sibling::dd[1]');
    await expect.poll(() => shown.innerText()).toContain(Math.abs(figures.forwardTransfer!.value).toFixed(3));
    await page.getByText(/^(What came before (helped|hurt) a task by|What came before made no difference)/).waitFor();
    await page.getByLabel('Unit').selectOption('bits per byte');
    await page.getByRole('table', { name: /^Loss on held-out text in bits per byte/ }).waitFor();
  });

  it('is read as a table and taken along as a file and as a picture', async () => {
    const { page } = open;
    const saved = async (name: string): Promise<Buffer> => {
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name }).click()]);
      return readFile(await download.path());
    };
    const rows = parse(await saved('Loss of each task after each step: save the figures as CSV')) as string[][];
    expect(rows[0]!.slice(3, 6)).toEqual(['task', 'datasets', 'loss, bits per byte']);
    // Three moments, and two tasks beside what was only old.
    expect(rows.slice(1).map(([row, , , task]) => [row, task])).toEqual(
      ['0', '1', '2'].flatMap((row) => ['1', '2', 'only old'].map((task) => [row, task])).filter(([, task]) => task !== 'only old'),
    );
    const png = await saved('Loss of each task after each step: save the picture as PNG');
    expect(png.toString('latin1', 1, 4)).toBe('PNG');
    // A picture of nothing but its ground would be small, whatever its size.
    expect(png.length).toBeGreaterThan(10_000);
    const frame = page.getByRole('region', { name: 'Loss of each task after each step', exact: true });
    await frame.getByRole('button', { name: 'Show as table' }).click();
    await frame.getByText('Values: bits per byte.').waitFor();
    await frame.getByRole('row', { name: /^2 after task 2 second 2 stories \d/ }).waitFor();
    await frame.getByRole('button', { name: 'Show as chart' }).click();
  });

  it('is accessible in both themes', async () => {
    await expectAccessible(open.page, 'a line');
  });

  it('goes on to the next domain from its run, with roles and settings filled in and why', async () => {
    const { page } = open;
    await page.goto(`${new URL(studio.url).origin}/#/runs/${second.id}`);
    await page.getByRole('button', { name: 'Learn the next domain' }).click();
    await page.getByRole('heading', { level: 2, name: 'The next domain' }).waitFor();
    await page.getByText('What was just learned is on the old side now: “stories”.').waitFor();
    for (const name of ['code', 'stories']) {
      const role = page.getByRole('group', { name: `Role of ${name}` }).getByRole('radio', { name: 'Old', exact: true });
      await role.waitFor();
      expect(await role.isChecked(), name).toBe(true);
    }
    expect(await page.locator('#base').inputValue()).toBe(second.model);
    expect(await page.getByLabel('How many').inputValue()).toBe('1');
    expect(open.complaints.filter((complaint) => !complaint.includes('ERR_ABORTED'))).toEqual([]);
  });
});
