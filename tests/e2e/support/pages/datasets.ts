import type { Locator, Page } from 'playwright-core';

/** Datasets: what is imported, how, and what became of it. */
export class DatasetsPage {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  get chooseFiles(): Locator {
    return this.page.getByRole('button', { name: 'Choose files' });
  }

  /** Begins the import that is prepared. */
  get import(): Locator {
    return this.page.getByRole('button', { name: 'Import', exact: true });
  }

  /** An import that goes on or has ended. */
  card(name: string): Locator {
    return this.page.getByRole('list', { name: 'Imports' }).getByRole('region', { name, exact: true });
  }

  /** Whether what was imported is learned, kept or left out in the next run. */
  role(name: string, role: 'New' | 'Old' | 'Not used'): Locator {
    return this.card(name).getByRole('radio', { name: role, exact: true });
  }

  goOnToTrain(name: string): Locator {
    return this.card(name).getByRole('link', { name: 'Go on to Train' });
  }
}
