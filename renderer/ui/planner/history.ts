/** More steps back than anybody counts. */
const MOST_STEPS = 200;

/** States that were left, to go back to, and those that were gone back from. A value: each step makes a new one. */
export interface History<State> {
  readonly past: readonly State[];
  readonly future: readonly State[];
  /** What the last change was of: more of the same is one step. */
  readonly kind: string | null;
}

export const EMPTY_HISTORY: History<never> = { past: [], future: [], kind: null };

/**
 * A change is about to be made.
 * @param present the state before it.
 * @param kind changes of one kind that follow each other are one step, such as the digits of a number; null: a step of its own.
 */
export function remember<State>(history: History<State>, present: State, kind: string | null = null): History<State> {
  if (kind !== null && kind === history.kind) return { ...history, future: [] };
  return { past: [...history.past, present].slice(-MOST_STEPS), future: [], kind };
}

/** @returns null when there is nothing to go back to. */
export function undo<State>({ past, future }: History<State>, present: State): { history: History<State>; state: State } | null {
  if (past.length === 0) return null;
  return { history: { past: past.slice(0, -1), future: [present, ...future], kind: null }, state: past.at(-1)! };
}

/** @returns null when nothing was gone back from. */
export function redo<State>({ past, future }: History<State>, present: State): { history: History<State>; state: State } | null {
  if (future.length === 0) return null;
  return { history: { past: [...past, present], future: future.slice(1), kind: null }, state: future[0]! };
}
