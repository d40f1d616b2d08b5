import type { Locator, Page } from 'playwright-core';

/** The list of runs, from which some are ticked, and their comparison. */
export class ComparePage {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  tick(run: string): Locator {
    return this.page.getByRole('checkbox', { name: `Tick ${run}`, exact: true });
  }

  /** Goes on to the comparison of what is ticked. */
  get compareTicked(): Locator {
    return this.page.getByRole('group', { name: 'Ticked runs' }).getByRole('link', { name: 'Compare' });
  }

  get differences(): Locator {
    return this.page.getByRole('region', { name: 'Differences' });
  }
}
