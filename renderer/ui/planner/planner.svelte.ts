import { tick } from 'svelte';
import { words } from '../../../shared/words/words.ts';
import { actionOf, type PlannerAction } from './keys.ts';
import type { Layer } from './layers.ts';
import { gapKey, pictureRows } from './rows.ts';

/** What may be done to a plan; the picture says when. */
export interface PlanEdits {
  insert(after: number): void;
  remove(planIndex: number): void;
  move(planIndex: number, after: number): void;
}

export interface PlanSteps {
  readonly canUndo: boolean;
  readonly canRedo: boolean;
  /** @returns whether there was a step to take back, or to do again. */
  undo(): boolean;
  redo(): boolean;
}

/** What the picture is made from; asked anew at each use. */
export interface PlannerParts {
  /** The topmost first. */
  layers(): readonly Layer[];
  /** Blocks of the base. */
  blocks(): number;
  edits(): PlanEdits | undefined;
  toggle(): ((block: number) => void) | undefined;
  steps(): PlanSteps;
  /** The element with everything that has a `data-item`. */
  root(): HTMLElement | undefined;
}

/**
 * Where the keyboard is in the picture of the model, and what its keys do there. Gaps and blocks are one list from the top, of which one is
 * reached by Tab and the others by arrows.
 */
export class PlannerKeys {
  readonly #parts: PlannerParts;
  /** The gap or block that was gone to last. */
  #active = $state('');
  /** What was done last, for whoever does not see it. */
  said = $state('');

  constructor(parts: PlannerParts) {
    this.#parts = parts;
  }

  /** Keys of gaps and blocks, from the top. */
  get #items(): string[] {
    return pictureRows(this.#parts.layers(), this.#parts.edits() !== undefined).map(({ key }) => key);
  }

  /** The one that Tab reaches; the topmost while none was gone to. */
  get active(): string {
    const items = this.#items;
    return items.includes(this.#active) ? this.#active : (items[0] ?? '');
  }

  set active(key: string) {
    this.#active = key;
  }

  /** The block that was gone to; none while that is a gap, or nothing. */
  get layer(): Layer | undefined {
    return this.#parts.layers().find(({ key }) => key === this.#active);
  }

  /** Where a copy goes that is not dragged anywhere: to the gap or block gone to, else on top. */
  get gap(): number {
    const [top] = this.#parts.layers();
    const after = this.#active.startsWith('gap:') ? Number(this.#active.slice(4)) : this.layer?.after;
    return after ?? top?.after ?? 0;
  }

  async #goTo(key: string | undefined): Promise<void> {
    if (key === undefined) return;
    this.#active = key;
    await tick();
    this.#parts.root()?.querySelector<HTMLElement>(`[data-item="${key}"]`)?.focus();
  }

  press(event: KeyboardEvent): void {
    const action = actionOf(event);
    if (!action || !this.#do(action)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @returns whether the key meant something here and now. */
  #do(action: PlannerAction): boolean {
    const items = this.#items;
    const index = items.indexOf(this.active);
    const { layer } = this;
    switch (action.name) {
      case 'go':
        void this.#goTo(items[Math.min(items.length - 1, Math.max(0, index + action.by))]);
        return true;
      case 'first':
        void this.#goTo(items[0]);
        return true;
      case 'last':
        void this.#goTo(items.at(-1));
        return true;
      case 'insert':
        if (!this.#parts.edits()) return false;
        this.insert(this.gap);
        return true;
      case 'remove':
        if (!layer || layer.planIndex === null) return false;
        this.remove(layer, true);
        return true;
      case 'move':
        if (!layer || layer.planIndex === null) return false;
        this.moveBy(layer, action.by, true);
        return true;
      case 'toggle':
        if (!layer || !this.#parts.toggle()) return false;
        this.toggle(layer);
        return true;
      case 'undo':
        this.undo();
        return true;
      case 'redo':
        this.redo();
        return true;
    }
  }

  insert(after: number): void {
    this.#parts.edits()?.insert(after);
    this.said = words('planner.inserted', { block: after, count: this.#inserted });
  }

  /** @param follows the focus goes to the gap that is left. */
  remove(layer: Layer, follows = false): void {
    if (layer.planIndex === null) return;
    this.#parts.edits()?.remove(layer.planIndex);
    this.said = words('planner.removed', { block: layer.after, count: this.#inserted });
    if (follows) void this.#goTo(gapKey(layer.after));
  }

  moveBy(layer: Layer, by: 1 | -1, follows = false): void {
    const to = layer.after + by;
    if (layer.planIndex !== null && to >= 0 && to < this.#parts.blocks()) this.move(layer.planIndex, layer.after, to, follows);
  }

  /** The block that was moved stays the one that is gone to. */
  move(planIndex: number, from: number, to: number, follows = false): void {
    if (from === to) return;
    this.#parts.edits()?.move(planIndex, to);
    this.said = words('planner.moved', { from, to });
    const moved = this.#parts.layers().find(({ after, planIndex: index }) => after === to && index !== null)?.key;
    if (follows) void this.#goTo(moved);
    else if (moved !== undefined) this.#active = moved;
  }

  toggle(layer: Layer): void {
    const wasTrained = layer.fate === 'trained';
    this.#parts.toggle()?.(layer.base);
    this.said = words(wasTrained ? 'planner.nowFrozen' : 'planner.nowTrained', { block: layer.position });
  }

  undo(): void {
    this.said = this.#parts.steps().undo() ? words('planner.undone', { state: this.#state }) : words('planner.nothingToUndo');
  }

  redo(): void {
    if (this.#parts.steps().redo()) this.said = words('planner.redone', { state: this.#state });
  }

  get #inserted(): number {
    return this.#parts.layers().filter(({ planIndex }) => planIndex !== null).length;
  }

  get #state(): string {
    if (this.#parts.edits()) return words('planner.state', { count: this.#inserted });
    return words('planner.stateTrained', { count: this.#parts.layers().filter(({ fate }) => fate === 'trained').length });
  }
}
