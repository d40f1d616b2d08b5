import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TinySources, writeTinySources } from '../support/workspace.ts';
import { type OpenPage, openPage } from './support/browser.ts';
import { Keyboard } from './support/keyboard.ts';
import { ComparePage } from './support/pages/compare.ts';
import { DatasetsPage } from './support/pages/datasets.ts';
import { ExportDialog } from './support/pages/export-dialog.ts';
import { PlaygroundPage } from './support/pages/playground.ts';
import { RunPage } from './support/pages/run.ts';
import { Shell } from './support/pages/shell.ts';
import { TrainPage } from './support/pages/train.ts';
import { type RunningStudio, startStudio } from './support/studio.ts';

/**
 * From the import to the export without a mouse: each test goes on from the one before. At every stop the focus is looked at in both themes;
 * halfway the person takes the other one.
 */
describe('a person with a keyboard alone', () => {
  let studio: RunningStudio;
  let open: OpenPage;
  let page: Page;
  let keys: Keyboard;
  let folder: string;
  let sources: TinySources;
  let shell: Shell;
  /** What the person chooses in the system's dialog, which is not part of the page. */
  let chosen: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'strata-keys-'));
    sources = await writeTinySources(folder);
    studio = await startStudio();
    await studio.strata('model', 'import', sources.model);
    open = await openPage(studio.url);
    ({ page } = open);
    page.on('filechooser', (dialog) => void dialog.setFiles(chosen));
    keys = new Keyboard(page);
    shell = new Shell(page);
  });
  afterAll(async () => {
    await open.close();
    await studio.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('imports two files, and says which is learned and which is kept', async () => {
    const datasets = new DatasetsPage(page);
    await keys.press('Tab');
    await keys.expectFocus(); // the way past the navigation, which is seen only now
    await keys.enter(shell.link('Datasets'));
    await shell.heading('Datasets').waitFor();
    for (const [file, name, role] of [
      [sources.oldText, 'stories', 'Old'],
      [sources.newText, 'code', 'New'],
    ] as const) {
      await keys.goTo(datasets.chooseFiles, role === 'Old' ? 'Tab' : 'Shift+Tab');
      chosen = file;
      await keys.press('Enter');
      await datasets.import.and(page.locator(':focus')).waitFor(); // Enter begins at once
      await keys.press('Enter');
      await datasets.role(name, 'Not used').waitFor();
      await keys.expectKept();
      // What is alone is guessed to be new; once somebody has chosen, nothing is guessed.
      await keys.goTo(datasets.role(name, role === 'Old' ? 'New' : 'Not used'));
      await keys.press('ArrowRight');
      await keys.expectFocus();
      await expect.poll(() => datasets.role(name, role).isChecked()).toBe(true);
    }
    await keys.enter(datasets.goOnToTrain('code'));
    await shell.heading('Train').waitFor();
    await keys.expectKept();
  });

  it('plans: blocks in, along and out again; sees what it costs and starts', async () => {
    const train = new TrainPage(page);
    expect(await train.role('code', 'New').isChecked()).toBe(true);
    expect(await train.role('stories', 'Old').isChecked()).toBe(true);
    await train.newBlocks.first().waitFor();
    const before = await train.newBlocks.allTextContents();
    await keys.goTo(train.gap(3)); // the picture's only stop
    await keys.press('End', 'ArrowUp');
    await keys.expectFocus();
    await keys.press('Insert');
    await train.said.getByText('Inserted a copy after block 0.').waitFor();
    expect(await train.newBlocks.allTextContents()).toEqual([...before, 'new, copy of 0']);
    await keys.press('ArrowDown', 'Delete');
    await train.said.getByText('Took out a copy after block 0.').waitFor();
    await keys.expectFocus();
    await keys.press('Control+z');
    await expect.poll(() => train.newBlocks.allTextContents()).toEqual([...before, 'new, copy of 0']);
    await keys.goTo(train.steps);
    await keys.write('8');
    await train.budget.getByText('Checked with the data.').waitFor();
    await keys.enter(train.start);
    await page.getByRole('heading', { level: 1, name: /learns code/ }).waitFor();
    await keys.expectKept();
    await new RunPage(page).status('done').waitFor({ timeout: 120_000 });
    await keys.expectKept();
  });

  it('trains a second time with another name, and compares the two', async () => {
    const train = new TrainPage(page);
    const compare = new ComparePage(page);
    await keys.enter(shell.toDark, 'Shift+Tab');
    await keys.goTo(shell.toLight); // it is the same button, and keeps the focus
    await page.locator('html[data-theme=dark]').waitFor();
    await keys.enter(shell.link('Train'), 'Shift+Tab');
    await shell.heading('Train').waitFor();
    await keys.goTo(train.name);
    await keys.write('Again');
    await keys.enter(train.start);
    await shell.heading('Again').waitFor();
    await new RunPage(page).status('done').waitFor({ timeout: 120_000 });
    await keys.enter(shell.link('Runs'), 'Shift+Tab');
    await shell.heading('Runs').waitFor();
    for (const run of ['tiny learns code', 'Again']) {
      await keys.goTo(compare.tick(run), run === 'Again' ? 'Shift+Tab' : 'Tab');
      await keys.press('Space');
      expect(await compare.tick(run).isChecked()).toBe(true);
    }
    await keys.enter(compare.compareTicked, 'Shift+Tab');
    await shell.heading('2 runs compared').waitFor();
    await compare.differences.waitFor();
    await keys.expectKept();
  });

  it('asks base and model the same in the playground', async () => {
    const playground = new PlaygroundPage(page);
    await keys.enter(page.getByRole('link', { name: 'Open Again' }));
    await shell.heading('Again').waitFor();
    await keys.enter(new RunPage(page).playground);
    await shell.heading('Playground').waitFor();
    await keys.goTo(playground.prompt);
    await keys.write('let total');
    await keys.goTo(playground.tokens);
    await keys.write('6');
    await keys.enter(playground.askAll);
    await playground
      .voice('B')
      .getByText(/^6 tokens/)
      .waitFor();
    await keys.goTo(playground.answer('B').getByRole('button').first());
    await keys.press('Enter');
    await page.getByRole('region', { name: 'The chosen token' }).waitFor();
    await keys.expectFocus();
  });

  it('exports the model, and is back where it was', async () => {
    const dialog = new ExportDialog(page);
    const run = new RunPage(page);
    await keys.enter(shell.link('Runs'), 'Shift+Tab');
    await shell.heading('Runs').waitFor();
    await keys.enter(page.getByRole('link', { name: 'Again', exact: true }));
    await shell.heading('Again').waitFor();
    await keys.enter(run.export);
    await dialog.of(/^Export /).waitFor();
    await keys.expectKept();
    await keys.goTo(dialog.elementType);
    await keys.press('b'); // BF16
    await keys.goTo(dialog.place);
    const place = await dialog.place.inputValue();
    await keys.enter(dialog.export);
    await dialog.written.waitFor();
    await keys.expectKept();
    expect(existsSync(join(place, 'model.safetensors'))).toBe(true);
    await keys.press('Escape');
    await dialog.of(/^Export /).waitFor({ state: 'detached' });
    await keys.expectKept();
    expect(open.complaints).toEqual([]);
  });
});
