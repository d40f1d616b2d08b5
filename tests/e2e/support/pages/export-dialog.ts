import type { Locator, Page } from 'playwright-core';

/** The dialog that writes a model for other programs. */
export class ExportDialog {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  /** The dialog itself, of that model. */
  of(model: string | RegExp): Locator {
    return this.page.getByRole('dialog', { name: typeof model === 'string' ? `Export ${model}` : model, exact: true });
  }

  format(name: RegExp): Locator {
    return this.page.getByRole('radio', { name });
  }

  get elementType(): Locator {
    return this.page.getByLabel('Element type');
  }

  get weightFiles(): Locator {
    return this.page.getByLabel('Weight files');
  }

  get largestFile(): Locator {
    return this.page.getByLabel('At most each');
  }

  /** Where it is written: a folder, or a file for GGUF. */
  get place(): Locator {
    return this.page.getByLabel(/^(Folder|File) to write/);
  }

  get export(): Locator {
    return this.page.getByRole('button', { name: 'Export', exact: true });
  }

  get cancel(): Locator {
    return this.page.getByRole('button', { name: 'Cancel the export' });
  }

  get close(): Locator {
    return this.page.getByRole('button', { name: 'Close', exact: true });
  }

  get written(): Locator {
    return this.page.getByText('Written and verified');
  }

  get refusal(): Locator {
    return this.page.getByRole('alert');
  }
}
