import type { Locator, Page } from 'playwright-core';

/** Pages of the navigation, by the names that a person reads. */
export type PageName = 'Home' | 'Datasets' | 'Models' | 'Train' | 'Runs' | 'Compare' | 'Suites' | 'Playground';

/** The frame around all pages: where one is, where one can go, and the theme. */
export class Shell {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  get navigation(): Locator {
    return this.page.getByRole('navigation', { name: 'Pages' });
  }

  /** The folder of the workspace, below the pages. */
  get workspace(): Locator {
    return this.page.locator('nav p.home'); // in any language
  }

  get toLight(): Locator {
    return this.navigation.getByRole('button', { name: 'Use the light theme' });
  }

  get toDark(): Locator {
    return this.navigation.getByRole('button', { name: 'Use the dark theme' });
  }

  link(name: PageName): Locator {
    // The names of these say too whether something goes on there.
    return this.navigation.getByRole('link', { name, exact: !['Runs', 'Datasets', 'Suites'].includes(name) });
  }

  heading(name: string): Locator {
    return this.page.getByRole('heading', { level: 1, name });
  }
}
