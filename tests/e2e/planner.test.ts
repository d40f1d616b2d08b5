import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModelInfo } from '../../shared/contract/models.ts';
import type { PlanReport } from '../../shared/contract/planning.ts';
import { byteModelConfig, writeTinyModel } from '../support/workspace.ts';
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
      // The only data there are can but be new: that is guessed, and said.
      const role = page.getByRole('group', { name: 'Role of pairs' });
      await page.getByText('Guessed: nothing else here is new to this model.').waitFor();
      expect(await role.getByRole('radio', { name: 'New', exact: true }).isChecked()).toBe(true);
      await role.getByRole('radio', { name: 'Not used' }).check();
      expect(await page.getByText('Guessed: nothing else here is new to this model.').count()).toBe(0);
      expect(await page.getByLabel('Prompts with completions').count()).toBe(0);
      await role.getByRole('radio', { name: 'New', exact: true }).check();
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

/** A model of as many blocks as the large ones have, and as small as a test's. */
describe('a model of 80 blocks', () => {
  it('is planned in sight of all its layers, also in a narrow window', async () => {
    const studio = await startStudio();
    const directory = await mkdtemp(join(tmpdir(), 'strata-e2e-tall-'));
    try {
      await writeTinyModel(join(directory, 'tall'), { config: { ...byteModelConfig, blocks: 80 } });
      await studio.strata('model', 'import', join(directory, 'tall'));
      const { page, complaints, close } = await openPage(studio.url);
      await goTo(page, 'Train');
      const plan = page.getByRole('list', { name: 'Blocks of the model, from the top' });
      await plan
        .getByText(/^new, copy of/)
        .first()
        .waitFor();
      expect(await plan.getByText(/^new, copy of/).count()).toBe(20);
      expect(await plan.getByRole('button', { name: /^Insert a copy after block/ }).count()).toBe(80);
      await page.setViewportSize({ width: 420, height: 860 });
      await plan.getByRole('button', { name: 'Insert a copy after block 79' }).focus();
      await page.keyboard.press('End');
      await page.keyboard.press('Insert');
      await plan.getByText('new, copy of 0').waitFor();
      expect(await plan.getByText('new, copy of 0').isVisible()).toBe(true);
      // Nothing is wider than the window.
      const width = await page.evaluate<number>('document.documentElement.scrollWidth');
      expect(width).toBe(420);
      expect(complaints).toEqual([]);
      await close();
    } finally {
      await studio.stop();
      await rm(directory, { recursive: true, force: true });
    }
  });
});

/** On the sample project, without one touch of the mouse: each test goes on from the one before. */
describe('the plan by hand', () => {
  let studio: RunningStudio;
  let open: OpenPage;
  const newBlocks = (): Promise<string[]> =>
    open.page
      .getByRole('list', { name: 'Blocks of the model, from the top' })
      .getByText(/^new, copy of/)
      .allTextContents();
  /** Of the picture; the review has others. */
  const said = (text: string): Promise<void> =>
    open.page.getByRole('group', { name: 'The model as it will be trained' }).getByRole('status').getByText(text).waitFor();

  beforeAll(async () => {
    studio = await startStudio();
    open = await openPage(studio.url);
    await open.page.getByRole('button', { name: 'Open the sample project' }).click();
    await open.page.getByText('25 % of the tokens are old').waitFor();
  });
  afterAll(async () => {
    await open.close();
    await studio.stop();
  });

  it('is made with keys alone: in, along, out, back and forth', async () => {
    const { page } = open;
    const { keyboard } = page;
    await page.getByRole('button', { name: 'Keys' }).focus();
    await keyboard.press('Tab'); // to the picture's only stop
    const focused = (): Promise<string> =>
      page.evaluate('document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent');
    expect(await focused()).toBe('Insert a copy after block 5');
    await keyboard.press('End');
    await keyboard.press('ArrowUp');
    expect(await focused()).toBe('Insert a copy after block 0');
    await keyboard.press('Enter');
    await said('Inserted a copy after block 0. 3 new blocks.');
    expect(await newBlocks()).toEqual(['new, copy of 5', 'new, copy of 2', 'new, copy of 0']);
    await keyboard.press('ArrowDown'); // the block that was inserted
    await keyboard.press('Alt+ArrowUp');
    await said('Moved the copy from after block 0 to after block 1.');
    expect(await newBlocks()).toEqual(['new, copy of 5', 'new, copy of 2', 'new, copy of 1']);
    await keyboard.press('Delete');
    await said('Took out a copy after block 1. 2 new blocks.');
    expect(await focused()).toBe('Insert a copy after block 1');
    await keyboard.press('Control+z');
    await said('Took the last step back. 3 new blocks.');
    await keyboard.press('Control+z');
    expect(await newBlocks()).toEqual(['new, copy of 5', 'new, copy of 2', 'new, copy of 0']);
    await keyboard.press('Control+Shift+z');
    expect(await newBlocks()).toEqual(['new, copy of 5', 'new, copy of 2', 'new, copy of 1']);
    for (let steps = 0; steps < 3; steps++) await keyboard.press('Control+z');
    await said('There is nothing to take back.');
    expect(await page.getByLabel('Where new blocks go').inputValue()).toBe('even');
  });

  it('is made by dragging, from the tray and within the picture; a drag that ends nowhere changes nothing', async () => {
    const { page } = open;
    const middle = async (locator: ReturnType<typeof page.getByRole>): Promise<{ x: number; y: number }> => {
      const { x, y, width, height } = (await locator.boundingBox())!;
      return { x: x + width / 2, y: y + height / 2 };
    };
    const drag = async (from: ReturnType<typeof page.getByRole>, to: { x: number; y: number }): Promise<void> => {
      const start = await middle(from);
      await page.mouse.move(start.x, start.y);
      await page.mouse.down();
      await page.mouse.move(start.x + 8, start.y + 8);
      await page.mouse.move(to.x, to.y, { steps: 4 });
      await page.mouse.up();
    };
    const gap = (after: number): ReturnType<typeof page.getByRole> =>
      page.getByRole('button', { name: `Insert a copy after block ${after}` });
    await gap(3).scrollIntoViewIfNeeded();
    const tray = page.getByRole('button', { name: 'New block', exact: true });
    await drag(tray, await middle(gap(3)));
    expect(await newBlocks()).toEqual(['new, copy of 5', 'new, copy of 3', 'new, copy of 2']);
    await drag(page.getByRole('button', { name: /^\d+ ?new, copy of 3/ }), await middle(gap(1)));
    expect(await newBlocks()).toEqual(['new, copy of 5', 'new, copy of 2', 'new, copy of 1']);
    await drag(tray, { x: 5, y: 5 });
    expect(await newBlocks()).toHaveLength(3);
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByRole('button', { name: 'Undo' }).click();
    expect(await newBlocks()).toEqual(['new, copy of 5', 'new, copy of 2']);
  });

  it('shows its budget at once, and the same once the studio has checked it', async () => {
    const { page } = open;
    const budget = page.getByRole('complementary', { name: 'Budget' });
    await budget.getByText('Checked with the data.').waitFor();
    // As long as the studio does not answer, the page's own figures stand there.
    await page.getByLabel('How many').fill('3');
    await budget.getByText('Estimate of this page').waitFor();
    const estimated = await budget.locator('dl').innerText();
    expect(estimated).toContain('+1.22 M');
    await budget.getByText('Checked with the data.').waitFor();
    const withoutTime = (text: string): string => text.replace(/about .*/, '');
    expect(withoutTime(await budget.locator('dl').innerText())).toBe(withoutTime(estimated));
  });

  it('is started once by a double click', async () => {
    const { page } = open;
    await page.getByLabel(/^Steps/).fill('1');
    await page.getByText('1 steps of 8').waitFor();
    await page.getByRole('button', { name: 'Expand and train' }).dblclick();
    await page.getByText('done', { exact: true }).waitFor({ timeout: 180_000 });
    expect(await studio.strata<unknown[]>('run', 'list')).toHaveLength(1);
    expect(open.complaints).toEqual([]);
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
    await open.page.getByText('25 % of the tokens are old').waitFor();
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
    await page.getByText('Positions are numbers from 0 to 5 with commas between').first().waitFor();
    expect(await places.getAttribute('aria-describedby'), 'at the field').toBe('places-wrong');
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
