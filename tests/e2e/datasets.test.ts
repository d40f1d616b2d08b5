import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DatasetImport } from '../../shared/contract/dataset-import.ts';
import type { DatasetInfo, DocumentTokens } from '../../shared/contract/datasets.ts';
import { dropFiles, goTo, importCard, type OpenPage, openPage } from './support/browser.ts';
import { type RunningStudio, startStudio } from './support/studio.ts';

const WORDS = 'harbour lamp mountain river signal keeper winter letter garden window engine market shadow bridge'.split(' ');
const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number);
/** A text of its own for each number: every sixth word carries it, so no 13 words in a row are those of another one. */
const paragraph = (number: number): string =>
  `Paragraph ${number} tells of ` +
  numbers(40)
    .map((at) => WORDS[(number + at * 5) % WORDS.length]! + (at % 6 === 0 ? number : ''))
    .join(' ');
const lines = (rows: unknown[]): string => rows.map((row) => JSON.stringify(row)).join('\n');

/** Each test goes on from the one before. */
describe('datasets in the browser', () => {
  let studio: RunningStudio;
  let open: OpenPage;
  let files: string;

  beforeAll(async () => {
    files = await mkdtemp(join(tmpdir(), 'strata-files-'));
    studio = await startStudio([files]);
    await studio.strata('model', 'import', join(import.meta.dirname, '../../resources/base'));
    open = await openPage(studio.url);
    await writeFile(join(files, 'rows.jsonl'), lines(numbers(30).map((number) => ({ text: paragraph(number) }))));
    await writeFile(join(files, 'packed.jsonl.gz'), gzipSync(lines(numbers(30).map((number) => ({ text: paragraph(number + 100) })))));
    await writeFile(join(files, 'picture.txt'), Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 3, 0, 0, 255]));
    await mkdir(join(files, 'mixed', 'inner'), { recursive: true });
    const questions = numbers(40).map((number) => ({ nr: number, frage: `What is told in ${number}?`, antwort: paragraph(number + 200) }));
    await writeFile(join(files, 'mixed', 'questions.jsonl'), lines(questions));
    await writeFile(
      join(files, 'mixed', 'table.csv'),
      `text,stars\n${numbers(20)
        .map((number) => `${paragraph(number + 300)},${number}\n`)
        .join('')}`,
    );
    for (const number of [1, 2, 3])
      await writeFile(join(files, 'mixed', 'inner', `note ${number}.md`), `${paragraph(number + 400)}\n\n`.repeat(5));
    await writeFile(join(files, 'mixed', 'broken.jsonl'), '{"text": "whole"}\n{"text": ');
    await writeFile(join(files, 'mixed', 'photo.jpg'), 'not text');
    // Every second text stands in "rows" too.
    await writeFile(
      join(files, 'leaky.jsonl'),
      lines(numbers(40).map((number) => ({ text: paragraph(number % 2 ? number + 500 : number / 2) }))),
    );
  });
  afterAll(async () => {
    await open.close();
    await studio.stop();
    await rm(files, { recursive: true, force: true });
  });

  it('prepares an import of what is dropped on another page; a second drop adds to it, and Enter begins it', async () => {
    const { page } = open;
    await dropFiles(page, [join(files, 'rows.jsonl'), join(files, 'picture.txt')]);
    const sheet = page.getByRole('form', { name: 'Import' });
    await sheet.getByText('2 files').waitFor();
    expect(new URL(page.url()).hash).toBe('#/datasets');
    expect(await studio.strata<DatasetInfo[]>('data', 'list')).toEqual([]);
    await dropFiles(page, [join(files, 'packed.jsonl.gz')]);
    await sheet.getByText('3 files').waitFor();
    await sheet.getByText('One file would be left out').waitFor();
    await sheet.getByLabel('Name').fill('rows');
    await page.keyboard.press('Enter');
    const card = importCard(page, 'rows');
    await card.getByText('60 documents', { exact: true }).waitFor();
    const rowOf = (name: string): Promise<string | null> => card.getByRole('row', { name: new RegExp(`^${name}`) }).textContent();
    expect(await rowOf('rows.jsonl')).toMatch(/imported.*30 documents/s);
    expect(await rowOf('packed.jsonl.gz')).toMatch(/imported.*30 documents/s);
    expect(await rowOf('picture.txt')).toMatch(/failed/);
    expect(await studio.strata<DatasetInfo[]>('data', 'list')).toMatchObject([{ name: 'rows', documents: 60 }]);
  });

  it('shows what rows become, and reads them as the user chooses', async () => {
    const { page } = open;
    await dropFiles(page, [join(files, 'mixed')]);
    const sheet = page.getByRole('form', { name: 'Import' });
    const questions = sheet.getByRole('group', { name: 'questions.jsonl' });
    await questions.getByText('Not recognised').waitFor();
    await sheet.getByText('One kind of rows is not recognised').waitFor();
    await questions.getByRole('button', { name: 'Plain text: antwort' }).click();
    await questions.getByText('line 1 becomes').waitFor();
    await questions.getByLabel('A row is a').selectOption('completion');
    await questions.getByLabel('Prompt, column 1').selectOption('frage');
    await questions.getByLabel('Completion, column 1').selectOption('antwort');
    await questions
      .getByRole('definition')
      .filter({ hasText: /^What is told in 0\?$/ })
      .waitFor();
    expect(await questions.getByRole('definition').nth(1).textContent()).toBe(paragraph(200));
    await sheet.getByText('Cleaning', { exact: true }).click();
    await sheet.getByLabel('Shortest document').fill('10');
    await sheet.getByLabel('Licence').fill('CC0');
    await sheet.getByRole('button', { name: 'Import', exact: true }).click();
    const card = importCard(page, 'mixed');
    await card.getByText('63 documents', { exact: true }).waitFor();
    await card.getByText(/^5 of \d files imported, 1 failed$/).waitFor();
    await card.getByRole('radio', { name: /^failed/ }).click();
    expect(await card.getByRole('row').allTextContents()).toHaveLength(2);
    expect(await card.getByRole('row').last().textContent()).toMatch(/broken\.jsonl.*Line 2/s);
    const [dataset] = await studio.strata<DatasetInfo[]>('data', 'list').then((all) => all.filter(({ name }) => name === 'mixed'));
    expect(dataset).toMatchObject({ kinds: { completion: 40, text: 23 }, licence: 'CC0' });
  });

  it('keeps imports that have ended through another page and a reload, until they are taken off the list', async () => {
    const { page } = open;
    await goTo(page, 'Train');
    await page.reload();
    await goTo(page, 'Datasets');
    await importCard(page, 'mixed').getByText('63 documents', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Do not show the import of rows any more' }).click();
    await importCard(page, 'rows').waitFor({ state: 'detached' });
  });

  it('shows on a card what a dataset is, and gives it its role by keyboard, which the Train page then knows', async () => {
    const { page } = open;
    const card = page.getByRole('article', { name: 'rows', exact: true });
    await card.getByText('60 texts').waitFor();
    expect(await card.textContent()).toMatch(/Tokens (about )?[\d,]+ .*English/s);
    const roles = card.getByRole('group', { name: 'Role of rows' });
    await roles.getByRole('radio', { name: 'Not used' }).focus();
    await page.keyboard.press('ArrowUp');
    expect(await roles.getByRole('radio', { name: 'Old' }).isChecked()).toBe(true);
    await goTo(page, 'Train');
    expect(await page.getByRole('group', { name: 'Role of rows', exact: true }).getByRole('radio', { name: 'Old' }).isChecked()).toBe(true);
  });

  it('looks into a dataset: its parts, a search, and what of a document is learned', async () => {
    const { page } = open;
    await goTo(page, 'Datasets');
    await page.getByRole('article', { name: 'mixed' }).getByRole('link', { name: 'Look into mixed' }).click();
    await page.getByRole('heading', { name: 'mixed', level: 1 }).waitFor();
    const list = page.getByRole('list', { name: 'Documents' });
    await page.getByText('1 to 20 of 63').waitFor();
    await page.getByRole('button', { name: 'Later' }).click();
    await page.getByText('21 to 40 of 63').waitFor();
    await page.getByLabel('Part of the dataset').selectOption('heldOut');
    const [dataset] = (await studio.strata<DatasetInfo[]>('data', 'list')).filter(({ name }) => name === 'mixed');
    await page.getByText(`1 to ${dataset!.heldOutDocuments} of ${dataset!.heldOutDocuments}`).waitFor();
    expect(await list.getByRole('button', { name: /held out/ }).count()).toBe(await list.getByRole('button').count());
    await page.getByLabel('Part of the dataset').selectOption('all');
    await page.getByLabel('Search the documents').fill('told IN 17?');
    await page.keyboard.press('Enter');
    await page.getByText('1 found, these are all.').waitFor();
    expect(await list.locator('mark').textContent()).toBe('told in 17?');

    // The mask as the studio tells it, token by token.
    const tokens = page.getByRole('region', { name: 'Tokens of the document' });
    await tokens.waitFor();
    const number = Number((await page.getByRole('heading', { name: /^Document \d+/ }).textContent())!.slice('Document '.length)) - 1;
    const told = await studio.strata<DocumentTokens>('data', 'show', dataset!.id, '--document', String(number), '--model', 'base');
    const shown = await tokens.locator('.token').evaluateAll((all) => all.map((each) => each.classList.contains('learned')));
    expect(shown).toEqual(told.pieces.map(({ learned }) => learned));
    expect(new Set(shown).size).toBe(2);
    await page.getByLabel('What is learned').selectOption('all');
    await page.getByText(`${told.tokens} of them learned`).waitFor();
    expect(await page.getByRole('region', { name: 'Steps of the cleaning' }).textContent()).toContain('Shortest document');
  });

  it('finds what gives the measured texts away, and drops it', async () => {
    const { page } = open;
    await goTo(page, 'Datasets');
    await dropFiles(page, [join(files, 'leaky.jsonl')]);
    await page.getByRole('button', { name: 'Import', exact: true }).click();
    const card = importCard(page, 'leaky');
    await card.getByRole('radio', { name: 'New' }).click();
    await page.getByRole('button', { name: 'Check leaky against others' }).click();
    await page.getByRole('button', { name: 'Check', exact: true }).click();
    const result = page.getByRole('region', { name: 'Result of the check' });
    await result.getByRole('row', { name: /^leaky rows 20 of 40/ }).waitFor();
    const pair = result.getByRole('list', { name: 'Texts that are given away' }).getByRole('listitem').first();
    await pair.locator('summary').click();
    await pair.locator('mark').nth(1).waitFor();
    const [measured, trained] = await pair.locator('mark').allTextContents();
    expect(measured).toBe(trained);
    expect(measured!.split(' ').length).toBeGreaterThanOrEqual(13);
    await result.getByRole('button', { name: /^Drop these \d+ training documents/ }).click();
    await page.getByText(/^Made “.*dropped/).waitFor();
    const made = (await studio.strata<DatasetInfo[]>('data', 'list')).filter(({ name }) => name.includes('dropped'));
    expect(made.length).toBeGreaterThan(0);
    for (const { name } of made) {
      const role = name.startsWith('leaky') ? 'New' : 'Old';
      const roles = page.getByRole('article', { name, exact: true }).getByRole('group', { name: `Role of ${name}` });
      expect(await roles.getByRole('radio', { name: role }).isChecked(), name).toBe(true);
    }
    await page.getByRole('button', { name: 'Check', exact: true }).click();
    await result.getByText('Nothing that is measured on stands in what is trained on.').waitFor();
  });

  it('stops an import and goes on with it, to all of its documents', async () => {
    const { page } = open;
    // Seconds of work; read where it lies.
    const [FILES, ROWS] = [30, 1000];
    const big = join(files, 'big');
    await mkdir(big);
    for (const file of numbers(FILES)) {
      const rows = numbers(ROWS).map((row) => {
        const first = 1000 + 4 * (file * ROWS + row);
        return {
          text: numbers(4)
            .map((nr) => paragraph(first + nr))
            .join('\n'),
        };
      });
      await writeFile(join(big, `${file}.jsonl`), lines(rows));
    }
    await page.getByLabel('or a path on the studio’s machine').fill(big);
    await page.getByRole('button', { name: 'Look into it', exact: true }).click();
    await page.getByRole('form', { name: 'Import' }).getByText(`${FILES} files`, { exact: false }).first().waitFor();
    await page.getByRole('button', { name: 'Import', exact: true }).click();
    const card = importCard(page, 'big');
    await card.getByText(/ [1-9][\d,]* documents, /).waitFor();
    await card.getByRole('button', { name: 'Stop the import of big' }).click();
    await card.getByText('Stopped', { exact: true }).waitFor();
    const stopped = await studio.strata<DatasetImport[]>('data', 'imports');
    expect(stopped).toMatchObject([{ name: 'big', state: 'stopped', canResume: true }]);
    expect((await studio.strata<DatasetInfo[]>('data', 'list')).map(({ name }) => name)).not.toContain('big');
    await card.getByRole('button', { name: 'Go on with big' }).click();
    await card.getByText('Imported', { exact: true }).waitFor();
    await card.getByText('30,000 documents', { exact: true }).waitFor();
    expect((await studio.strata<DatasetInfo[]>('data', 'list')).find(({ name }) => name === 'big')).toMatchObject({
      documents: FILES * ROWS,
    });
  });

  it('takes files and folders from the picker, and forgets what is cancelled', async () => {
    const { page } = open;
    const [folderChooser] = await Promise.all([
      page.waitForEvent('filechooser'),
      page.getByRole('button', { name: 'Choose a folder' }).click(),
    ]);
    await folderChooser.setFiles(join(files, 'mixed'));
    const sheet = page.getByRole('form', { name: 'Import' });
    await sheet.getByRole('group', { name: 'questions.jsonl' }).waitFor();
    await sheet.getByRole('button', { name: 'Cancel', exact: true }).click();
    const [fileChooser] = await Promise.all([page.waitForEvent('filechooser'), page.getByRole('button', { name: 'Choose files' }).click()]);
    expect(fileChooser.isMultiple()).toBe(true);
    await fileChooser.setFiles([join(files, 'picture.txt')]);
    await sheet.waitFor();
    await sheet.getByRole('button', { name: 'Import', exact: true }).click();
    // A file that cannot be read is explained.
    const alert = page.getByRole('alert');
    await alert.getByText('No text could be imported.').waitFor();
    expect(await alert.textContent()).toMatch(/Found.*picture\.txt.*Allowed.*\.jsonl/s);
    expect(open.complaints).toEqual([]);
  });
});
