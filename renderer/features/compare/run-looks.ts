import { createContext } from 'svelte';
import { assignLooks, type RunLook } from './run-look.ts';

/** Remembers how runs are drawn, so that one keeps its colour while others come and go. */
export class RunLooks {
  readonly #given = new Map<string, number>();

  of(runs: readonly string[]): Map<string, RunLook> {
    return assignLooks(runs, this.#given);
  }
}

export const [getLooks, setLooks] = createContext<RunLooks>();
