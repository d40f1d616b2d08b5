import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DatasetsPage } from '../../e2e/support/pages/datasets.ts';
import { RunPage } from '../../e2e/support/pages/run.ts';
import { Shell } from '../../e2e/support/pages/shell.ts';
import { TrainPage } from '../../e2e/support/pages/train.ts';
import type { Desktop } from './desktop.ts';

/**
 * What the desktop program does for a person, whatever it runs in: each test goes on from the one before.
 * @param start opens the program on a fresh workspace.
 * @returns the program under test, once it is open.
 */
export function desktopSuite(start: () => Promise<Desktop>): () => Desktop {
  let desktop: Desktop;
  beforeAll(async () => {
    desktop = await start();
  });
  afterAll(() => desktop?.stop());

  it('opens on Home, with nothing of Node or Electron in the page', async () => {
    const { page } = desktop;
    await page.getByRole('heading', { level: 1 }).waitFor();
    expect(await page.title()).toBe('Home · Strata');
    expect(await page.evaluate("[typeof require, typeof process, typeof module, typeof globalThis.strataHost].join(' ')")).toBe(
      'undefined undefined undefined object',
    );
    expect(await desktop.isWindowVisible()).toBe(true);
  });

  it('is held by the content policy: script within the page does not run, and nothing is fetched from elsewhere', async () => {
    const { page } = desktop;
    const violations =
      "new Promise((settle) => { const found = []; addEventListener('securitypolicyviolation', (event) => found.push(event.effectiveDirective));" +
      "fetch('https://example.org/').catch(() => undefined);" +
      "const script = document.createElement('script'); script.textContent = 'globalThis.wasRun = true'; document.body.append(script);" +
      'setTimeout(() => settle([...found, typeof globalThis.wasRun]), 300); })';
    const found: string[] = await page.evaluate(violations);
    expect(found.sort()).toEqual(['connect-src', 'script-src-elem', 'undefined']);
    desktop.complaints.splice(0); // the browser tells of each
  });

  it('stays in the studio: a page from elsewhere is not gone to, and no window opens', async () => {
    const { page } = desktop;
    const before = page.url();
    await page.evaluate("location.href = 'https://example.org/', undefined");
    await page.evaluate("open('https://example.org/'), undefined");
    await expect.poll(() => page.context().pages().length).toBe(1);
    await page.getByRole('navigation', { name: 'Pages' }).waitFor();
    expect(page.url()).toBe(before);
    desktop.complaints.splice(0);
  });

  it('goes by the menu to the page of models, which lists them', async () => {
    const { page } = desktop;
    await page.getByRole('button', { name: 'Open the sample project' }).click();
    await page.getByRole('heading', { name: 'Train', level: 1 }).waitFor();
    await desktop.menu('Go', 'Models');
    await page.getByRole('heading', { name: 'Models', level: 1 }).waitFor();
    await page.getByRole('heading', { name: 'strata-base' }).waitFor();
  });

  it('imports a file that was chosen in the dialog of the system', async () => {
    const { page } = desktop;
    // One text alone could not be split into what is trained on and what is held out.
    const file = join(desktop.folder, 'verses.jsonl');
    const verses = Array.from({ length: 40 }, (_, line) => JSON.stringify({ text: `Verse ${line} of a song that nobody sings twice.` }));
    await writeFile(file, verses.join('\n'));
    await desktop.answer('showOpenDialog', { canceled: false, filePaths: [file] });
    await desktop.menu('File', 'Import Data…');
    const datasets = new DatasetsPage(page);
    await datasets.import.click();
    await datasets.role('verses', 'New').waitFor();
  });

  it('writes a model to where the dialog of the system says', async () => {
    const { page } = desktop;
    const file = join(desktop.folder, 'written here.gguf');
    await desktop.menu('Go', 'Models');
    await page.getByRole('button', { name: 'Export strata-base', exact: true }).click();
    const dialog = page.getByRole('dialog', { name: 'Export strata-base', exact: true });
    await dialog.getByRole('radio', { name: /^GGUF file/ }).check();
    await desktop.answer('showSaveDialog', { canceled: true, filePath: '' });
    const suggested = await dialog.getByLabel(/^File to write/).inputValue();
    await dialog.getByRole('button', { name: 'Choose', exact: true }).click();
    expect(await dialog.getByLabel(/^File to write/).inputValue()).toBe(suggested);
    await desktop.answer('showSaveDialog', { canceled: false, filePath: file });
    await dialog.getByRole('button', { name: 'Choose', exact: true }).click();
    await expect.poll(() => dialog.getByLabel(/^File to write/).inputValue()).toBe(file);
    expect((await desktop.asked('showSaveDialog')).map(({ defaultPath }) => basename(String(defaultPath)))).toEqual([
      'strata-base.gguf',
      'strata-base.gguf',
    ]);
    await dialog.getByRole('button', { name: 'Export', exact: true }).click();
    await dialog.getByText('Written and verified').waitFor();
    expect((await readFile(file)).toString('latin1', 0, 4)).toBe('GGUF');
    await dialog.getByRole('button', { name: 'Close', exact: true }).click();
  });

  it('trains, and asks before the window is closed meanwhile', async () => {
    const { page } = desktop;
    await desktop.menu('File', 'New Run');
    await new Shell(page).heading('Train').waitFor();
    const train = new TrainPage(page);
    await train.steps.fill('400');
    await page.getByText('400 steps of 8').waitFor();
    await train.start.click();
    await page.getByText(/^step [1-9]/).waitFor({ timeout: 120_000 });

    await desktop.answer('showMessageBox', { response: 2, checkboxChecked: false });
    await desktop.closeWindow();
    await expect.poll(async () => (await desktop.asked('showMessageBox')).length).toBe(1);
    const [question] = await desktop.asked('showMessageBox');
    expect(question).toMatchObject({ buttons: ['Continue in the background', 'Stop with a checkpoint', 'Cancel'], cancelId: 2 });
    expect(question!.message).toMatch(/^“strata-base learns .*” is training: step \d+ of 400\.$/);
    expect(await desktop.isWindowVisible()).toBe(true);
  });

  it('loses nothing when the page is loaded anew while it trains', async () => {
    const { page } = desktop;
    const run = new RunPage(page);
    const reached = await run.step();
    await page.reload();
    await run.pause.waitFor();
    await run.progress.waitFor();
    expect(await run.step()).toBeGreaterThanOrEqual(reached);
    await expectOnward(run);
  });

  it('gets another port when its own is lost, and shows the state that the program is in', async ({ skip }) => {
    const { page } = desktop;
    if (!desktop.losePort) return skip('Nothing outside can take a port from a page here.');
    const run = new RunPage(page);
    await desktop.losePort();
    const lost = page.getByText(/^The studio does not answer/);
    await lost.waitFor();
    await lost.waitFor({ state: 'detached' });
    await expectOnward(run);
    await run.pause.click(); // it is heard, once
    await run.status('paused').waitFor({ timeout: 60_000 });
    await run.resume.click();
    await run.pause.waitFor({ timeout: 60_000 });
    await page.getByText(/^step [1-9]/).waitFor({ timeout: 60_000 });
  });

  it('goes on in the background, and a second start with a link shows the run', async () => {
    const { page } = desktop;
    await page.getByText(/^step [1-9]/).waitFor();
    const run = /#\/runs\/([a-z0-9-]+)/.exec(page.url())![1]!;
    await desktop.answer('showMessageBox', { response: 0, checkboxChecked: false });
    await desktop.closeWindow();
    await expect.poll(() => desktop.isWindowVisible()).toBe(false);
    await desktop.menu('Go', 'Home'); // brings it back
    await expect.poll(() => desktop.isWindowVisible()).toBe(true);
    await page.getByRole('heading', { level: 1 }).waitFor();

    await desktop.startAgain('strata-studio://run/../../settings');
    await desktop.startAgain(`strata-studio://run/${run}`);
    await expect.poll(() => page.url()).toContain(`#/runs/${run}`);
    await page.getByText(/^step [1-9]/).waitFor();
  });

  it('keeps what is set, and quits with a checkpoint when the person says so', async () => {
    const { page } = desktop;
    await desktop.menu('File', 'Settings…');
    await page.getByRole('checkbox', { name: 'Tell me when a run has ended' }).uncheck();
    await page.getByLabel('When the window is closed while something trains').selectOption('stop');
    const settings = join(desktop.folder, 'settings', 'settings.json');
    await expect
      .poll(async () => JSON.parse(await readFile(settings, 'utf8').catch(() => '{}')) as unknown)
      .toMatchObject({ notifications: false, closing: 'stop' });
    expect(desktop.complaints).toEqual([]);
    await desktop.quit();
  });

  return () => desktop;
}

/** What goes on is followed: the page comes to another step by itself. */
async function expectOnward(run: RunPage): Promise<void> {
  const step = await run.step();
  await expect.poll(() => run.step(), { timeout: 30_000 }).toBeGreaterThan(step);
}
