import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DatasetInfo } from '../../shared/contract/contract.ts';
import { dropFiles, goTo, type OpenPage, openPage } from './support/browser.ts';
import { type RunningStudio, startStudio } from './support/studio.ts';

const paragraph = (number: number): string => `Paragraph ${number} tells of a harbour, a lamp and the number ${number * 7}. `.repeat(12);

describe('importing datasets in the browser', () => {
  let studio: RunningStudio;
  let open: OpenPage;
  let files: string;

  beforeAll(async () => {
    studio = await startStudio();
    await studio.strata('model', 'import', join(import.meta.dirname, '../../resources/base'));
    open = await openPage(studio.url);
    files = await mkdtemp(join(tmpdir(), 'strata-files-'));
    const rows = Array.from({ length: 30 }, (_, number) => JSON.stringify({ text: paragraph(number) })).join('\n');
    await writeFile(join(files, 'rows.jsonl'), rows);
    await writeFile(join(files, 'packed.jsonl.gz'), gzipSync(rows.replaceAll('harbour', 'mountain')));
    await writeFile(join(files, 'picture.txt'), Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 3, 0, 0, 255]));
    await mkdir(join(files, 'folder', 'inner'), { recursive: true });
    for (const number of [1, 2, 3])
      await writeFile(join(files, 'folder', 'inner', `note ${number}.md`), paragraph(number + 100).repeat(20));
    await writeFile(join(files, 'folder', 'photo.jpg'), 'not text');
  });
  afterAll(async () => {
    await open.close();
    await studio.stop();
    await rm(files, { recursive: true, force: true });
  });

  it('takes files dropped on the page and says what became of each', async () => {
    const { page } = open;
    await goTo(page, 'Datasets');
    await page.getByText('No datasets yet').waitFor();
    await dropFiles(page, [join(files, 'rows.jsonl'), join(files, 'packed.jsonl.gz'), join(files, 'picture.txt')]);
    const result = page.getByRole('status', { name: 'Result of the import' });
    await result.getByRole('heading', { name: /60 documents/ }).waitFor();
    const rowOf = (name: string): Promise<string | null> => result.getByRole('row', { name: new RegExp(`^${name}`) }).textContent();
    expect(await rowOf('rows.jsonl')).toMatch(/imported.*30 documents/s);
    expect(await rowOf('packed.jsonl.gz')).toMatch(/imported.*30 documents/s);
    expect(await rowOf('picture.txt')).toMatch(/failed/);
    const [dataset] = await studio.strata<DatasetInfo[]>('data', 'list');
    expect(dataset).toMatchObject({ documents: 60 });
  });

  it('takes a dropped folder with everything below it', async () => {
    const { page } = open;
    await dropFiles(page, [join(files, 'folder')]);
    const result = page.getByRole('status', { name: 'Result of the import' });
    await result.getByRole('heading', { name: /^Imported “folder”/ }).waitFor();
    expect(await result.getByRole('row', { name: /^note \d\.md/ }).count()).toBe(3);
    expect(await result.getByRole('row', { name: /^photo\.jpg/ }).textContent()).toMatch(/skipped.*Not a format/s);
  });

  it('takes files and folders from the picker', async () => {
    const { page } = open;
    const [fileChooser] = await Promise.all([page.waitForEvent('filechooser'), page.getByRole('button', { name: 'Choose files' }).click()]);
    expect(fileChooser.isMultiple()).toBe(true);
    await fileChooser.setFiles([join(files, 'rows.jsonl')]);
    await page.getByRole('heading', { name: /^Imported “rows”: 30 documents/ }).waitFor();
    const [folderChooser] = await Promise.all([
      page.waitForEvent('filechooser'),
      page.getByRole('button', { name: 'Choose a folder' }).click(),
    ]);
    await folderChooser.setFiles(join(files, 'folder'));
    await page.getByRole('heading', { name: /^Imported “folder/ }).waitFor();
    expect(await studio.strata<DatasetInfo[]>('data', 'list')).toHaveLength(4);
  });

  it('gives a dataset its role by keyboard, which the Train page then knows', async () => {
    const { page } = open;
    const roles = page.getByRole('table').last().getByRole('group', { name: 'Role of rows', exact: true });
    await roles.getByRole('radio', { name: 'Not used' }).focus();
    await page.keyboard.press('ArrowUp');
    expect(await roles.getByRole('radio', { name: 'Old' }).isChecked()).toBe(true);
    await goTo(page, 'Train');
    const onTrain = page.getByRole('group', { name: 'Role of rows', exact: true });
    expect(await onTrain.getByRole('radio', { name: 'Old' }).isChecked()).toBe(true);
  });

  it('shows documents of both parts, and a file that cannot be read is explained', async () => {
    const { page } = open;
    await goTo(page, 'Datasets');
    await page.getByRole('button', { name: 'Look into rows', exact: true }).click();
    const preview = page.getByRole('region', { name: 'A look into rows' });
    await preview.getByText('held out').first().waitFor();
    expect(await preview.getByText('training', { exact: true }).count()).toBeGreaterThan(0);
    await dropFiles(page, [join(files, 'picture.txt')]);
    const alert = page.getByRole('alert');
    await alert.getByText('No text could be imported.').waitFor();
    expect(await alert.textContent()).toMatch(/Found.*picture\.txt.*Allowed.*\.jsonl/s);
    expect(await studio.strata<DatasetInfo[]>('data', 'list')).toHaveLength(4);
    expect(open.complaints).toEqual([]);
  });
});
