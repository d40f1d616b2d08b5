import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SuiteChanges, SuiteSummary, SuiteTable } from '../../shared/contract/suites.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { writeTinySources } from '../support/workspace.ts';
import { expectAccessible } from './support/axe.ts';
import { dropFiles, goTo, type OpenPage, openPage } from './support/browser.ts';
import { type RunningStudio, startStudio } from './support/studio.ts';

/** Suites of a base and a run: each test goes on from the one before. */
describe('evaluation suites', () => {
  let studio: RunningStudio;
  let open: OpenPage;
  let directory: string;
  let run: RunSummary;
  let questions: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'strata-e2e-suites-'));
    const { model, newText } = await writeTinySources(directory);
    questions = join(directory, 'letters.jsonl');
    const rows = Array.from({ length: 60 }, (_, index) => ({
      question: `Which letter is number ${index}?`,
      choices: [1, 5, 11].map((factor) => String.fromCharCode(97 + ((index * factor) % 26))),
      answer: index % 3,
    }));
    await writeFile(questions, rows.map((row) => JSON.stringify(row)).join('\n'));
    await writeFile(
      join(directory, 'bad.jsonl'),
      '{"question":"Q","choices":["a","b"],"answer":0}\n{"question":"Q","choices":["a","b"],"answer":9}\n',
    );
    await writeFile(join(directory, 'own.jsonl'), '{"prompt":"say a:","answer":"a"}\n{"prompt":"say b:","answer":"b"}\n');
    studio = await startStudio();
    await studio.strata('model', 'import', model);
    await studio.strata('data', 'import', newText);
    run = await studio.strata<RunSummary>(
      ...['train', '--model', 'tiny', '--new', 'code', '--blocks', '1', '--batch', '2', '--context', '32', '--lr', '0.05'],
      ...['--steps', '6', '--engine', 'cpu', '--name', 'learned'],
    );
    open = await openPage(studio.url);
  });
  afterAll(async () => {
    await open.close();
    await studio.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const part = (name: string): Locator => open.page.getByRole('group', { name, exact: true });
  const results = (): Locator => open.page.getByRole('region', { name: 'Results by model and part' });

  it('says what is wrong with a file, and what would be taken', async () => {
    const { page } = open;
    await goTo(page, 'Suites');
    await page.getByRole('heading', { name: 'No suites yet' }).waitFor();
    await expectAccessible(page, 'no suites');
    await dropFiles(page, [join(directory, 'bad.jsonl')]);
    const alert = part('bad.jsonl').getByRole('alert');
    await alert.getByText('line 2 of bad.jsonl').first().waitFor();
    expect(await alert.innerText()).toContain('0 to 1');
    expect(await page.getByRole('button', { name: 'Save the suite' }).isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Take out bad.jsonl' }).click();
  });

  it('makes a suite of files and a dataset, each read as what it holds', async () => {
    const { page } = open;
    await dropFiles(page, [questions, join(directory, 'own.jsonl')]);
    await part('letters.jsonl').getByText('60 questions', { exact: true }).waitFor();
    await part('own.jsonl').getByText('2 questions', { exact: true }).waitFor();
    await page.getByLabel('or what a dataset holds out').selectOption('code');
    await part('code')
      .getByText(/^\d+ texts$/)
      .waitFor();
    await part('own.jsonl').getByLabel('An answer’s tokens, at most').fill('3');
    await part('code').getByLabel('Measure only so many').fill('2');
    await part('letters.jsonl').getByText('The first question').click();
    await part('letters.jsonl').getByText('Which letter is number 0?').waitFor();
    await expectAccessible(page, 'a new suite');
    await page.getByRole('button', { name: 'Take out own.jsonl' }).click(); // its answers are not waited for here
    await page.getByLabel('Name', { exact: true }).fill('Letters');
    await page.getByRole('button', { name: 'Save the suite' }).click();
    await page.getByRole('heading', { level: 1, name: 'Letters' }).waitFor();
    const [saved] = await studio.strata<SuiteSummary[]>('suite', 'list');
    expect(saved).toMatchObject({
      name: 'Letters',
      parts: [
        { name: 'letters.jsonl', items: 60, options: { kind: 'choices', limit: null } },
        { name: 'code', options: { kind: 'text', limit: 2 } },
      ],
    });
  });

  it('measures the base and the run alike, and shows what the run gained and lost', async () => {
    const { page } = open;
    await results().getByText('not measured').first().waitFor();
    await page.getByRole('button', { name: 'Measure every model' }).click();
    await page.getByRole('progressbar', { name: 'Measuring with Letters' }).waitFor();
    await page.getByText(/^Every model is measured/).waitFor({ timeout: 120_000 });

    const { rows } = await studio.strata<SuiteTable>('suite', 'results', 'Letters');
    const [base, learned] = rows;
    const [choices] = learned!.cells;
    const accuracy = (row: typeof base): string => {
      const found = row!.cells[0]!.result;
      if (found?.kind !== 'choices') throw new Error('There is no accuracy.');
      return `${(found.figures.accuracy * 100).toFixed(1)} % ± ${(found.figures.standardError! * 100).toFixed(1)}`;
    };
    await results()
      .getByRole('row', { name: /^Tick tiny/ })
      .getByText(accuracy(base))
      .first() // by the length of the answers it may be as much
      .waitFor();
    const row = results().getByRole('row', { name: /^Tick learned/ });
    const text = await row.innerText();
    expect(text).toContain(accuracy(learned));
    const { comparison } = choices!;
    expect(text).toContain(comparison!.verdict.replace('-', ' '));
    expect(text).toContain(`p = ${comparison!.p!.toFixed(3)}`);
    expect(comparison!.gained! * comparison!.lost!).toBeGreaterThan(0);

    await row.getByRole('button', { name: `letters.jsonl, learned: ${comparison!.lost} lost` }).click();
    const items = page.getByRole('list', { name: 'Items that changed' }).locator(':scope > li');
    const { items: lost } = await studio.strata<SuiteChanges>('suite', 'changes', 'Letters', 'letters.jsonl', 'learned', '--lost');
    await expect.poll(() => items.count()).toBe(Math.min(20, comparison!.lost!));
    const [first] = lost;
    if (first?.item.kind !== 'choices' || first.answers.kind !== 'choices') throw new Error('These are no questions with choices.');
    await items.first().getByText(first.item.question!).waitFor();
    const choice = (index: number): Locator => items.first().getByRole('listitem').nth(index);
    expect(await choice(first.item.gold).innerText()).toMatch(/right\s*tiny/);
    expect(await choice(first.answers.model).innerText()).toContain('learned');
    await expectAccessible(page, 'results with what changed');
    await page.getByRole('button', { name: /^Gained: \d+$/ }).click();
    await expect.poll(() => items.count()).toBe(Math.min(20, comparison!.gained!));
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await items.first().waitFor({ state: 'detached' });
  });

  it('saves the results as CSV, and compares all with one model when asked', async () => {
    const { page } = open;
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save as CSV' }).click();
    const file = await readFile(await (await download).path(), 'utf8');
    expect(file.split('\r\n').filter((line) => line.startsWith('learned,learned,tiny,letters.jsonl,choices,60,accuracy,'))).toHaveLength(1);
    await page.getByLabel('Compared with').selectOption('learned');
    await results()
      .getByRole('row', { name: /^Tick tiny.*compared with learned/ })
      .waitFor();
  });

  it('stops a measuring when asked, and is found from the run', async () => {
    const { page } = open;
    await page.getByLabel('Tick learned').check();
    await page.getByLabel('also what is measured already').check();
    await page.getByRole('button', { name: 'Measure 1 model' }).click();
    await page.getByRole('button', { name: 'Stop measuring' }).click();
    await page.getByText(/^Every model is measured/).waitFor();
    expect(await page.getByRole('progressbar').count()).toBe(0);
    expect(await page.getByRole('alert').count()).toBe(0);
    await page.goto(`${new URL(studio.url).origin}/#/runs/${run.id}`);
    await page.getByRole('region', { name: 'Suites' }).getByRole('link', { name: 'Letters' }).click();
    await page.getByRole('heading', { level: 1, name: 'Letters' }).waitFor();
  });

  it('gets another name, and is deleted after a question', async () => {
    const { page } = open;
    await page.getByRole('button', { name: 'Rename' }).click();
    await page.getByLabel('Name of the suite').fill('Alphabet');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Alphabet' }).waitFor();
    await goTo(page, 'Suites');
    const card = page.getByRole('article', { name: 'Alphabet' });
    await card.getByText('2 models measured').waitFor();
    await card
      .getByRole('cell', { name: /[\d.]+ % ± [\d.]+ right/ })
      .first()
      .waitFor();
    await expectAccessible(page, 'the list');
    await card.getByRole('link', { name: 'Alphabet' }).click();
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('heading', { name: 'No suites yet' }).waitFor();
    expect(await studio.strata('suite', 'list')).toEqual([]);
    expect(open.complaints.filter((complaint) => !complaint.includes('ERR_ABORTED'))).toEqual([]);
  });
});
