import type * as Electron from 'electron';
import type { HostSettings } from '../../shared/contract/host-settings.ts';
import type { Activity } from '../studio/activity.ts';

/** What becomes of closing the window, or of quitting: go on without a window, end with what trains saved, or nothing. */
export type ClosingDecision = 'background' | 'stop' | 'cancel';

interface ClosingParts {
  dialog: Pick<Electron.Dialog, 'showMessageBox'>;
  settings(): Pick<HostSettings, 'closing'>;
  /** Remembers what was chosen, where the person asked for that. */
  remember(closing: 'background' | 'stop'): void;
}

/** Buttons of the question, in their order; the last one is Escape. */
const BUTTONS = ['Continue in the background', 'Stop with a checkpoint', 'Cancel'] as const;
const DECISIONS: readonly ClosingDecision[] = ['background', 'stop', 'cancel'];

/** The question that is asked when something trains and the person closes the window or quits. */
export class Closing {
  readonly #parts: ClosingParts;
  #asking: Promise<ClosingDecision> | null = null;

  constructor(parts: ClosingParts) {
    this.#parts = parts;
  }

  /** Asks, unless the person has said what is always to be done. Whoever asks meanwhile gets the answer to the question that is open. */
  decide(window: Electron.BrowserWindow | null, activity: Activity): Promise<ClosingDecision> {
    const { closing } = this.#parts.settings();
    if (closing !== 'ask') return Promise.resolve(closing);
    this.#asking ??= this.#ask(window, activity).finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #ask(window: Electron.BrowserWindow | null, activity: Activity): Promise<ClosingDecision> {
    const options: Electron.MessageBoxOptions = {
      type: 'question',
      message: messageOf(activity),
      detail: 'Stopped with a checkpoint, a run can go on from there at any time.',
      buttons: [...BUTTONS],
      defaultId: 0,
      cancelId: BUTTONS.length - 1,
      noLink: true,
      checkboxLabel: 'Do not ask again',
    };
    const { dialog } = this.#parts;
    const { response, checkboxChecked } = await (window ? dialog.showMessageBox(window, options) : dialog.showMessageBox(options));
    const decision = DECISIONS[response] ?? 'cancel';
    if (checkboxChecked && decision !== 'cancel') this.#parts.remember(decision);
    return decision;
  }
}

/** Whether closing would end something: a run that this program trains, or runs that it would train next. */
export function isAtWork({ training, waiting }: Activity): boolean {
  return training ? training.isOurs : waiting > 0;
}

function messageOf({ training, waiting }: Activity): string {
  const others = waiting === 0 ? '' : ` ${waiting === 1 ? 'One run waits' : `${waiting} runs wait`} in the queue.`;
  if (!training) return others.trim();
  return `“${training.name}” is training: step ${training.step} of ${training.steps}.${others}`;
}
