import { statSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import sharp from 'sharp';
import { projectRoot } from '../setup/paths.mjs';

export const IMAGES = join(projectRoot, 'docs', 'images');
/** Pictures have this many pixels for each of the page's: sharp on dense screens, and small. */
const DENSITY = 1.5;

/** @typedef {import('playwright-core').Page} Page @typedef {import('playwright-core').Locator} Locator */

/** @param {string} executablePath */
export const openBrowser = (executablePath) =>
  chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--no-first-run'],
  });

/**
 * @param {import('playwright-core').Browser} browser @param {string} url
 * @param {{ width: number, height: number, density?: number, colorScheme?: 'light' | 'dark' }} look
 */
export async function openPage(browser, url, { width, height, density = DENSITY, colorScheme = 'light' }) {
  const context = await browser.newContext({ viewport: { width, height }, deviceScaleFactor: density, colorScheme, locale: 'en-GB' });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  await page.goto(url);
  await page.getByRole('heading', { level: 1 }).waitFor();
  // The guide through a first run says what the pictures show.
  const guide = page.getByRole('region', { name: 'First run' });
  await guide.waitFor();
  await guide.getByRole('button').last().click();
  return page;
}

/** @param {Page} page @param {string} name of a page in the navigation */
export async function goTo(page, name) {
  const link = page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name, exact: name !== 'Runs' && name !== 'Datasets' });
  await link.click();
  await page.locator('nav a[aria-current="page"]').and(link).waitFor();
  await settle(page);
}

/** What has moved comes to rest, and charts are drawn. @param {Page} page */
export const settle = (page) => page.waitForTimeout(900);

/** Scrolls so that something stands so far below the top. @param {Page} page @param {Locator} target @param {number} [below] */
export async function scrollTo(page, target, below = 24) {
  const { y } = /** @type {{ y: number }} */ (await target.boundingBox());
  await page.evaluate(`document.querySelector('main').scrollBy(0, ${y - below})`);
  await page.waitForTimeout(150);
}

/**
 * Drags files and folders over the page, through the browser's own drag and drop.
 * @param {Page} page @param {string[]} files @returns {Promise<() => Promise<void>>} lets them go
 */
export async function dragOver(page, files) {
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files, dragOperationsMask: 1 };
  const send = (/** @type {'dragEnter' | 'dragOver' | 'drop'} */ type) =>
    session.send('Input.dispatchDragEvent', { type, x: 700, y: 340, data });
  await send('dragEnter');
  await send('dragOver');
  return async () => {
    await page.evaluate(
      "globalThis.dropSeen = new Promise((resolve) => addEventListener('drop', () => resolve(), { once: true, capture: true })), undefined",
    );
    await send('drop');
    await page.evaluate('globalThis.dropSeen');
    await session.detach();
  };
}

/**
 * Takes a picture of the page, or of a part of it with some room around.
 * @param {Page} page @param {string} name without its ending @param {{ from?: Locator, to?: Locator, room?: number }} [part]
 */
export async function take(page, name, { from, to = from, room = 18 } = {}) {
  await page.mouse.move(2, 2);
  await settle(page);
  const boxes = (await Promise.all([from, to].map((each) => each?.boundingBox()))).filter((box) => !!box);
  const { width, height } = /** @type {{ width: number, height: number }} */ (page.viewportSize());
  const left = boxes.length > 0 ? Math.max(Math.min(...boxes.map(({ x }) => x)) - room, 0) : 0;
  const top = boxes.length > 0 ? Math.max(Math.min(...boxes.map(({ y }) => y)) - room, 0) : 0;
  const right = boxes.length > 0 ? Math.min(Math.max(...boxes.map((box) => box.x + box.width)) + room, width) : width;
  const bottom = boxes.length > 0 ? Math.min(Math.max(...boxes.map((box) => box.y + box.height)) + room, height) : height;
  const png = await page.screenshot({ animations: 'disabled', clip: { x: left, y: top, width: right - left, height: bottom - top } });
  const path = join(IMAGES, `${name}.webp`);
  await sharp(png).webp({ quality: 82, effort: 6, smartSubsample: true }).toFile(path);
  process.stdout.write(`${name}.webp  ${Math.round(statSync(path).size / 1000)} kB\n`);
}
