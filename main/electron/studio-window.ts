import type * as Electron from 'electron';
import type { Words } from '../../shared/words/words.ts';
import type { JsonFile } from './json-file.ts';
import { APP_URL } from './protocol.ts';
import { windowOptions } from './security.ts';
import { placeWindow, rememberWindow, type WindowState } from './window-state.ts';

type WindowParts = Pick<typeof Electron, 'BrowserWindow' | 'dialog' | 'screen'>;

interface WindowOptions {
  preloadPath: string;
  place: JsonFile<WindowState>;
  zoom(): number;
  say(): Words;
  log(message: string): void;
  /** Asked before the window closes; to keep it, the event is prevented. */
  onClose(event: Electron.Event): void;
  onOpened(): void;
  onClosed(): void;
  /** Windows ends the person's session. */
  onSessionEnd(): void;
  /** The page is loaded, or loaded again: it does not listen yet. */
  onLoading(): void;
  /** The page's process has ended unexpectedly. */
  onPageDied(details: Electron.RenderProcessGoneDetails): void;
}

/** A page that dies again so soon is not simply loaded again: it would go on for ever. */
const SOON_MS = 60_000;

/** The one window of the studio: made, found again, brought to the front. */
export class StudioWindow {
  readonly #electron: WindowParts;
  readonly #options: WindowOptions;
  #window: Electron.BrowserWindow | null = null;
  #diedAt = -Infinity;

  constructor(electron: WindowParts, options: WindowOptions) {
    this.#electron = electron;
    this.#options = options;
  }

  /** Null while there is none. */
  get current(): Electron.BrowserWindow | null {
    return this.#window;
  }

  /** Whether the person is looking at it. */
  get isLookedAt(): boolean {
    return this.#window !== null && this.#window.isVisible() && this.#window.isFocused();
  }

  /** Opens the window, or brings the one there is to the front. */
  show(): void {
    const window = this.#window;
    if (!window) return this.#open();
    if (window.isMinimized()) window.restore();
    window.show();
    window.focus();
    this.#options.onOpened();
  }

  hide(): void {
    this.#window?.hide();
  }

  setZoom(factor: number): void {
    this.#window?.webContents.setZoomFactor(factor);
  }

  #open(): void {
    const { BrowserWindow, screen } = this.#electron;
    const { preloadPath, place, zoom, log } = this.#options;
    const saved = place.read();
    const main = screen.getPrimaryDisplay().workArea;
    const others = screen.getAllDisplays().map(({ workArea }) => workArea);
    const window = new BrowserWindow({ ...windowOptions(preloadPath), ...placeWindow(saved, [main, ...others]) });
    this.#window = window;
    if (saved?.isMaximized) window.maximize();
    if (saved?.isFullScreen) window.setFullScreen(true);
    window.once('ready-to-show', () => window.show());
    rememberWindow(window, (state) => place.write(state));
    window.on('close', (event) => this.#options.onClose(event));
    window.on('closed', () => {
      this.#window = null;
      this.#options.onClosed();
    });
    window.on('session-end', () => this.#options.onSessionEnd());
    const { webContents } = window;
    webContents.on('did-start-loading', () => this.#options.onLoading());
    webContents.on('did-finish-load', () => webContents.setZoomFactor(zoom()));
    webContents.on('render-process-gone', (_event, details) => {
      if (details.reason === 'clean-exit' || window.isDestroyed()) return;
      this.#options.onPageDied(details);
      void this.#loadAgain(window);
    });
    window.loadURL(APP_URL).catch((error: unknown) => log(`the page did not load: ${String(error)}`));
    this.#options.onOpened();
  }

  /** At once where that may help, else when the person says so. */
  async #loadAgain(window: Electron.BrowserWindow): Promise<void> {
    const isAgain = performance.now() - this.#diedAt < SOON_MS;
    this.#diedAt = performance.now();
    if (isAgain) {
      const say = this.#options.say();
      const { response } = await this.#electron.dialog.showMessageBox(window, {
        type: 'error',
        message: say('desktop.pageDied'),
        detail: say('desktop.pageDiedNote'),
        buttons: [say('desktop.loadAgain'), say('desktop.closeWindow')],
        defaultId: 0,
        cancelId: 1,
        noLink: true,
      });
      if (response !== 0) return window.destroy();
    }
    if (!window.isDestroyed()) window.reload();
  }
}
