import { createContext } from 'svelte';
import type { ErrorRecord } from '../../shared/errors.ts';

/** How long a message with something to undo stays: long enough to read it and to reach for the button. */
const SHOWN_MS = 8000;

export interface Toast {
  id: number;
  text: string;
  action?: { label: string; run: () => void };
  /** What went wrong: such a message stays until it is closed. */
  problem?: Pick<ErrorRecord, 'message' | 'found' | 'allowed' | 'hint'>;
  /** Of a problem: it has been read out once, and is not again when it is opened again. */
  isOld?: boolean;
}

/** Short messages below the page about what was just done, with the way back. */
export class ToastsState {
  list = $state.raw<readonly Toast[]>([]);
  /** What went wrong is only counted, until somebody opens it again or something else goes wrong. */
  isFolded = $state(false);
  #next = 0;
  /** By id. */
  readonly #timers: Record<number, ReturnType<typeof setTimeout>> = {};

  /** @returns its id: what goes on for longer than a message stays is held, and closed when it is over. */
  show(text: string, action?: Toast['action']): number {
    const toast: Toast = { id: this.#next++, text, ...(action && { action }) };
    this.list = [...this.list, toast];
    this.goOn(toast.id);
    return toast.id;
  }

  /** Says what went wrong, until somebody has closed it: it may have to be read twice, or copied. */
  showProblem(text: string, problem: NonNullable<Toast['problem']>): void {
    this.isFolded = false;
    this.list = [...this.list, { id: this.#next++, text, problem }];
  }

  /** Leaves only their count of what went wrong: the person has gone on to something else. */
  fold(): void {
    this.isFolded = true;
    this.list = this.list.map((toast) => (toast.problem ? { ...toast, isOld: true } : toast));
  }

  unfold(): void {
    this.isFolded = false;
  }

  /** Keeps one while it is pointed at or has the focus. */
  hold(id: number): void {
    clearTimeout(this.#timers[id]);
  }

  goOn(id: number): void {
    this.hold(id);
    if (this.list.some((toast) => toast.id === id && toast.problem)) return;
    this.#timers[id] = setTimeout(() => this.close(id), SHOWN_MS);
  }

  close(id: number): void {
    this.hold(id);
    delete this.#timers[id];
    this.list = this.list.filter((toast) => toast.id !== id);
  }
}

export const [getToasts, setToasts] = createContext<ToastsState>();
