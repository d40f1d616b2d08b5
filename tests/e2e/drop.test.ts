import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DatasetInfo } from '../../shared/contract/datasets.ts';
import type { ModelInfo } from '../../shared/contract/models.ts';
import { writeTinyModel } from '../support/workspace.ts';
import { dropFiles, goTo, importCard, type OpenPage, openPage } from './support/browser.ts';
import { type RunningStudio, startStudio } from './support/studio.ts';

describe('what is dropped anywhere in the window', () => {
  let studio: RunningStudio;
  let open: OpenPage;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'strata-drop-'));
    await writeTinyModel(join(folder, 'small'));
    await writeFile(join(folder, 'broken.gguf'), 'nothing of the kind');
    const rows = Array.from({ length: 12 }, (_, nr) => JSON.stringify({ text: `Paragraph ${nr} of the notes, which says little.` }));
    await writeFile(join(folder, 'notes.jsonl'), rows.join('\n'));
    await writeFile(join(folder, 'notes.txt'), 'Notes that are no questions.');
    studio = await startStudio();
    open = await openPage(studio.url);
  });
  afterAll(async () => {
    await open.close();
    await studio.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('is a model where it is one, and can be taken back', async () => {
    const { page } = open;
    await goTo(page, 'Runs');
    await dropFiles(page, [join(folder, 'small')]);
    await page.getByRole('heading', { level: 1, name: 'Models' }).waitFor();
    const told = page.getByRole('group', { name: /Imported “small”/ });
    await told.waitFor();
    expect(await studio.strata<ModelInfo[]>('model', 'list')).toMatchObject([{ name: 'small' }]);
    await told.getByRole('button', { name: 'Undo' }).click();
    await expect.poll(() => studio.strata<ModelInfo[]>('model', 'list'), { timeout: 20_000 }).toEqual([]);
    await page.getByRole('region', { name: 'small', exact: true }).waitFor({ state: 'detached' });
  });

  it('is not lost on a page that has not been fetched yet', async () => {
    const context = await open.page
      .context()
      .browser()!
      .newContext({ viewport: { width: 1280, height: 900 } });
    try {
      const page = await context.newPage();
      const dropped = Promise.withResolvers<void>();
      await page.route(/\/Models-[^/]*\.js$/, async (route) => {
        await dropped.promise;
        await route.continue();
      });
      await page.goto(studio.url);
      await page.getByRole('link', { name: 'Models', exact: true }).click();
      await page.getByText('Opening the page…').waitFor();
      await dropFiles(page, [join(folder, 'small')]);
      dropped.resolve();
      await page.getByRole('heading', { level: 1, name: 'Models' }).waitFor();
      await page
        .getByRole('group', { name: /Imported “small”/ })
        .getByRole('button', { name: 'Undo' })
        .click();
      await expect.poll(() => studio.strata<ModelInfo[]>('model', 'list'), { timeout: 20_000 }).toEqual([]);
    } finally {
      await context.close();
    }
  });

  it('is a model on the page of suites too, where files of questions are parts of a suite', async () => {
    const { page } = open;
    await goTo(page, 'Suites');
    await page.getByRole('heading', { name: 'No suites yet' }).waitFor();
    await dropFiles(page, [join(folder, 'small'), join(folder, 'broken.gguf'), join(folder, 'notes.jsonl')], () =>
      page.getByText('Let go: questions make a suite, models are imported').waitFor(),
    );
    const done = page.getByRole('group', { name: /Imported “small”/ });
    const told = page.getByRole('group', { name: /“broken.gguf” could not be imported/ });
    await told.getByRole('button', { name: 'Close the message' }).click();
    await done.getByRole('button', { name: 'Undo' }).click();
    await expect.poll(() => studio.strata<ModelInfo[]>('model', 'list'), { timeout: 20_000 }).toEqual([]);
    await page.getByRole('group', { name: 'notes.jsonl', exact: true }).waitFor();
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Suites');
    await page.getByRole('button', { name: 'Discard the new suite' }).click();
    await dropFiles(page, [join(folder, 'notes.txt')]);
    await page.getByRole('heading', { level: 1, name: 'Datasets' }).waitFor();
    await page.getByRole('button', { name: 'Cancel the import' }).click();
  });

  it('is told what is wrong with it where it is a damaged model', async () => {
    const { page } = open;
    await goTo(page, 'Home');
    await page.clock.install(); // goes on as before, and can be put forward
    await dropFiles(page, [join(folder, 'broken.gguf'), join(folder, 'small')]);
    const told = page.getByRole('group', { name: /“broken.gguf” could not be imported/ });
    const done = page.getByRole('group', { name: /Imported “small”/ });
    await told.waitFor();
    await done.waitFor();
    expect(await told.textContent(), 'not where the studio has put it').not.toContain(studio.home);
    expect(await told.textContent()).toContain('broken.gguf');
    const close = told.getByRole('button', { name: 'Close the message' });
    const [bar, cross, firstLine] = await Promise.all([
      told.boundingBox(),
      close.boundingBox(),
      told.getByText(/could not be imported/).boundingBox(),
    ]);
    expect(Math.abs(cross!.y + cross!.height / 2 - (firstLine!.y + firstLine!.height / 2)), 'beside the first line').toBeLessThan(2);
    expect(bar!.x + bar!.width - (cross!.x + cross!.width), 'at the right').toBeLessThan(12);
    await page.mouse.move(5, 5);
    await page.clock.fastForward(60_000);
    await done.waitFor({ state: 'detached' });
    expect(await told.isVisible(), 'what went wrong stays until it is closed').toBe(true);
    const [above, below] = await Promise.all([page.locator('main').boundingBox(), told.boundingBox()]);
    expect(above!.y + above!.height, 'beside the page, not over it').toBeLessThanOrEqual(below!.y);
    // On the next page a small mark is left of it, from which it is opened again.
    await goTo(page, 'Runs');
    await told.waitFor({ state: 'hidden' });
    expect(await page.getByRole('alert').count(), 'it is not read out once more').toBe(0);
    await page.getByRole('button', { name: '1 message about what went wrong' }).click();
    expect(await close.evaluate((button) => button.matches(':focus'))).toBe(true);
    expect(await page.getByRole('alert').count()).toBe(0);
    await close.click();
    await told.waitFor({ state: 'detached' });
    const [model] = await studio.strata<ModelInfo[]>('model', 'list');
    await studio.strata('model', 'delete', model!.id);
  });

  it('is offered as data on the page of models too, where it is no model', async () => {
    const { page } = open;
    await goTo(page, 'Models');
    await dropFiles(page, [join(folder, 'notes.jsonl')]);
    await page.getByRole('heading', { level: 1, name: 'Datasets' }).waitFor();
    await page.getByRole('group', { name: 'What is no model is offered as data.' }).waitFor();
    const begin = page.getByRole('button', { name: 'Import', exact: true });
    await begin.waitFor();
    // A model that is let go elsewhere meanwhile leads to the models, and the import waits where it was.
    await goTo(page, 'Compare');
    await dropFiles(page, [join(folder, 'small')]);
    const told = page.getByRole('group', { name: /Imported “small”/ });
    await told.getByRole('button', { name: 'Undo' }).click();
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Models');
    await goTo(page, 'Datasets');
    await begin.waitFor();
    await page.getByRole('button', { name: 'Cancel the import' }).click();
  });

  it('is data where it is none, and the dataset made of it can be taken back', async () => {
    const { page } = open;
    await goTo(page, 'Models');
    await goTo(page, 'Compare');
    await dropFiles(page, [join(folder, 'notes.jsonl')]);
    await page.getByRole('button', { name: 'Import', exact: true }).click();
    const told = page.getByRole('group', { name: /The dataset “notes” was made/ });
    await told.waitFor();
    expect(await studio.strata<DatasetInfo[]>('data', 'list')).toMatchObject([{ name: 'notes' }]);
    await told.getByRole('button', { name: 'Undo' }).click();
    await expect.poll(() => studio.strata<DatasetInfo[]>('data', 'list'), { timeout: 20_000 }).toEqual([]);
    await importCard(page, 'notes').waitFor({ state: 'detached' });
    expect(open.complaints).toEqual([]);
  });
});
