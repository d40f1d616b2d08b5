import type { Locator, Page } from 'playwright-core';

/** Playground: one prompt, continued by several models beside each other. */
export class PlaygroundPage {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  get prompt(): Locator {
    return this.page.getByLabel('Prompt', { exact: true });
  }

  get tokens(): Locator {
    return this.page.getByLabel('Tokens', { exact: true });
  }

  get askAll(): Locator {
    return this.page.getByRole('button', { name: 'Ask all' });
  }

  voice(letter: 'A' | 'B'): Locator {
    return this.page.getByRole('region', { name: `Voice ${letter}` });
  }

  answer(letter: 'A' | 'B'): Locator {
    return this.page.getByRole('group', { name: `Answer of voice ${letter}` });
  }

  /** Why the token that was chosen came. */
  get detail(): Locator {
    return this.page.getByRole('region', { name: 'The chosen token' });
  }
}
