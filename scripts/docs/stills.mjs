import { askPlayground, PLACES, RUN, STEPS, WITHOUT_REPLAY } from './story.mjs';
import { dragOver, goTo, openPage, scrollTo, settle, take } from './pages.mjs';

/** @typedef {import('playwright-core').Page} Page */

/** A run to compare the film's with, started from the page of training. @param {Page} page */
export async function trainAnother(page) {
  await goTo(page, 'Train');
  await page.getByRole('group', { name: 'Role of English novels' }).getByText('Old', { exact: true }).click();
  // What is typed before the distance is known would be taken back by it.
  await page.getByText('far apart').first().waitFor();
  await page.getByLabel('Where new blocks go').selectOption({ label: 'My own places' });
  await page.getByLabel(/^After which blocks/).fill(PLACES);
  await trainAs(page, WITHOUT_REPLAY, '0');
}

/** @param {Page} page @param {string} name @param {string} replay in percent */
async function trainAs(page, name, replay) {
  await page.getByLabel('Old tokens in percent').fill(replay);
  await page.keyboard.press('Tab');
  await page
    .getByText(replay === '0' ? 'all new' : `${replay} % old`, { exact: true })
    .first()
    .waitFor();
  await page.getByLabel(/^Steps/).fill(STEPS);
  await page.getByLabel('Name (optional)').fill(name);
  await page.getByText(`${STEPS} steps of 8`).waitFor();
  await page
    .getByRole('button', { name: /train$/i })
    .last()
    .click();
  await page.getByRole('heading', { level: 1, name }).waitFor();
  await page.getByText('done', { exact: true }).waitFor({ timeout: 600_000 });
}

/**
 * @param {import('playwright-core').Browser} browser @param {Page} page @param {import('./studio.mjs').PictureStudio} studio
 */
export async function takeStills(browser, page, studio) {
  const heading = (/** @type {string} */ name) => page.getByRole('heading', { name, exact: true });
  await goTo(page, 'Home');
  await take(page, 'home');
  await page.setViewportSize({ width: 1280, height: 900 });
  await goTo(page, 'Models');
  await take(page, 'models');
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByRole('button', { name: new RegExp(`^Export ${RUN}`) }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('radio', { name: /^GGUF/ }).check();
  await take(page, 'export', { from: dialog, room: 60 });
  await page.keyboard.press('Escape');

  await goTo(page, 'Train');
  await page.getByText('Checked with the data.').waitFor();
  await page.getByRole('button', { name: /^Replay \d+ %$/ }).click();
  await page.getByLabel('Where new blocks go').selectOption('even');
  await page.getByText('Checked with the data.').waitFor();
  await take(page, 'train');
  await page.getByRole('button', { name: 'Measure on the old data' }).click();
  await page.getByText(/^Measured on/).waitFor({ timeout: 120_000 });
  await page.setViewportSize({ width: 1280, height: 900 });
  await scrollTo(page, heading('Plan'), 60);
  await take(page, 'planner', { from: page.locator('section').filter({ has: heading('Plan') }) });
  await page.setViewportSize({ width: 1280, height: 800 });

  await goTo(page, 'Runs');
  const ticks = [RUN, WITHOUT_REPLAY];
  for (const name of ticks) await page.getByRole('checkbox', { name: `Tick ${name}`, exact: true }).check();
  await page.getByRole('group', { name: 'Ticked runs' }).getByRole('link', { name: 'Compare' }).click();
  await page.getByRole('heading', { name: '2 runs compared' }).waitFor();
  await page.setViewportSize({ width: 1280, height: 1000 });
  await page.getByRole('button', { name: `Pin ${WITHOUT_REPLAY} as the baseline` }).click();
  await page.evaluate("document.querySelector('main').scrollTo(0, 0)");
  await take(page, 'compare');
  await page.setViewportSize({ width: 1280, height: 800 });
  await askPlayground(page);
  await take(page, 'playground');

  await goTo(page, 'Runs');
  await page.getByRole('link', { name: RUN, exact: true }).click();
  await page.getByRole('heading', { level: 1, name: RUN }).waitFor();
  await page.setViewportSize({ width: 1280, height: 860 });
  await take(page, 'run');
  const dark = await openPage(browser, page.url().replace(/#.*/, new URL(studio.url).hash), {
    width: 1280,
    height: 860,
    colorScheme: 'dark',
  });
  await dark.goto(page.url());
  await dark.getByRole('heading', { level: 1, name: RUN }).waitFor();
  await take(dark, 'run-dark');
  await dark.close();

  await page.setViewportSize({ width: 1280, height: 800 });
  await goTo(page, 'Datasets');
  await (
    await dragOver(page, [studio.code])
  )();
  await page.getByRole('button', { name: 'Import', exact: true }).waitFor();
  await settle(page);
  await take(page, 'data', { from: heading('Datasets'), to: page.getByRole('button', { name: 'Add a folder' }), room: 34 });
}
