import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModelInfo } from '../../shared/contract/models.ts';
import type { PlanReport } from '../../shared/contract/planning.ts';
import { writeTinyModel } from '../support/workspace.ts';
import { goTo, type OpenPage, openPage } from './support/browser.ts';
import { type RunningStudio, startStudio } from './support/studio.ts';

describe('a plan without data', () => {
  it('shows what it means as soon as there is a model', async () => {
    const studio = await startStudio();
    const directory = await mkdtemp(join(tmpdir(), 'strata-e2e-plan-'));
    try {
      await writeTinyModel(join(directory, 'tiny'));
      await studio.strata('model', 'import', join(directory, 'tiny'));
      const { page, complaints, close } = await openPage(studio.url);
      await goTo(page, 'Train');
      await page.getByText('There is no data to learn yet').waitFor();
      await page.getByText('Mark at least one dataset as new').waitFor();
      await page.getByText('expand, new blocks at 4', { exact: true }).waitFor();
      expect(await page.getByRole('button', { name: 'Expand and train' }).isDisabled()).toBe(true);
      const { memory, trainableTensors } = await studio.strata<PlanReport>('model', 'plan', 'tiny');
      await page.getByText(new RegExp(`parameters, in ${trainableTensors.length} tensors$`)).waitFor();
      expect(memory.total).toBeGreaterThan(0);
      await page.getByText(/^about [\d.]+ .B of [\d.]+ GB/).waitFor();
      await page.getByText(/for a million tokens, from/).waitFor();
      await page.getByText(/^BF16 [\d.]+ .B$/).waitFor();
      await page.getByLabel('How many').fill('2');
      await page.getByText(/^expand, new blocks at \d, \d$/).waitFor();
      expect(await page.getByText('tokens are old').count()).toBe(0);

      // How prompts are written is asked where there are any.
      const pairs = join(directory, 'pairs.jsonl');
      const rows = Array.from({ length: 40 }, (_, n) => JSON.stringify({ prompt: `What is ${n} and 1?`, completion: `It is ${n + 1}.` }));
      await writeFile(pairs, rows.join('\n'));
      await studio.strata('data', 'import', pairs, '--name', 'pairs');
      await page.reload();
      await page.getByText('More settings').click();
      await page.getByLabel('Context: tokens per window').waitFor();
      expect(await page.getByLabel('Prompts with completions').count()).toBe(0);
      await page.getByRole('group', { name: 'Role of pairs' }).getByRole('radio', { name: 'New', exact: true }).check();
      await page.getByLabel('Prompts with completions').waitFor();
      await page.getByLabel('What is learned of these and of conversations').waitFor();
      // A page that is loaded anew leaves off what it was just fetching.
      expect(complaints.filter((complaint) => !complaint.includes('ERR_ABORTED'))).toEqual([]);
      await close();
    } finally {
      await studio.stop();
      await rm(directory, { recursive: true, force: true });
    }
  });
});

/** Where new blocks go, on the sample project: each test goes on from the one before. */
describe('the planner in the browser', () => {
  let studio: RunningStudio;
  let open: OpenPage;

  beforeAll(async () => {
    studio = await startStudio();
    open = await openPage(studio.url);
    await open.page.getByRole('button', { name: 'Open the sample project' }).click();
    await open.page.getByText('10 % of the tokens are old').waitFor();
  });
  afterAll(async () => {
    await open.close();
    await studio.stop();
  });

  it('measures what blocks matter when asked, can be stopped, and places copies behind the least important', async () => {
    const { page } = open;
    await page.getByLabel('Where new blocks go').selectOption('Least important');
    await page.getByText('Measure which blocks matter least.').waitFor();
    expect(await page.getByRole('button', { name: 'Expand and train' }).isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Measure on the old data' }).click();
    await page.getByRole('button', { name: 'Stop measuring' }).click();
    await page.getByRole('button', { name: 'Measure on the old data' }).click();
    await page.getByText(/the loss rises least, by \+?.?\d\.\d+\s+±\s+\d/).waitFor({ timeout: 180_000 });
    await page.getByText(/^expand, new blocks at \d, \d$/).waitFor();
    expect(await page.getByText(/, loss without it/).count()).toBe(6);
    expect(await page.getByText(/^new, copy of \d$/).count()).toBe(2);
  });

  it('keeps the table: after a look elsewhere, and at the command line', async () => {
    const { page } = open;
    await page.reload();
    await page.getByRole('heading', { level: 1, name: 'Train' }).waitFor();
    for (const [name, role] of [
      ['JavaScript code', 'New'],
      ['English novels', 'Old'],
    ] as const) {
      await page
        .getByRole('group', { name: `Role of ${name}` })
        .getByRole('radio', { name: role, exact: true })
        .check();
    }
    await page.getByLabel('Where new blocks go').selectOption('Least important');
    await page.getByText(/the loss rises least/).waitFor();
    const table = await studio.strata<{ blocks: unknown[] }>('model', 'importance', 'strata-base', '--old', 'English novels');
    expect(table.blocks).toHaveLength(6);
  });

  it('takes typed positions, several at one place, and says what is wrong with others', async () => {
    const { page } = open;
    await page.getByLabel('Where new blocks go').selectOption('My own places');
    const places = page.getByLabel('After which blocks (one may stand twice)');
    await places.fill('0,3,3');
    await page.getByText('expand, new blocks at 1, 5, 6').waitFor();
    await places.fill('0,6');
    await page.getByText('Positions are numbers from 0 to 5 with commas between').waitFor();
    await places.fill('5');
    await page.getByText('expand, new blocks at 6', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Insert a copy after block 2' }).click();
    expect(await places.inputValue()).toBe('2,5');
    await page.getByText('What an export weighs').click();
    await page.getByRole('row', { name: /^GGUF Q4_0/ }).waitFor();
  });

  it('shows whose blocks are whose', async () => {
    const { page } = open;
    const once = await studio.strata<ModelInfo>('model', 'expand', 'strata-base', '--at', '1', '--name', 'once');
    await studio.strata('model', 'expand', once.id, '--at', '6', '--name', 'twice');
    await page.goto(`${new URL(studio.url).origin}/#/models`);
    await page.reload();
    const card = page.getByRole('region', { name: 'twice' });
    await card.getByText('1. from strata-base: blocks 2, not trained').waitFor();
    await card.getByText('2. from once: blocks 7, not trained').waitFor();
    expect(await card.getByText('of step 1', { exact: true }).count()).toBe(1);
    expect(await card.getByText('of step 2', { exact: true }).count()).toBe(1);
    // A page that is loaded anew leaves off what it was just fetching.
    expect(open.complaints.filter((complaint) => !complaint.includes('ERR_ABORTED'))).toEqual([]);
  });
});
