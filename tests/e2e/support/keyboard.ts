import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';

/** More stops than any page has on the way to what is looked for. */
const MOST_STOPS = 150;

/** Where the focus is, and how that can be seen. */
interface Focus {
  /** What has it, in words for a message. */
  what: string;
  isLost: boolean;
  /** The page's own frame, which is gone to when a page opens: the next Tab goes into it. */
  isPage: boolean;
  /** It, or a part of it, lies in the window, and nothing over it. */
  isInView: boolean;
  /** In each theme, the contrast between the line around it and what that line is drawn on: 0 where there is no line. */
  contrast: { light: number; dark: number };
}

/** WCAG 1.4.11, and 2.4.13 for the focus: a line of 2 px that stands out from its ground by so much. */
const LEAST_CONTRAST = 3;

/**
 * The outline is the element's own, or, of a control that lies invisible over its label, the label's; a drawing has a line of that colour. A
 * theme is nothing but other values of the colours in the styles, so that both are looked at without a picture between them. Colours are read
 * as a canvas paints them, one over the other, whatever they are written as.
 */
const FOCUS = `(() => {
  const element = document.activeElement;
  const isLost = element === null || element === document.body || element === document.documentElement;
  const what = isLost ? 'nothing' : element.tagName.toLowerCase() + ' "' + (element.getAttribute('aria-label') ?? element.textContent ?? '').trim().slice(0, 60) + '"';
  const isPage = element?.id === 'page';
  if (isLost || isPage) return { what, isLost, isPage, isInView: isPage, contrast: { light: 0, dark: 0 } };

  const isOutlined = (each) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(each);
    return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
  };
  const focusColour = () => {
    const probe = document.body.appendChild(document.createElement('i'));
    probe.style.color = 'var(--focus)';
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  };
  const brush = (globalThis.focusBrush ??= document.createElement('canvas').getContext('2d', { willReadFrequently: true }));
  const luminanceOf = (colours) => {
    brush.clearRect(0, 0, 1, 1);
    for (const colour of colours) {
      brush.fillStyle = colour;
      brush.fillRect(0, 0, 1, 1);
    }
    const [r, g, b] = [...brush.getImageData(0, 0, 1, 1).data].map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const groundsOf = (each) => {
    const grounds = [];
    for (let at = each; at !== null; at = at.parentElement) grounds.unshift(getComputedStyle(at).backgroundColor);
    return grounds;
  };
  const contrastOf = (line, grounds) => {
    const [a, b] = [luminanceOf([...grounds, line]), luminanceOf(grounds)];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const contrasts = () => {
    const outlines = [element, element.closest('label')].filter((each) => each !== null && isOutlined(each)).map((each) => {
      const { outlineColor, outlineOffset } = getComputedStyle(each);
      return contrastOf(outlineColor, groundsOf(parseFloat(outlineOffset) < 0 ? each : each.parentElement)); // drawn around it or in it
    });
    const focus = focusColour();
    const lines = element instanceof SVGElement ? [...element.querySelectorAll('*')].filter((each) => getComputedStyle(each).stroke === focus) : [];
    return Math.max(0, ...outlines, ...lines.map(() => contrastOf(focus, groundsOf(element))));
  };
  const root = document.documentElement;
  const shown = root.dataset.theme;
  const contrast = {};
  for (const theme of ['light', 'dark']) {
    root.dataset.theme = theme;
    contrast[theme] = Math.round(contrasts() * 100) / 100;
  }
  root.dataset.theme = shown;

  const isInView = [element, element.closest('label')].some((each) => {
    if (each === null) return false;
    const { left, top, right, bottom } = each.getBoundingClientRect();
    const [from, to] = [Math.max(left, 0), Math.min(right, innerWidth)];
    const [above, below] = [Math.max(top, 0), Math.min(bottom, innerHeight)];
    if (from >= to || above >= below) return false;
    return [[(from + to) / 2, (above + below) / 2], [from + 1, above + 1], [to - 1, below - 1], [from + 3, (above + below) / 2]].some(([x, y]) => {
      const hit = document.elementFromPoint(x, y);
      return hit !== null && (each.contains(hit) || hit.contains(each));
    });
  });
  return { what, isLost, isPage, isInView, contrast };
})()`;

/** A person without a mouse: keys are all there is, and at every stop it must be seen, in both themes, where the focus is. */
export class Keyboard {
  readonly #page: Page;
  /** Every stop so far. */
  stops = 0;

  constructor(page: Page) {
    this.#page = page;
  }

  async press(...keys: string[]): Promise<void> {
    for (const key of keys) await this.#page.keyboard.press(key);
  }

  /** Types in place of what stands in the field. */
  async write(text: string): Promise<void> {
    await this.press('ControlOrMeta+a');
    await this.#page.keyboard.type(text);
  }

  /** Goes from stop to stop until that one has the focus; each stop on the way must show it. */
  async goTo(target: Locator, by: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
    await target.waitFor({ state: 'attached' });
    const passed: string[] = [];
    for (let stop = 0; stop < MOST_STOPS; stop++) {
      if (await this.#has(target)) return;
      await this.press(by);
      passed.push(await this.expectFocus());
    }
    throw new Error(`${target.toString()} is not reached by ${by}. Passed: ${passed.join(', ')}.`);
  }

  /** Goes there and presses Enter. */
  async enter(target: Locator, by?: 'Tab' | 'Shift+Tab'): Promise<void> {
    await this.goTo(target, by);
    await this.press('Enter');
  }

  /** The focus is somewhere, and it is seen where, in both themes. @returns what has it */
  async expectFocus(): Promise<string> {
    const focus = await this.#page.evaluate<Focus>(FOCUS);
    this.stops++;
    const where = `the focus on ${this.#page.url()}, stop ${this.stops}: ${focus.what}`;
    expect(focus, where).toMatchObject({ isLost: false, isInView: true });
    if (focus.isPage) return focus.what;
    for (const theme of ['light', 'dark'] as const) {
      expect(focus.contrast[theme], `${where}, contrast of its line in the ${theme} theme`).toBeGreaterThanOrEqual(LEAST_CONTRAST);
    }
    return focus.what;
  }

  /** What was done has taken what had the focus: it is somewhere sensible soon, not nowhere. */
  async expectKept(): Promise<void> {
    await expect
      .poll(() => this.#page.evaluate<Focus>(FOCUS).then(({ isLost }) => isLost), { message: 'the focus is lost', timeout: 2000 })
      .toBe(false);
  }

  async #has(target: Locator): Promise<boolean> {
    return target.evaluate((element) => (element as unknown as { matches(selector: string): boolean }).matches(':focus'));
  }
}
