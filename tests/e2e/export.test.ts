import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { elementsOf } from '../../shared/domain/llama-tensors.ts';
import { shapesOf } from '../support/tiny-llama.ts';
import { byteModelConfig, writeTinyModel } from '../support/workspace.ts';
import { goTo, type OpenPage, openPage } from './support/browser.ts';
import { ExportDialog } from './support/pages/export-dialog.ts';
import { type RunningStudio, startStudio } from './support/studio.ts';

let directory: string;
let studio: RunningStudio;
let open: OpenPage;
let dialog: ExportDialog;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strata-e2e-export-'));
  studio = await startStudio([directory]);
  await writeTinyModel(join(directory, 'tiny'));
  await studio.strata('model', 'import', join(directory, 'tiny'));
  await studio.strata('model', 'expand', 'tiny', '--blocks', '2', '--name', 'larger');
  open = await openPage(studio.url);
  dialog = new ExportDialog(open.page);
  await goTo(open.page, 'Models');
});
afterAll(async () => {
  await open.close();
  await studio.stop();
  await rm(directory, { recursive: true, force: true });
});

async function openDialog(model: string): Promise<void> {
  await open.page.getByRole('button', { name: `Export ${model}`, exact: true }).click();
  await dialog.of(model).waitFor();
}

test('a model is written in the chosen format and element type to the chosen place, and is said to be verified', async () => {
  await openDialog('larger');
  await dialog.format(/^GGUF file/).check();
  expect(await dialog.place.inputValue()).toBe(join(studio.home, 'exports/larger.gguf'));
  await dialog.format(/^Hugging Face/).check();
  await dialog.elementType.selectOption('F16');
  const path = join(directory, 'written/larger');
  await dialog.place.fill(path);
  await dialog.export.click();
  await dialog.written.waitFor();
  expect(await dialog.of('larger').innerText()).toContain(path);
  expect(existsSync(join(path, 'model.safetensors'))).toBe(true);
  await dialog.close.click();
});

test('the weights are cut into files of the chosen size; what is no size is refused with what is allowed', async () => {
  await openDialog('larger');
  await dialog.weightFiles.selectOption('Of another size');
  const path = join(directory, 'written/in-shards');
  await dialog.place.fill(path);
  await dialog.largestFile.fill('a lot');
  await dialog.export.click();
  await dialog.refusal.getByText('a size such as 500MB, 2GB or 1GiB').waitFor();
  await dialog.largestFile.fill('5kB');
  await dialog.export.click();
  await dialog.written.waitFor();
  const weights = (await readdir(path)).filter((name) => name.endsWith('.safetensors'));
  expect(weights.length).toBeGreaterThan(1);
  expect(await readdir(path)).toContain('model.safetensors.index.json');
  await dialog.weightFiles.selectOption('One file');
  await dialog.close.click();
});

test('a place is suggested in the workspace; one that is taken is refused, and says so', async () => {
  await openDialog('tiny');
  expect(await dialog.format(/^Strata pack/).isDisabled()).toBe(true);
  expect(await dialog.place.inputValue()).toBe(join(studio.home, 'exports/tiny-huggingface-f16'));
  await dialog.place.fill(join(directory, 'tiny'));
  await dialog.export.click();
  await dialog.refusal.waitFor();
  expect(await dialog.refusal.innerText()).toContain('nothing was overwritten');
  await dialog.close.click();
});

test('two clicks open the dialog as one does, and begin one export as one does; closed meanwhile, its end is told on the page', async () => {
  const { page } = open;
  await page.getByRole('button', { name: 'Export larger', exact: true }).dblclick();
  await dialog.of('larger').waitFor();
  await page.waitForTimeout(300); // longer than a second click takes to close it
  expect(await dialog.of('larger').count()).toBe(1);
  await dialog.format(/^Hugging Face/).check();
  const path = join(directory, 'written/twice');
  await dialog.place.fill(path);
  await dialog.export.dblclick();
  await dialog.written.waitFor();
  // The same place again: refused, which is told too.
  await dialog.place.fill(path);
  for (const [place, told] of [
    [join(directory, 'written/closed'), `“larger” is written and verified: ${join(directory, 'written/closed')}`],
    [path, '“larger” could not be exported.'],
  ] as const) {
    await dialog.place.fill(place);
    // In one go: an export of so little ends before a hand has closed the dialog.
    await dialog.export.evaluate((button) => {
      (button as unknown as { click(): void }).click();
      const page = globalThis as unknown as { KeyboardEvent: new (type: string, init: object) => Event; document: EventTarget };
      page.document.dispatchEvent(new page.KeyboardEvent('keydown', { key: 'Escape', bubbles: true }));
    });
    const message = page.getByRole('group', { name: told });
    await message.waitFor();
    if (place !== path) {
      await message.getByRole('button', { name: 'Details' }).click();
      await dialog.written.waitFor();
    } else await message.getByRole('button', { name: 'Close the message' }).click();
  }
});

test('an export that is cancelled leaves nothing behind', async () => {
  const { page } = open;
  const config = { ...byteModelConfig, hiddenSize: 1024, headSize: 256, intermediateSize: 4096, blocks: 6 };
  const zeros = new Map([...shapesOf(config)].map(([name, shape]) => [name, new Float32Array(elementsOf(shape))]));
  await writeTinyModel(join(directory, 'large'), { config, weights: zeros });
  await studio.strata('model', 'import', join(directory, 'large'));
  await page.reload();
  await openDialog('large');
  await dialog.elementType.selectOption('BF16');
  await dialog.place.fill(join(directory, 'cancelled/model'));
  await dialog.export.click();
  await page.getByRole('progressbar').waitFor();
  await dialog.cancel.click();
  await page.getByRole('progressbar').waitFor({ state: 'detached' });
  await expect.poll(() => existsSync(join(directory, 'cancelled'))).toBe(false);
  expect((await readdir(directory)).sort()).toEqual(['large', 'tiny', 'written']);
  expect(await dialog.refusal.count()).toBe(0);
  expect(open.complaints).toEqual([]);
});
