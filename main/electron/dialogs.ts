import { dirname, join } from 'node:path';
import type * as Electron from 'electron';
import type { HostedStudio } from './host-parts.ts';

/**
 * Native dialogs that let the person choose. Systems begin each in the folder of downloads: the one that was used last is kept here, for as
 * long as the program runs.
 */
export class Dialogs {
  readonly #dialog: Pick<Electron.Dialog, 'showOpenDialog' | 'showSaveDialog'>;
  readonly #window: () => Electron.BrowserWindow | null;
  readonly #grants: Pick<HostedStudio, 'grantPaths' | 'grantNew'>;
  #folder: string | null = null;

  /** @param grants told of every path that was chosen, before it is answered. */
  constructor(
    dialog: Pick<Electron.Dialog, 'showOpenDialog' | 'showSaveDialog'>,
    window: () => Electron.BrowserWindow | null,
    grants: Pick<HostedStudio, 'grantPaths' | 'grantNew'>,
  ) {
    this.#dialog = dialog;
    this.#window = window;
    this.#grants = grants;
  }

  /** Files or a folder that are there; none when it was cancelled. */
  async pick(wanted: 'files' | 'folder' | 'files-or-folder'): Promise<string[]> {
    const window = this.#window();
    if (!window) return [];
    const properties: Electron.OpenDialogOptions['properties'] =
      wanted === 'folder' ? ['openDirectory', 'createDirectory'] : ['openFile', 'multiSelections'];
    if (wanted === 'files-or-folder') properties.push('openDirectory'); // macOS offers both at once, others the folder
    const { canceled, filePaths } = await this.#dialog.showOpenDialog(window, { properties, ...this.#start() });
    if (canceled || filePaths.length === 0) return [];
    this.#folder = wanted === 'folder' ? filePaths[0]! : dirname(filePaths[0]!);
    await this.#grants.grantPaths(filePaths);
    return filePaths;
  }

  /** Where something is to be written; null when it was cancelled. @param suggested a name, of which no folder is taken. */
  async pickSave(suggested: string): Promise<string | null> {
    const window = this.#window();
    if (!window) return null;
    const name = plainName(suggested);
    const { canceled, filePath } = await this.#dialog.showSaveDialog(window, {
      defaultPath: this.#folder === null ? name : join(this.#folder, name),
      properties: ['createDirectory', 'showOverwriteConfirmation'],
    });
    if (canceled || !filePath) return null;
    this.#folder = dirname(filePath);
    await this.#grants.grantNew(filePath);
    return filePath;
  }

  #start(): { defaultPath?: string } {
    return this.#folder === null ? {} : { defaultPath: this.#folder };
  }
}

/** A name alone: what a page suggests names no folder, and nothing hidden. */
export function plainName(suggested: string): string {
  // eslint-disable-next-line no-control-regex -- a name with control characters in it is none
  const name = suggested.replace(/[/\\:*?"<>|\u0000-\u001f]+/g, '-').replace(/^[.\s-]+/, '');
  return name.slice(0, 120) || 'strata';
}
