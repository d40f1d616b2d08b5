import type { Locator, Page } from 'playwright-core';

/** One run: how far it is, what it brought, and what can be done with it. */
export class RunPage {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  status(status: 'done' | 'paused' | 'interrupted'): Locator {
    return this.page.getByText(status, { exact: true });
  }

  /** How far it is, as in "step 12 of 90". */
  get progress(): Locator {
    return this.page.getByText(/^step [\d,]+ of/);
  }

  /** The step that the page shows. */
  async step(): Promise<number> {
    return Number(/^step ([\d,]+) of/.exec((await this.progress.textContent()) ?? '')![1]!.replace(',', ''));
  }

  get pause(): Locator {
    return this.page.getByRole('button', { name: 'Pause' });
  }

  get resume(): Locator {
    return this.page.getByRole('button', { name: 'Resume', exact: true });
  }

  get results(): Locator {
    return this.page.getByRole('region', { name: 'Results' });
  }

  get playground(): Locator {
    return this.page.getByRole('main').getByRole('link', { name: 'Playground' });
  }

  get export(): Locator {
    return this.page.getByRole('button', { name: 'Export the model' });
  }
}
