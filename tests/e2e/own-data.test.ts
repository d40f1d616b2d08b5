import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunSummary } from '../../shared/domain/run.ts';
import { sharedData } from '../support/shared-data.ts';
import { dropFiles, goTo, importCard, type OpenPage, openPage } from './support/browser.ts';
import { type RunningStudio, startStudio } from './support/studio.ts';

/** A model and data that are not ours: a trained LLaMA in Hugging Face form, children's stories to keep, Python to learn. */
describe.skipIf(!sharedData)('a model and data of the user', () => {
  let studio: RunningStudio;
  let open: OpenPage;

  beforeAll(async () => {
    studio = await startStudio([sharedData!]);
    open = await openPage(studio.url);
  });
  afterAll(async () => {
    await open.close();
    await studio.stop();
  });

  it('is imported by dropping its folder', async () => {
    const { page } = open;
    await goTo(page, 'Models');
    await dropFiles(page, [join(sharedData!, 'models/tinystories-656k')]);
    await page.getByText('Imported “tinystories-656k”: 656 k parameters in 2 blocks.').waitFor();
  });

  it('says what is wrong with a folder that holds no model', async () => {
    const { page } = open;
    await page.getByLabel('or the path of one on this machine').fill(join(sharedData!, 'text/tinystories'));
    await page.getByRole('button', { name: 'Import', exact: true }).click();
    const alert = page.getByRole('alert');
    await alert.getByText('This folder holds no model.').waitFor();
    expect(await alert.textContent()).toContain('config.json');
  });

  it('learns Python while its stories are measured beside it', async () => {
    const { page } = open;
    await goTo(page, 'Datasets');
    await dropFiles(page, [join(sharedData!, 'text/tinystories/tinystories.txt.gz')]);
    await page.getByRole('button', { name: 'Import', exact: true }).click();
    await importCard(page, 'tinystories').getByRole('radio', { name: 'Old' }).click();
    // A few prompts, for without any it is not asked how they are written.
    const pairs = join(studio.home, 'pairs.jsonl');
    const rows = Array.from({ length: 40 }, (_, n) => JSON.stringify({ prompt: `What is ${n} and 1?`, completion: `It is ${n + 1}.` }));
    await writeFile(pairs, rows.join('\n'));
    await dropFiles(page, [pairs]);
    await page.getByRole('button', { name: 'Import', exact: true }).click();
    await importCard(page, 'pairs').getByRole('radio', { name: 'New' }).click();
    await dropFiles(page, [join(sharedData!, 'code/python-stdlib/python-stdlib.jsonl.gz')]);
    await page.getByRole('button', { name: 'Import', exact: true }).click();
    const result = importCard(page, 'python-stdlib');
    await result.getByRole('radio', { name: 'New' }).click();
    await result.getByRole('link', { name: 'Go on to Train' }).click();
    await page.getByLabel('Replay share').fill('10');
    await page.getByLabel(/^Steps/).fill('40');
    await page.getByText('40 steps of 8').waitFor();
    await page.getByText('More settings').click();
    await page.getByLabel('Prompts with completions').selectOption('chat');
    await page.getByLabel('What is learned of these and of conversations').selectOption('all');
    await page.getByRole('button', { name: 'Expand and train' }).click();
    await page.getByText('done', { exact: true }).waitFor({ timeout: 230_000 });

    const [run] = await studio.strata<RunSummary[]>('run', 'list');
    expect(run).toMatchObject({ status: 'done', replayShare: 0.1, identityDifference: 0, method: 'expand' });
    expect(run!.configuration).toMatchObject({ rendering: { completions: 'chat', learn: 'all' }, replayReason: 'As chosen.' });
    expect(run!.gain!).toBeGreaterThan(0.5);
    const results = await page.getByRole('region', { name: 'Results' }).textContent();
    expect(results).toContain(`+${run!.gain!.toFixed(3)}`);
    expect(results).toContain(Math.abs(run!.forgetting!).toFixed(3));
    expect(open.complaints).toEqual([]);
  });
});
