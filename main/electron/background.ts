import type * as Electron from 'electron';
import type { Words } from '../../shared/words/words.ts';
import type { Activity } from '../studio/activity.ts';

type TrayParts = Pick<typeof Electron, 'Tray' | 'Menu' | 'nativeImage'>;

interface BackgroundOptions {
  iconPath: string;
  platform: NodeJS.Platform;
  say(): Words;
  open(): void;
  quit(): void;
}

/**
 * The program without its window: on Windows and Linux a picture in the tray brings it back or ends it; on macOS the dock does. It is there
 * only as long as the window is not.
 */
export class Background {
  readonly #electron: TrayParts;
  readonly #options: BackgroundOptions;
  #tray: Electron.Tray | null = null;
  #words = '';

  constructor(electron: TrayParts, options: BackgroundOptions) {
    this.#electron = electron;
    this.#options = options;
  }

  /** The window is gone. */
  enter(activity: Activity): void {
    if (this.#options.platform === 'darwin') return;
    if (!this.#tray) {
      const { Tray, nativeImage } = this.#electron;
      this.#tray = new Tray(nativeImage.createFromPath(this.#options.iconPath));
      this.#tray.on('click', () => this.#options.open());
      this.#words = '';
    }
    this.show(activity);
  }

  /** Says what goes on. */
  show(activity: Activity): void {
    const { say, open, quit } = this.#options;
    const words = wordsOf(activity, say());
    if (!this.#tray || words === this.#words) return;
    this.#words = words;
    const { Menu } = this.#electron;
    this.#tray.setToolTip(`Strata: ${words}`);
    this.#tray.setContextMenu(
      Menu.buildFromTemplate([
        { label: say()('desktop.openStrata'), click: open },
        { label: words, enabled: false },
        { type: 'separator' },
        { label: say()('desktop.quitStrata'), click: quit },
      ]),
    );
  }

  /** The window is there again. */
  leave(): void {
    this.#tray?.destroy();
    this.#tray = null;
  }
}

/** In whole percents: a menu that is made anew at each step would close under the pointer. */
function wordsOf({ training, waiting }: Activity, say: Words): string {
  if (!training) return waiting > 0 ? say('desktop.runsWait') : say('desktop.nothingTrains');
  const percent = Math.floor((100 * training.step) / Math.max(training.steps, 1));
  return say('desktop.progress', { run: training.name, percent });
}
