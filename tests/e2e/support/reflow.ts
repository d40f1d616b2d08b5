import type { CDPSession, Page } from 'playwright-core';
import { expect } from 'vitest';

/** A window as a person may have it. Zooming in makes the window smaller in the page's own measure, and each of its pixels larger. */
export interface Window {
  name: string;
  width: number;
  height: number;
  zoom: number;
}

export const DESKTOP: Window = { name: '1280 × 900', width: 1280, height: 900, zoom: 1 };
export const NARROW: Window = { name: '390 px wide, as on a phone', width: 390, height: 844, zoom: 1 };
/** WCAG 1.4.4 and 1.4.10: a window of 1280 × 900 at 200 %. It is 640 px wide. */
export const ZOOMED: Window = { name: '1280 × 900 at 200 %', width: 640, height: 450, zoom: 2 };

/** What is set for a page holds as long as the session that has set it. */
const sessions = new WeakMap<Page, CDPSession>();

export async function resize(page: Page, { width, height, zoom }: Window): Promise<void> {
  await page.setViewportSize({ width, height });
  const session = sessions.get(page) ?? (await page.context().newCDPSession(page));
  sessions.set(page, session);
  await session.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: zoom, mobile: false });
  // The page must have it before anything is measured.
  await expect.poll(() => page.evaluate('[innerWidth, innerHeight]'), { timeout: 10_000 }).toEqual([width, height]);
}

/**
 * Nothing has to be scrolled for to the side, and no control is cut off. What scrolls by itself, as a wide table in its card does, may: what
 * it holds can be reached; the way to the pages may not.
 */
export async function expectFits(page: Page, where: string): Promise<void> {
  const found = await page.evaluate<{ wider: number; cut: string[] }>(LOOK);
  expect(found, where).toEqual({ wider: 0, cut: [] });
}

const LOOK = `(() => {
  const SLACK = 1.5; // half pixels
  const CONTROLS = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [role=button], [role=slider], [role=tab], [tabindex="0"]';
  const styleOf = (element) => getComputedStyle(element);
  const scrolls = (element) => /auto|scroll/.test(styleOf(element).overflowX) && element.scrollWidth > element.clientWidth + 1;
  const clips = (element) => /hidden|clip/.test(styleOf(element).overflowX);
  const isHiddenOnPurpose = (element) => {
    for (let each = element; each !== null; each = each.parentElement) {
      const { clipPath, visibility, display } = styleOf(each);
      if (clipPath.startsWith('inset(50') || visibility === 'hidden' || display === 'none') return true;
    }
    return element.closest('[aria-hidden=true], [inert]') !== null;
  };
  const nameOf = (element) => element.tagName.toLowerCase() + ' "' + (element.getAttribute('aria-label') ?? element.textContent ?? '').replace(/\\s+/g, ' ').trim().slice(0, 60) + '"';
  const cut = [];
  for (const element of document.querySelectorAll(CONTROLS)) {
    const { left, right, width, height } = element.getBoundingClientRect();
    if (width < 2 || height < 2 || isHiddenOnPurpose(element)) continue;
    let [from, to] = [0, innerWidth];
    let isReachable = false;
    for (let each = element.parentElement; each !== null && each.id !== 'page' && each !== document.body; each = each.parentElement) {
      if (scrolls(each) && each.tagName !== 'NAV') { isReachable = true; break; }
      if (clips(each)) {
        const box = each.getBoundingClientRect();
        [from, to] = [Math.max(from, box.left), Math.min(to, box.right)];
      }
    }
    if (!isReachable && (left < from - SLACK || right > to + SLACK)) cut.push(nameOf(element) + ' from ' + Math.round(left) + ' to ' + Math.round(right) + ' of ' + Math.round(to));
    // Words that run over the edge of their button.
    else if (element.matches('button, a.button') && element.scrollWidth > element.clientWidth + 2) cut.push('the words of ' + nameOf(element));
  }
  const main = document.getElementById('page');
  const wider = Math.max(0, document.scrollingElement.scrollWidth - innerWidth, main.scrollWidth - main.clientWidth);
  return { wider, cut };
})()`;
