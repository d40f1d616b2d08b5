import type * as Electron from 'electron';
import type { RunSummary } from '../../shared/domain/run.ts';
import type { Words } from '../../shared/words/words.ts';

export type EndedRun = Pick<RunSummary, 'id' | 'name' | 'status' | 'gain' | 'forgetting' | 'error' | 'stopReason'>;

/** What the notification of a run's end says; null for an end that the person has just asked for. */
export function noticeOf({ name: run, status, gain, forgetting, error, stopReason }: EndedRun, say: Words): Notice | null {
  if (status === 'done') return { title: say('desktop.runDone', { run }), body: figures(gain, forgetting, say) };
  if (status === 'failed') return { title: say('desktop.runFailed', { run }), body: error?.message ?? '' };
  if (status === 'interrupted') return { title: say('desktop.runInterrupted', { run }), body: error?.message ?? say('desktop.canGoOn') };
  if (status === 'stopped' && stopReason) return { title: say('desktop.runEnded', { run }), body: stopReason };
  return null;
}
interface Notice {
  title: string;
  body: string;
}

function figures(gain: number | null, forgetting: number | null, say: Words): string {
  if (gain === null) return say('desktop.notMeasured');
  if (forgetting === null) return say('desktop.gain', { gain: gain.toFixed(3) });
  return say('desktop.gainAndForgetting', { gain: gain.toFixed(3), forgetting: forgetting.toFixed(3) });
}

/** Notifications of the system, where it has any and the person wants them. */
export class Notices {
  readonly #Notification: typeof Electron.Notification;
  readonly #isWanted: () => boolean;
  /** Kept until they are gone: one that is forgotten cannot be clicked. */
  readonly #shown = new Set<Electron.Notification>();

  constructor(Notification: typeof Electron.Notification, isWanted: () => boolean) {
    this.#Notification = Notification;
    this.#isWanted = isWanted;
  }

  /** @param onClick brings up what it is about. */
  show(notice: Notice, onClick: () => void): void {
    if (!this.#isWanted() || !this.#Notification.isSupported()) return;
    const notification = new this.#Notification(notice);
    const forget = (): void => void this.#shown.delete(notification);
    this.#shown.add(notification);
    notification.on('click', () => {
      forget();
      onClick();
    });
    notification.on('close', forget);
    notification.on('failed', forget);
    notification.show();
  }
}
