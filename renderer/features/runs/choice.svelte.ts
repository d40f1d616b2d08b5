import { createContext } from 'svelte';
import { chosenAfter } from './choice.ts';

/** The runs that are ticked, over all pages of the list and while other pages of the studio are looked at. In the order of ticking. */
export class ChoiceState {
  ids = $state.raw<readonly string[]>([]);
  /** The box that was clicked last. */
  #anchor: string | null = null;

  has(id: string): boolean {
    return this.ids.includes(id);
  }

  click(id: string, isChosen: boolean, withShift: boolean, shown: readonly string[]): void {
    this.ids = chosenAfter(this.ids, { id, isChosen, withShift }, shown, this.#anchor);
    this.#anchor = id;
  }

  /** Ticks all that are shown, or none of them. */
  setAll(shown: readonly string[], isChosen: boolean): void {
    const others = this.ids.filter((id) => !shown.includes(id));
    this.ids = isChosen ? [...others, ...shown] : others;
    this.#anchor = null;
  }

  /** Those that are gone from the list are no longer chosen. */
  drop(ids: readonly string[]): void {
    this.ids = this.ids.filter((id) => !ids.includes(id));
  }

  clear(): void {
    this.ids = [];
    this.#anchor = null;
  }
}

export const [getChoice, setChoice] = createContext<ChoiceState>();
