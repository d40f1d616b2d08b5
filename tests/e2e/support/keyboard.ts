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
  isSeen: boolean;
}

/** The outline is the element's own, or, of a control that lies invisible over its label, the label's; a drawing has a line of that colour. */
const FOCUS = `(() => {
  const element = document.activeElement;
  const isLost = element === null || element === document.body || element === document.documentElement;
  const what = isLost ? 'nothing' : element.tagName.toLowerCase() + ' "' + (element.getAttribute('aria-label') ?? element.textContent ?? '').trim().slice(0, 60) + '"';
  const outlined = (each) => {
    const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(each);
    return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 && !/, 0\\)$/.test(outlineColor) && outlineColor !== 'transparent';
  };
  const focusColour = () => {
    const probe = document.body.appendChild(document.createElement('i'));
    probe.style.color = 'var(--focus)';
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  };
  const drawn = element instanceof SVGElement ? [...element.querySelectorAll('*')].filter((each) => getComputedStyle(each).stroke === focusColour()) : [];
  const places = isLost ? [] : [element, element.closest('label')].filter((each) => each !== null && outlined(each)).concat(drawn);
  const isSeen = places.some((each) => {
    const { left, top, right, bottom, width, height } = each.getBoundingClientRect();
    return width > 0 && height > 0 && right > 0 && bottom > 0 && left < innerWidth && top < innerHeight;
  });
  return { what, isLost, isPage: element?.id === 'page', isSeen };
})()`;

/** A person without a mouse: keys are all there is, and at every stop it must be seen where the focus is. */
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

  /** The focus is somewhere, and it is seen where. @returns what has it */
  async expectFocus(): Promise<string> {
    const focus = await this.#page.evaluate<Focus>(FOCUS);
    this.stops++;
    expect(focus, `the focus on ${this.#page.url()}, stop ${this.stops}`).toMatchObject({ isLost: false });
    if (!focus.isPage) expect(focus, `the focus on ${this.#page.url()}, stop ${this.stops}`).toMatchObject({ isSeen: true });
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
