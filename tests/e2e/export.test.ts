import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { elementsOf } from '../../shared/domain/llama-tensors.ts';
import { shapesOf } from '../support/tiny-llama.ts';
import { byteModelConfig, writeTinyModel } from '../support/workspace.ts';
import { goTo, type OpenPage, openPage } from './support/browser.ts';
import { type RunningStudio, startStudio } from './support/studio.ts';

let directory: string;
let studio: RunningStudio;
let open: OpenPage;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strata-e2e-export-'));
  studio = await startStudio([directory]);
  await writeTinyModel(join(directory, 'tiny'));
  await studio.strata('model', 'import', join(directory, 'tiny'));
  await studio.strata('model', 'expand', 'tiny', '--blocks', '2', '--name', 'larger');
  open = await openPage(studio.url);
  await goTo(open.page, 'Models');
});
afterAll(async () => {
  await open.close();
  await studio.stop();
  await rm(directory, { recursive: true, force: true });
});

async function openDialog(model: string): Promise<void> {
  await open.page.getByRole('button', { name: `Export ${model}`, exact: true }).click();
  await open.page.getByRole('dialog', { name: `Export ${model}`, exact: true }).waitFor();
}

test('a model is written in the chosen format and element type to the chosen place, and is said to be verified', async () => {
  const { page } = open;
  await openDialog('larger');
  await page.getByRole('radio', { name: /^GGUF file/ }).check();
  expect(await page.getByLabel(/^File to write/).inputValue()).toBe(join(studio.home, 'exports/larger.gguf'));
  await page.getByRole('radio', { name: /^Hugging Face/ }).check();
  await page.getByLabel('Element type').selectOption('F16');
  const path = join(directory, 'written/larger');
  await page.getByLabel(/^Folder to write/).fill(path);
  await page.getByRole('button', { name: 'Export', exact: true }).click();
  await page.getByText('Written and verified').waitFor();
  expect(await page.getByRole('dialog').innerText()).toContain(path);
  expect(existsSync(join(path, 'model.safetensors'))).toBe(true);
  await page.getByRole('button', { name: 'Close', exact: true }).click();
});

test('the weights are cut into files of the chosen size; what is no size is refused with what is allowed', async () => {
  const { page } = open;
  await openDialog('larger');
  await page.getByLabel('Weight files').selectOption('Of another size');
  const path = join(directory, 'written/in-shards');
  await page.getByLabel(/^Folder to write/).fill(path);
  await page.getByLabel('At most each').fill('a lot');
  await page.getByRole('button', { name: 'Export', exact: true }).click();
  await page.getByRole('alert').getByText('a size such as 500MB, 2GB or 1GiB').waitFor();
  await page.getByLabel('At most each').fill('5kB');
  await page.getByRole('button', { name: 'Export', exact: true }).click();
  await page.getByText('Written and verified').waitFor();
  const weights = (await readdir(path)).filter((name) => name.endsWith('.safetensors'));
  expect(weights.length).toBeGreaterThan(1);
  expect(await readdir(path)).toContain('model.safetensors.index.json');
  await page.getByLabel('Weight files').selectOption('One file');
  await page.getByRole('button', { name: 'Close', exact: true }).click();
});

test('a place is suggested in the workspace; one that is taken is refused, and says so', async () => {
  const { page } = open;
  await openDialog('tiny');
  expect(await page.getByRole('radio', { name: /^Strata pack/ }).isDisabled()).toBe(true);
  expect(await page.getByLabel(/^Folder to write/).inputValue()).toBe(join(studio.home, 'exports/tiny-huggingface-f16'));
  await page.getByLabel(/^Folder to write/).fill(join(directory, 'tiny'));
  await page.getByRole('button', { name: 'Export', exact: true }).click();
  await page.getByRole('alert').waitFor();
  expect(await page.getByRole('alert').innerText()).toContain('nothing was overwritten');
  await page.getByRole('button', { name: 'Close', exact: true }).click();
});

test('an export that is cancelled leaves nothing behind', async () => {
  const { page } = open;
  const config = { ...byteModelConfig, hiddenSize: 1024, headSize: 256, intermediateSize: 4096, blocks: 6 };
  const zeros = new Map([...shapesOf(config)].map(([name, shape]) => [name, new Float32Array(elementsOf(shape))]));
  await writeTinyModel(join(directory, 'large'), { config, weights: zeros });
  await studio.strata('model', 'import', join(directory, 'large'));
  await page.reload();
  await openDialog('large');
  await page.getByLabel('Element type').selectOption('BF16');
  await page.getByLabel(/^Folder to write/).fill(join(directory, 'cancelled/model'));
  await page.getByRole('button', { name: 'Export', exact: true }).click();
  await page.getByRole('progressbar').waitFor();
  await page.getByRole('button', { name: 'Cancel the export' }).click();
  await page.getByRole('progressbar').waitFor({ state: 'detached' });
  await expect.poll(() => existsSync(join(directory, 'cancelled'))).toBe(false);
  expect((await readdir(directory)).sort()).toEqual(['large', 'tiny', 'written']);
  expect(await page.getByRole('alert').count()).toBe(0);
  expect(open.complaints).toEqual([]);
});
