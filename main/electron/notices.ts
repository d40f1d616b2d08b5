import type * as Electron from 'electron';
import type { RunSummary } from '../../shared/domain/run.ts';

/** What the notification of a run's end says; null for an end that the person has just asked for. */
export function noticeOf({ name, status, gain, forgetting, error, stopReason }: EndedRun): { title: string; body: string } | null {
  if (status === 'done') return { title: `“${name}” is trained`, body: figures(gain, forgetting) };
  if (status === 'failed') return { title: `“${name}” has failed`, body: error?.message ?? '' };
  if (status === 'interrupted') return { title: `“${name}” was interrupted`, body: error?.message ?? 'It can go on from its last checkpoint.' };
  if (status === 'stopped' && stopReason) return { title: `“${name}” was ended early`, body: stopReason };
  return null;
}
export type EndedRun = Pick<RunSummary, 'id' | 'name' | 'status' | 'gain' | 'forgetting' | 'error' | 'stopReason'>;

function figures(gain: number | null, forgetting: number | null): string {
  const parts = [
    gain === null ? [] : `Gain ${gain.toFixed(3)}`,
    forgetting === null ? [] : `forgetting ${forgetting.toFixed(3)}`,
  ].flat();
  return parts.length === 0 ? 'It was not measured.' : `${parts.join(', ')} nats per token.`;
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
  show(notice: { title: string; body: string }, onClick: () => void): void {
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
