import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunSummary } from '../../shared/domain/run.ts';
import { goTo, type OpenPage, openPage } from './support/browser.ts';
import { type RunningStudio, startStudio } from './support/studio.ts';

/** The whole loop as a new user goes through it, on the sample project: each test goes on from the one before. */
describe('the sample project in the browser', () => {
  let studio: RunningStudio;
  let open: OpenPage;

  beforeAll(async () => {
    studio = await startStudio();
    open = await openPage(studio.url);
  });
  afterAll(async () => {
    await open.close();
    await studio.stop();
  });

  it('opens on the start page, with the token out of the address bar', async () => {
    const { page } = open;
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toMatch(/Teach a model something new/);
    expect(page.url()).not.toContain('token');
  });

  it('brings the sample project to the Train page, ready to start', async () => {
    const { page } = open;
    await page.getByRole('button', { name: 'Open the sample project' }).click();
    await page.getByRole('heading', { name: 'Train', level: 1 }).waitFor();
    expect(await page.getByRole('group', { name: 'Role of JavaScript code' }).getByRole('radio', { name: 'New' }).isChecked()).toBe(true);
    expect(await page.getByRole('group', { name: 'Role of English novels' }).getByRole('radio', { name: 'Old' }).isChecked()).toBe(true);
    await page.getByText('25 % of the tokens are old').waitFor();
  });

  it('shows the plan as layers, which take new blocks by mouse and by keyboard', async () => {
    const { page } = open;
    const plan = page.getByRole('list', { name: 'Blocks of the model, from the top' });
    const newBlocks = plan.getByText(/^new, copy of/);
    expect(await newBlocks.allTextContents()).toEqual(['new, copy of 5', 'new, copy of 2']);
    await plan.getByRole('button', { name: 'Insert a copy after block 0' }).click();
    expect(await newBlocks.allTextContents()).toEqual(['new, copy of 5', 'new, copy of 2', 'new, copy of 0']);
    await plan.getByRole('button', { name: 'Take out new block 1' }).focus();
    await page.keyboard.press('Enter');
    expect(await newBlocks.allTextContents()).toEqual(['new, copy of 5', 'new, copy of 2']);
    await page.getByLabel('Where new blocks go').selectOption('even');
  });

  it('says what is missing instead of starting something impossible', async () => {
    const { page } = open;
    const start = page.getByRole('button', { name: 'Expand and train' });
    await page.getByLabel('How many').fill('0');
    const reason = page.getByText('The number of new blocks is a whole number from 1 to 512.').first();
    await reason.waitFor();
    const field = page.getByLabel('How many');
    expect([await field.getAttribute('aria-invalid'), await field.getAttribute('aria-describedby')]).toEqual([
      'true',
      await reason.getAttribute('id'), // it stands at the field
    ]);
    expect(await start.isDisabled()).toBe(true);
    await page.getByLabel('How many').fill('2');
    await page.getByRole('group', { name: 'Role of JavaScript code' }).getByRole('radio', { name: 'Not used' }).click();
    await page.getByText('Mark at least one dataset as new').waitFor();
    expect(await start.isDisabled()).toBe(true);
    await page.getByRole('group', { name: 'Role of JavaScript code' }).getByRole('radio', { name: 'New' }).click();
  });

  it('trains with one button, live, and can be paused and resumed', async () => {
    const { page } = open;
    await page.getByLabel(/^Steps/).fill('24');
    await page.getByText('24 steps of 8').waitFor();
    await page.getByRole('button', { name: 'Expand and train' }).click();
    await page.getByRole('heading', { name: 'strata-base learns JavaScript code' }).waitFor();
    await page.getByText(/^step [1-9]/).waitFor({ timeout: 120_000 });
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('paused', { exact: true }).waitFor({ timeout: 120_000 });
    const [paused] = await studio.strata<RunSummary[]>('run', 'list');
    expect(paused!.status).toBe('paused');
    expect(paused!.stepsDone).toBeLessThan(24);
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByText('done', { exact: true }).waitFor({ timeout: 180_000 });
  });

  it('shows on the run page the numbers that are recorded', async () => {
    const { page } = open;
    const [run] = await studio.strata<RunSummary[]>('run', 'list');
    const results = page.getByRole('region', { name: 'Results' });
    await results.getByText(`+${run!.gain!.toFixed(3)}`).waitFor();
    expect(await results.textContent()).toContain(`${run!.baseline!.new.loss.toFixed(3)} → ${run!.final!.new.loss.toFixed(3)}`);
    expect(await results.textContent()).toContain(run!.drift!.toFixed(3));
    expect(run!.identityDifference).toBe(0);
    const chart = page.getByRole('img', { name: /^Retention: old knowledge: old from/ });
    await page.getByRole('img', { name: /^Gain: new knowledge: new from/ }).waitFor();
    // On the way it is measured on fewer tokens than at the ends: what was recorded step by step, as another program reads it.
    const file = join(studio.home, 'metrics.csv');
    await studio.strata('run', 'export', run!.id, '--format', 'metrics.csv', '--out', file);
    const recorded = parse(await readFile(file, 'utf8'), { columns: true }) as Record<string, string>[];
    const onOld = recorded.filter(({ series }) => series === 'loss.old').map(({ value }) => Number(value).toFixed(3));
    expect(await chart.getAttribute('aria-label')).toContain(`old from ${onOld[0]} to ${onOld.at(-1)}`);
    expect(await chart.locator('canvas').count()).toBe(1);
    await page.getByRole('region', { name: 'Retention: old knowledge' }).getByRole('button', { name: 'Show as table' }).click();
    const rows = page.getByRole('region', { name: 'Retention: old knowledge, as a table' }).getByRole('row');
    expect(await rows.last().textContent()).toContain(onOld.at(-1));
    expect(await rows.count()).toBeGreaterThanOrEqual(6); // a heading, the base, and at least five measurements
  });

  it('continues a prompt with and without the new blocks', async () => {
    const { page } = open;
    await page.getByLabel('Prompt').fill('function add(a, b) {');
    await page.getByLabel('Prompt').press('Enter');
    await page.getByRole('heading', { name: 'Tuned' }).waitFor();
    const [base, tuned] = await page.locator('pre').allTextContents();
    expect(base).toMatch(/^function add\(a, b\) \{/);
    expect(tuned).not.toBe(base);
  });

  it('keeps a name and a note', async () => {
    const { page } = open;
    await page.getByRole('textbox', { name: 'Name' }).fill('Novels, then code');
    await page.getByRole('button', { name: 'Rename' }).click();
    await page.getByRole('heading', { name: 'Novels, then code', level: 1 }).waitFor();
    await page.getByLabel(/What should be remembered/).fill('short, only to see that it works');
    await page.getByRole('button', { name: 'Save the note' }).click();
    await expect
      .poll(async () => (await studio.strata<RunSummary[]>('run', 'list'))[0]!.note, { timeout: 20_000 })
      .toBe('short, only to see that it works');
  });

  it('compares two runs and shows what differs', async () => {
    const { page } = open;
    await goTo(page, 'Train');
    await page.getByLabel('Replay share').fill('50');
    await page.getByLabel(/^Steps/).fill('6');
    await page.getByLabel('Name (optional)').fill('Half replay');
    await page.getByText('50 % of the tokens are old').waitFor();
    await page.getByRole('button', { name: 'Expand and train' }).click();
    await page.getByRole('heading', { name: 'Half replay' }).waitFor();
    await page.getByText('done', { exact: true }).waitFor({ timeout: 180_000 });
    await goTo(page, 'Runs');
    await page.getByRole('checkbox', { name: 'Tick Novels, then code' }).check();
    await page.getByRole('checkbox', { name: 'Tick Half replay' }).check();
    await page.getByRole('group', { name: 'Ticked runs' }).getByRole('link', { name: 'Compare' }).click();
    const row = page.getByRole('region', { name: 'Differences' }).getByRole('row', { name: /^Replay share/ });
    await row.waitFor();
    expect(await row.getByRole('button').allTextContents()).toEqual(['0.25', '0.5']);
  });

  it('puts a run into the bin, and brings it back', async () => {
    const { page } = open;
    const runs = async (): Promise<number> => (await studio.strata<RunSummary[]>('run', 'list')).length;
    await page.getByRole('link', { name: 'Open Half replay' }).click();
    await page.getByRole('button', { name: 'Delete the run' }).click();
    await page.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
    await page.getByText('Deleted “Half replay”.').waitFor();
    expect(await runs()).toBe(1);
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByRole('link', { name: 'Half replay' }).waitFor();
    expect(await runs()).toBe(2);
    expect(open.complaints).toEqual([]);
  });
});
