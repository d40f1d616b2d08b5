import type { BrowserWindow, PowerSaveBlocker } from 'electron';
import type { Activity } from '../studio/activity.ts';

/**
 * Progress on the taskbar or dock, and a machine that stays awake, for as long as something goes on: the training that the studio tells of,
 * whichever page is open or none, and what a page itself waits for.
 */
export class Taskbar {
  readonly #blocker: Pick<PowerSaveBlocker, 'start' | 'stop'>;
  readonly #window: () => Pick<BrowserWindow, 'setProgressBar' | 'isDestroyed'> | null;
  #blocking: number | null = null;
  #training: number | null = null;
  #page: number | null = null;

  constructor(
    blocker: Pick<PowerSaveBlocker, 'start' | 'stop'>,
    window: () => Pick<BrowserWindow, 'setProgressBar' | 'isDestroyed'> | null,
  ) {
    this.#blocker = blocker;
    this.#window = window;
  }

  /** What trains. A run that another program trains keeps that one's machine awake: it may be another machine's disk that we look at. */
  showTraining({ training }: Pick<Activity, 'training'>): void {
    this.#training = training?.isOurs ? training.step / Math.max(training.steps, 1) : null;
    this.show();
  }

  /** What a page waits for; anything but a fraction ends it. */
  showPage(fraction: unknown): void {
    this.#page = typeof fraction === 'number' && fraction >= 0 && fraction <= 1 ? fraction : null;
    this.show();
  }

  /** Again, for a window that is new. */
  show(): void {
    const fraction = this.#training ?? this.#page;
    const window = this.#window();
    if (window && !window.isDestroyed()) window.setProgressBar(fraction ?? -1);
    if (fraction !== null) this.#blocking ??= this.#blocker.start('prevent-app-suspension');
    else if (this.#blocking !== null) {
      this.#blocker.stop(this.#blocking);
      this.#blocking = null;
    }
  }
}
