import type { Locator, Page } from 'playwright-core';

/** Train: what is learned and kept, where new blocks go, and what it will cost. */
export class TrainPage {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  role(dataset: string, role: 'New' | 'Old' | 'Not used'): Locator {
    return this.page.getByRole('group', { name: `Role of ${dataset}` }).getByRole('radio', { name: role, exact: true });
  }

  get steps(): Locator {
    return this.page.getByRole('spinbutton', { name: /^Steps/ });
  }

  get name(): Locator {
    return this.page.getByLabel('Name (optional)');
  }

  /** The model drawn as layers. */
  get plan(): Locator {
    return this.page.getByRole('list', { name: 'Blocks of the model, from the top' });
  }

  gap(after: number): Locator {
    return this.plan.getByRole('button', { name: `Insert a copy after block ${after}` });
  }

  get newBlocks(): Locator {
    return this.plan.getByText(/^new, copy of/);
  }

  /** What the picture says it did. */
  get said(): Locator {
    return this.page.getByRole('group', { name: 'The model as it will be trained' }).getByRole('status');
  }

  get budget(): Locator {
    return this.page.getByRole('complementary', { name: 'Budget' });
  }

  get start(): Locator {
    return this.page.getByRole('button', { name: 'Expand and train' });
  }
}
