import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goTo, type OpenPage, openPage } from './support/browser.ts';
import { type RunningStudio, startStudio } from './support/studio.ts';

describe('the frame around all pages', () => {
  let studio: RunningStudio;
  let open: OpenPage;

  beforeAll(async () => {
    studio = await startStudio();
    await studio.strata('model', 'import', 'resources/base', '--name', 'first model');
    open = await openPage(studio.url);
  });
  afterAll(async () => {
    await open.close();
    await studio.stop();
  });

  it('goes anywhere by the palette, with the keyboard alone', async () => {
    const { page } = open;
    await page.keyboard.press('Control+k');
    const input = page.getByRole('combobox');
    await input.waitFor();
    await page.keyboard.type('runs');
    await page.getByRole('option', { name: 'Runs', exact: true }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Runs' }).waitFor();
    expect(await page.getByRole('dialog').count()).toBe(0);
  });

  it('finds models by their name, and says so when nothing has it', async () => {
    const { page } = open;
    await page.getByRole('button', { name: 'Commands' }).click();
    await page.keyboard.type('first model');
    await page.getByRole('option', { name: 'Ask first model in the playground' }).click();
    await page.getByRole('heading', { level: 1, name: 'Playground' }).waitFor();
    await page.keyboard.press('Control+k');
    await page.keyboard.type('zzzzqqqq');
    await page.getByText('Nothing of that name.').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  });

  it('passes over the navigation by the first key, and the next goes into the page', async () => {
    const { page } = open;
    await page.reload();
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('page');
    await goTo(page, 'Models');
    expect(await page.evaluate('document.activeElement.id'), 'a page that was opened has the focus').toBe('page');
  });

  it('keeps theme, language and motion that were chosen', async () => {
    const { page } = open;
    await page.keyboard.press('Control+,');
    await page.getByRole('radio', { name: 'Dark' }).check();
    await page.getByRole('radio', { name: 'Reduced' }).check();
    await page.getByLabel('Language').selectOption('Deutsch');
    await page.getByRole('heading', { level: 1, name: 'Einstellungen' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { level: 1, name: 'Einstellungen' }).waitFor();
    expect(await page.evaluate('({ ...document.documentElement.dataset, lang: document.documentElement.lang })')).toEqual({
      theme: 'dark',
      motion: 'reduced',
      lang: 'de',
    });
    await page.getByRole('link', { name: 'Start', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'Bringen Sie einem Modell Neues bei' }).waitFor();
    await page.keyboard.press('Control+,');
    await page.getByLabel('Sprache').selectOption('Wie das System (English)');
    await page.getByRole('heading', { level: 1, name: 'Settings' }).waitFor();
    await page.getByRole('radio', { name: 'As the system' }).first().check();
    expect(await page.evaluate('document.documentElement.dataset.theme')).toBe('light');
  });

  it('says which engines there are, and that the first which works is in use', async () => {
    const { page } = open;
    const engines = page.getByRole('region', { name: 'Engines' });
    await engines.getByText('in use').waitFor();
    expect(await engines.getByText('Self-test: passed').count()).toBeGreaterThan(0);
    const licences = await page.getByRole('link', { name: 'Licences of what Strata is made of' }).getAttribute('href');
    const answer = await page.request.get(new URL(licences!, studio.url).href);
    expect([answer.status(), await answer.text()]).toEqual([200, expect.stringContaining('<summary>TensorFlow')]);
    expect(open.complaints).toEqual([]);
  });

  // The last one: the studio is gone after it.
  it('says in its own words that the studio is gone, on pages that are opened then too', async () => {
    const { page } = open;
    await studio.stop();
    await page.getByText(/^The studio does not answer/).waitFor();
    await goTo(page, 'Runs');
    await page.getByRole('heading', { level: 1, name: 'Runs' }).waitFor();
    await page.waitForTimeout(500); // what cannot be sent fails at once
    expect(await page.getByRole('alert').allTextContents()).toEqual([]);
  });
});
