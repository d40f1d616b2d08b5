import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DatasetInfo } from '../../shared/contract/datasets.ts';
import type { ModelInfo } from '../../shared/contract/models.ts';
import { insertMeasuredRun, storeOf } from '../support/measured-runs.ts';
import { randomWeights } from '../support/tiny-llama.ts';
import { byteModelConfig, writeTinyModel, writeTinySources } from '../support/workspace.ts';
import { type OpenPage, openPage } from './support/browser.ts';
import { ComparePage } from './support/pages/compare.ts';
import { ExportDialog } from './support/pages/export-dialog.ts';
import { PlaygroundPage } from './support/pages/playground.ts';
import { RunPage } from './support/pages/run.ts';
import { Shell } from './support/pages/shell.ts';
import { TrainPage } from './support/pages/train.ts';
import { expectLooksAs, type Masks } from './support/references.ts';
import { DESKTOP, expectFits, NARROW, resize, ZOOMED } from './support/reflow.ts';
import { type RunningStudio, startStudio } from './support/studio.ts';

/** Of each of eight documents before step 1. */
const BEFORE = { new: [5, 5.2, 4.8, 5.1, 5.3, 4.9, 5, 5.4], old: [3, 3.1, 2.9, 3.2, 3, 2.8, 3.1, 3] };
const meanOf = (losses: number[]): number => losses.reduce((sum, loss) => sum + loss, 0) / losses.length;

/** What pages look like, in a workspace that is the same every time: a small model, two datasets and two runs as training leaves them. */
describe('the pages', () => {
  let studio: RunningStudio;
  let open: OpenPage;
  let page: Page;
  let shell: Shell;
  let folder: string;
  let model: ModelInfo;
  let datasets: DatasetInfo[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'strata-looks-'));
    const sources = await writeTinySources(folder);
    studio = await startStudio();
    model = await studio.strata<ModelInfo>('model', 'import', sources.model);
    await studio.strata('data', 'import', sources.newText, '--name', 'code');
    await studio.strata('data', 'import', sources.oldText, '--name', 'stories');
    datasets = await studio.strata<DatasetInfo[]>('data', 'list');
    const questions = join(folder, 'letters.jsonl');
    await writeFile(questions, '{"question":"Which letter is the first?","choices":["a","b","c"],"answer":0}\n'.repeat(12));
    await studio.strata('suite', 'save', 'Letters', '--choices', questions, '--data', 'code');
    const store = storeOf(studio.home);
    for (const [id, name, gain, forgetting, minute] of [
      ['gentle', 'Gentle', 0.6, 0.056, 5],
      ['greedy', 'Greedy', 1, 0.3, 9],
    ] as const) {
      insertMeasuredRun(store, {
        ...{ id, name, before: BEFORE, tokens: BEFORE.new.map(() => 40), createdAt: `2026-01-02T03:0${minute}:00.000Z` },
        after: { new: BEFORE.new.map((loss, at) => loss - gain + 0.002 * (at % 3)), old: BEFORE.old.map((loss) => loss + forgetting) },
        course: [0, 0.25, 0.5, 0.75, 1].map((part): [number, number, number] => [
          part * 40,
          meanOf(BEFORE.new) - gain * part,
          meanOf(BEFORE.old) + forgetting * part ** 2,
        ]),
        configuration: {
          ...{ replayShare: id === 'gentle' ? 0.5 : 0.1, baseModel: { id: model.id, name: model.name, hash: 'a'.repeat(64) } },
          datasets: datasets.map(({ id, name, hash }) => ({ id, name, hash, role: name === 'code' ? 'new' : 'old' })),
        },
      });
    }
    for (const [table, name, minute] of [
      ['datasets', 'code', 30],
      ['datasets', 'stories', 31],
      ['suites', 'Letters', 32],
    ] as const)
      store.prepare(`UPDATE ${table} SET createdAt = ? WHERE name = ?`).run(`2026-01-02T02:${minute}:00.000Z`, name);
    store.close();
    open = await openPage(studio.url, { now: new Date('2026-01-02T12:00:00Z') });
    ({ page } = open);
    shell = new Shell(page);
  });
  afterAll(async () => {
    await open.close();
    await studio.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const complaints = (): string[] => open.complaints.filter((complaint) => !complaint.includes('ERR_ABORTED'));

  const engines = (): Locator => page.getByRole('region', { name: /^(Engines|Rechenwerke)$/ });
  /** What the settings say of where they are shown: the workspace's folder and the engines. */
  const ofThisMachine = (): Masks => [page.getByText(studio.home), engines()];

  /** The page as it is looks as its references do, in the theme that the system has; both are looked at. */
  async function expectLooks(name: string, masks: Masks = []): Promise<void> {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.locator(`html[data-theme=${colorScheme}]`).waitFor();
      await expectLooksAs(page, `${name}-${colorScheme}`, [shell.workspace, ...masks]);
    }
  }

  /** Opens a page by its address and waits until there is nothing more to come. */
  async function look(path: string): Promise<void> {
    await page.goto(`${new URL(studio.url).origin}/#/${path}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    if (path === 'train') {
      const train = new TrainPage(page);
      await train.role('code', 'New').check();
      await train.role('stories', 'Old').check();
      await page.getByText(/^New and old data are far apart/).waitFor(); // it says how much to replay
      await train.budget.getByText('Checked with the data.').waitFor({ state: 'attached' }); // in a low window it is left out
    }
    if (path === 'settings') await engines().locator('.pill').first().waitFor();
    if (path.startsWith('compare/')) await new ComparePage(page).differences.waitFor();
    if (path.startsWith('runs/')) await new RunPage(page).results.waitFor();
    await page.waitForLoadState('networkidle');
  }

  it.each([NARROW, ZOOMED])('fit into a window of $name: nothing is cut off, and nothing scrolls to the side', async (window) => {
    await resize(page, window);
    for (const path of [
      ...['', 'datasets', `datasets/${datasets[0]!.id}`, 'models', `lines/${model.id}`, 'train', 'runs', 'runs/gentle'],
      ...['compare/gentle,greedy?baseline=gentle', 'batches', 'suites', `playground/${model.id}`, 'settings'],
    ]) {
      await look(path);
      await expectFits(page, `page "${path}", ${window.name}`);
    }
    await look('models');
    await page.getByRole('button', { name: `Export ${model.name}`, exact: true }).click();
    const dialog = new ExportDialog(page);
    await dialog.of(model.name).waitFor();
    await expectFits(page, `the export, ${window.name}`);
    await dialog.close.click();
    await dialog.of(model.name).waitFor({ state: 'hidden' });
    await page.keyboard.press('Control+k');
    await page.getByRole('dialog').getByRole('combobox').waitFor();
    await expectFits(page, `the commands, ${window.name}`);
    await page.keyboard.press('Escape');
  });

  it('look as they are meant to, in both themes', async () => {
    await resize(page, DESKTOP);
    await page.mouse.move(640, 2); // nothing is under it
    const train = new TrainPage(page);
    const pages: [name: string, path: string, masks?: Masks][] = [
      ['home', ''],
      ['train', 'train', [train.budget.getByText(/^of |^about |^[\d.]+ .B$/), page.getByRole('cell', { name: /^[\d.]+ (s|min)$/ })]],
      ['runs', 'runs'],
      ['run', 'runs/gentle'],
      ['compare', 'compare/gentle,greedy?baseline=gentle'],
      ['datasets', 'datasets', [page.getByText(folder)]],
      ['suites', 'suites'],
      ['settings', 'settings', ofThisMachine()],
    ];
    for (const [name, path, masks] of pages) {
      await look(path);
      await expectLooks(name, masks);
    }
    expect(complaints()).toEqual([]);
  });

  it('look as they are meant to with a second model, and with answers of both', async () => {
    const other = join(folder, 'other');
    await writeTinyModel(other, { weights: randomWeights(byteModelConfig, 2) });
    await studio.strata('model', 'import', other);
    const playground = new PlaygroundPage(page);
    await look('models');
    await expectLooks('models', [page.getByText(folder)]);
    await look(`playground/${model.id}`);
    await playground.voice('B').getByRole('combobox').selectOption('other');
    await playground.prompt.fill('let total');
    await playground.tokens.fill('24');
    await playground.askAll.click();
    await playground.askAll.waitFor();
    await playground.answer('B').getByRole('button').nth(23).waitFor();
    await playground.answer('B').getByRole('button').nth(2).click();
    await playground.detail.getByRole('listitem').nth(9).waitFor(); // five likeliest of each
    await page.mouse.move(640, 2);
    await expectLooks('playground', [page.getByText(/^24 tokens/)]);
  });

  it('look as they are meant to in German and in a narrow window', async () => {
    await page.evaluate("localStorage.setItem('strata-language', 'de')");
    await page.reload();
    await look('settings');
    await expectLooks('settings-german', ofThisMachine());
    await page.evaluate("localStorage.removeItem('strata-language')");
    await page.reload();
    await resize(page, NARROW);
    await look('datasets');
    await expectLooks('datasets-narrow', [page.getByText(folder)]);
    expect(complaints()).toEqual([]);
  });

  it('show in a narrow window what one looks for first, and where there is more to the side', async () => {
    await resize(page, NARROW);
    const overhang = (table: Locator): Promise<number> =>
      table.evaluate((each) => {
        const box = each.closest('.scroll, .card')!;
        return box.scrollWidth - box.clientWidth;
      });
    await look('');
    const latest = page.getByRole('table', { name: /^Runs, newest first/ });
    expect(await overhang(latest), 'the latest runs').toBeLessThanOrEqual(1);
    await look('runs');
    const list = page.getByRole('region', { name: 'List of runs' }).getByRole('table');
    expect(await overhang(list), 'all runs').toBeLessThanOrEqual(1);
    for (const table of [latest, list]) {
      if (table === latest) await look('');
      else await look('runs');
      for (const name of ['Run', 'Status', 'Gain', 'Forgetting']) {
        expect(await table.getByRole('columnheader', { name, exact: true }).isVisible(), name).toBe(true);
      }
    }
    await look('compare/gentle,greedy?baseline=gentle');
    const differences = page.getByRole('region', { name: 'Differences', exact: true });
    expect(await overhang(differences.getByRole('table'))).toBeGreaterThan(1);
    const ground = await page.evaluate<string>(
      `getComputedStyle(document.querySelector('.scroll[aria-label="Differences"]')).backgroundImage`,
    );
    expect(ground, 'its edges are in shade').toContain('gradient');
  });

  it('take the theme that is chosen, and keep it', async () => {
    await page.emulateMedia({ colorScheme: 'light' });
    await resize(page, DESKTOP);
    await look('');
    const paper = (): Promise<string> => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const light = await paper();
    await shell.toDark.click();
    await expect.poll(paper).not.toBe(light);
    await page.reload();
    await shell.toLight.waitFor();
    expect(await paper()).not.toBe(light);
    await shell.toLight.click();
    await expect.poll(paper).toBe(light);
  });
});
