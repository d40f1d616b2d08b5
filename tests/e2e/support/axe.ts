import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** WCAG 2.5.3, which axe holds for experimental: who speaks to a page says what stands on a button. */
const RULES = { 'label-content-name-mismatch': { enabled: true } };
const THEMES = ['light', 'dark'] as const;
type Theme = (typeof THEMES)[number];

/**
 * axe finds nothing against WCAG 2.2 AA on the page as it is, in either theme, and the document itself does not scroll. The theme is the
 * system's, which is changed beneath the open page: it must not have been chosen. Animations are left out, or half of a colour is looked at.
 * The page is light afterwards.
 * @param part a selector of what alone is looked at; otherwise all of the page.
 */
export async function expectAccessible(page: Page, what: string, part = 'html'): Promise<void> {
  await expectSteadyDocument(page, what);
  for (const theme of THEMES) expect(await violations(page, theme, part), `${what}, ${theme} theme`).toEqual([]);
  await take(page, 'light');
}

/** The words of a part that is hidden from screen readers, which axe passes over as it stands, are legible on their ground in either theme. */
export async function expectLegible(page: Page, what: string, part: string): Promise<void> {
  const place = JSON.stringify(part);
  await page.evaluate(`document.querySelector(${place}).removeAttribute('aria-hidden')`);
  for (const theme of THEMES) {
    await take(page, theme);
    const { wrong, legible } = await page.evaluate<{ wrong: string[]; legible: number }>(
      `axe.run(${place}, { runOnly: ['color-contrast'] }).then(({ violations, incomplete, passes }) => ({
        wrong: [...violations, ...incomplete].flatMap(({ nodes }) => nodes.map(({ html, failureSummary }) => html + ' ' + failureSummary)),
        legible: passes.flatMap(({ nodes }) => nodes).length }))`,
    );
    expect(wrong, `${what}, ${theme} theme`).toEqual([]);
    expect(legible, `words of ${what}, ${theme} theme`).toBeGreaterThan(0);
  }
  await take(page, 'light');
  await page.evaluate(`document.querySelector(${place}).setAttribute('aria-hidden', 'true')`);
}

/** Makes the system light or dark, and puts axe into the page, past the page's own policy, if it is not there. */
async function take(page: Page, theme: Theme): Promise<void> {
  await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
  const { shown, hasAxe } = await page.evaluate<{ shown: string; hasAxe: boolean }>(
    // The page is told of it with the next picture, and has drawn itself anew with the one after.
    `new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() =>
      resolve({ shown: document.documentElement.dataset.theme, hasAxe: 'axe' in globalThis }))))`,
  );
  expect(shown, 'the theme follows the system').toBe(theme);
  if (!hasAxe) await page.evaluate(AXE);
}

async function violations(page: Page, theme: Theme, part: string): Promise<string[]> {
  await take(page, theme);
  return page.evaluate<string[]>(
    `axe.run(${JSON.stringify(part)}, { runOnly: ${JSON.stringify(TAGS)}, rules: ${JSON.stringify(RULES)},
      resultTypes: ['violations'] }).then(({ violations }) =>
      violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => id + ': ' + html.slice(0, 160) + ' ' + failureSummary)))`,
  );
}

/** Only the page within the window scrolls, at any width: a document that scrolls leaves most of the window blank. */
async function expectSteadyDocument(page: Page, what: string): Promise<void> {
  for (const width of [420, 1280]) {
    await page.setViewportSize({ width, height: 900 });
    const size = await page.evaluate<object>(
      '(({ scrollWidth, scrollHeight }) => ({ scrollWidth, scrollHeight }))(document.scrollingElement)',
    );
    expect(size, `the document of ${page.url()}, ${what}, ${width} px wide`).toEqual({ scrollWidth: width, scrollHeight: 900 });
  }
}
