import type * as Electron from 'electron';
import type { HostSettings } from '../../shared/contract/host-settings.ts';
import type { Words } from '../../shared/words/words.ts';
import type { Activity } from '../studio/activity.ts';

/** What becomes of closing the window, or of quitting: go on without a window, end with what trains saved, or nothing. */
export type ClosingDecision = 'background' | 'stop' | 'cancel';

interface ClosingParts {
  dialog: Pick<Electron.Dialog, 'showMessageBox'>;
  settings(): Pick<HostSettings, 'closing'>;
  say(): Words;
  /** Remembers what was chosen, where the person asked for that. */
  remember(closing: 'background' | 'stop'): void;
}

/** What the buttons of the question mean, in their order; the last one is Escape. */
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
    const { dialog } = this.#parts;
    const say = this.#parts.say();
    const options: Electron.MessageBoxOptions = {
      type: 'question',
      message: messageOf(activity, say),
      detail: say('desktop.closingNote'),
      buttons: [say('desktop.goOn'), say('desktop.stop'), say('desktop.cancel')],
      defaultId: 0,
      cancelId: DECISIONS.indexOf('cancel'),
      noLink: true,
      checkboxLabel: say('desktop.doNotAsk'),
    };
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

function messageOf({ training, waiting }: Activity, say: Words): string {
  if (!training) return say('desktop.waiting', { count: waiting });
  const { name: run, step, steps } = training;
  return waiting === 0
    ? say('desktop.training', { run, step, steps })
    : say('desktop.trainingAndWaiting', { run, step, steps, count: waiting });
}
