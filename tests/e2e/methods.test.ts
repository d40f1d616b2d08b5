import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunSummary } from '../../shared/domain/run.ts';
import { type OpenPage, openPage } from './support/browser.ts';
import { type RunningStudio, startStudio } from './support/studio.ts';

/** Choosing what is trained, on the sample project: each test goes on from the one before. */
describe('the method in the browser', () => {
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

  it('is expansion unless another is chosen; each says what it means', async () => {
    const { page } = open;
    const methods = page.getByRole('radiogroup', { name: 'Method' });
    expect(await methods.getByRole('radio', { name: 'Expand' }).isChecked()).toBe(true);
    expect(await methods.getByRole('radio').count()).toBe(4);
    await methods.getByText('can be left out again at any time').waitFor();
    await page.getByText('through 5 of 8 blocks; the 3 below only go forward').waitFor();
  });

  it('chosen as single blocks trains those that are clicked, and counts them', async () => {
    const { page } = open;
    await page.getByRole('radio', { name: 'Some blocks' }).check();
    await page.getByText('through 1 of 6 blocks').waitFor();
    await page.getByRole('button', { name: 'Train block 4' }).click();
    await page.getByText('freeze, trained blocks 4, 5').waitFor();
    await page.getByText('through 2 of 6 blocks; the 4 below only go forward').waitFor();
    for (const block of [4, 5]) await page.getByRole('button', { name: `Train block ${block}` }).click();
    await page.getByText('Choose at least one layer to train.').waitFor();
    expect(await page.getByRole('button', { name: 'Train', exact: true }).isDisabled()).toBe(true);
  });

  it('chosen as adapters has its options, and refuses what cannot be with the reason', async () => {
    const { page } = open;
    await page.getByRole('radio', { name: 'LoRA' }).check();
    await page.getByText('lora, rank 16, alpha 32, on all linear layers').waitFor();
    await page.getByLabel(/^Rank/).fill('1000');
    await page.getByText('a whole number from 1 to 96', { exact: false }).waitFor();
    await page.getByLabel(/^Rank/).fill('4');
    for (const target of ['k_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'])
      await page.getByRole('checkbox', { name: target }).uncheck();
    await page.getByText('lora, rank 4, alpha 8, on q_proj, v_proj').waitFor();
    await page.getByText('merged into the model at the end').waitFor();
    await page.getByText('Where the memory goes').click();
    await page.getByRole('row', { name: /^activations/ }).waitFor();
  });

  it('and the settings are what the run then has; its page shows them and both answers', async () => {
    const { page } = open;
    await page.getByText('More settings').click();
    await page.getByLabel('Of these at once').fill('4');
    await page.getByLabel('Course of the learning rate').selectOption('wsd');
    await page.getByLabel('Documents in a window').selectOption('documents');
    await page.getByLabel(/^Steps/).fill('4');
    await page.getByText('4 steps of 8').waitFor();
    await page.getByRole('button', { name: 'Train', exact: true }).click();
    await page.getByText('done', { exact: true }).waitFor({ timeout: 180_000 });
    const [run] = await studio.strata<RunSummary[]>('run', 'list');
    expect(run).toMatchObject({
      method: 'lora',
      plan: null,
      identityDifference: 0,
      configuration: {
        method: { name: 'lora', rank: 4, alpha: 8, targets: ['q_proj', 'v_proj'] },
        microBatch: 4,
        schedule: { name: 'wsd' },
        packing: 'documents',
      },
    });
    expect(await page.getByText('lora, rank 4, alpha 8, on q_proj, v_proj').count()).toBe(2);
    expect(await page.getByText('frozen, adapters').count()).toBe(6);
    const adapter = JSON.parse(await readFile(join(run!.modelPath!, 'adapter/adapter_config.json'), 'utf8')) as { r: number };
    expect(adapter.r).toBe(4);

    await page.getByText('continued by the base and by the model that was trained from it').waitFor();
    await page.getByLabel('Prompt').press('Enter');
    await page.getByRole('heading', { name: 'Tuned' }).waitFor();
    expect(await page.getByRole('heading', { name: 'Base', exact: true }).count()).toBe(1);
    expect(open.complaints).toEqual([]);
  });
});
