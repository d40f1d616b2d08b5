import type { ModelInfo } from '../../../shared/contract/models.ts';
import type { TrainRequest } from '../../../shared/contract/training.ts';
import type { Importance } from '../../../shared/domain/importance.ts';
import type { MethodName } from '../../../shared/domain/method.ts';
import { defaultBlockCount, type ExpansionPlan, MAX_INSERTED_BLOCKS, parsePlace, planExpansion } from '../../../shared/domain/plan.ts';
import { words } from '../../../shared/words/words.ts';
import { EMPTY_HISTORY, type History, redo, remember, undo } from '../../ui/planner/history.ts';
import { movedPlace, withoutPlace, withPlace } from '../../ui/planner/places.ts';
import { LoraState } from './lora.svelte.ts';

export type Placement = 'even' | 'top' | 'bottom' | 'least-important' | 'own';

/** What can be gone back to. */
interface PlanStep {
  method: MethodName;
  placement: Placement;
  blocks: number | null;
  ownPlaces: readonly number[];
  trainedBlocks: readonly number[] | null;
}

/** What is trained of the chosen model, and where new blocks go: as a person plans it, step by step, and back. */
export class PlanState {
  readonly #model: () => ModelInfo | undefined;
  readonly #importance: () => Importance | null;
  #method = $state<MethodName>('expand');
  #placement = $state<Placement>('even');
  /** Number of new blocks; null takes the default for the model. */
  #blocks = $state<number | null>(null);
  #ownPlaces = $state.raw<readonly number[]>([]);
  /** What a person types as positions, while it is none; null when the places are as they stand. */
  #typedPlaces = $state<string | null>(null);
  /** The base's own blocks that the method freeze trains; null: the default, the uppermost. */
  #trainedBlocks = $state.raw<readonly number[] | null>(null);
  #history = $state.raw<History<PlanStep>>(EMPTY_HISTORY);
  readonly lora = new LoraState();

  /** @param importance what the model's blocks matter, as far as it is known. */
  constructor(model: () => ModelInfo | undefined, importance: () => Importance | null) {
    this.#model = model;
    this.#importance = importance;
  }

  /** Another model was chosen: what belongs to blocks of the last one is forgotten, the method and its place stay. */
  reset(): void {
    this.#blocks = null;
    this.#ownPlaces = [];
    this.#typedPlaces = null;
    this.#trainedBlocks = null;
    if (this.#placement === 'own') this.#placement = 'even';
    this.forgetSteps();
  }

  /** What there is now is the beginning. */
  forgetSteps(): void {
    this.#history = EMPTY_HISTORY;
  }

  get #present(): PlanStep {
    return {
      method: this.#method,
      placement: this.#placement,
      blocks: this.#blocks,
      ownPlaces: this.#ownPlaces,
      trainedBlocks: this.#trainedBlocks,
    };
  }

  #change(to: Partial<PlanStep>, kind: string | null = null): void {
    this.#history = remember(this.#history, this.#present, kind);
    this.#become({ ...this.#present, ...to });
  }

  #become({ method, placement, blocks, ownPlaces, trainedBlocks }: PlanStep): void {
    this.#method = method;
    this.#placement = placement;
    this.#blocks = blocks;
    this.#ownPlaces = ownPlaces;
    this.#trainedBlocks = trainedBlocks;
    this.#typedPlaces = null;
  }

  get canUndo(): boolean {
    return this.#history.past.length > 0;
  }

  get canRedo(): boolean {
    return this.#history.future.length > 0;
  }

  /** Takes the last step of planning back. @returns whether there was one. */
  undo(): boolean {
    return this.#travel(undo(this.#history, this.#present));
  }

  redo(): boolean {
    return this.#travel(redo(this.#history, this.#present));
  }

  #travel(to: ReturnType<typeof undo<PlanStep>>): boolean {
    if (!to) return false;
    this.#history = to.history;
    this.#become(to.state);
    return true;
  }

  get method(): MethodName {
    return this.#method;
  }

  set method(method: MethodName) {
    this.#change({ method });
  }

  get placement(): Placement {
    return this.#placement;
  }

  /** What is there now is the start of one's own places. */
  set placement(placement: Placement) {
    this.#change({ placement, ...(placement === 'own' ? { ownPlaces: this.places } : {}) });
  }

  get blocks(): number | null {
    const model = this.#model();
    return this.#blocks ?? (model ? defaultBlockCount(model.blocks) : null);
  }

  /** `NaN` is what an empty number field says. */
  set blocks(blocks: number | null) {
    this.#change({ blocks }, 'blocks');
  }

  /** The plan as it would be, for the picture; null while it is not possible. */
  get plan(): ExpansionPlan | null {
    const model = this.#model();
    const { blocks } = this;
    if (!model) return null;
    if (this.#placement === 'own') return this.#ownPlaces.length > 0 ? planExpansion(model.blocks, undefined, [...this.#ownPlaces]) : null;
    const table = this.#importance()?.blocks;
    if (blocks === null || this.wrongBlocks !== null || (this.#placement === 'least-important' && table?.length !== model.blocks))
      return null;
    return planExpansion(model.blocks, blocks, this.#placement, table);
  }

  /** What is wrong with the number of new blocks, as a sentence; null when nothing is, or places of one's own say how many. */
  get wrongBlocks(): string | null {
    const { blocks } = this;
    if (this.#placement === 'own' || blocks === null) return null;
    const isPossible = Number.isInteger(blocks) && blocks >= 1 && blocks <= MAX_INSERTED_BLOCKS;
    return isPossible ? null : words('train.wrongBlocks', { most: MAX_INSERTED_BLOCKS });
  }

  /** What is wrong with what was typed as positions, as a sentence; null when nothing is. */
  get wrongPlaces(): string | null {
    const model = this.#model();
    if (!model || this.#placement !== 'own' || this.plan || !this.#typedPlaces?.trim()) return null;
    return words('train.wrongPlaces', { last: model.blocks - 1 });
  }

  /** The blocks of the base that copies stand behind. */
  get places(): readonly number[] {
    return this.plan?.inserted.map(({ after }) => after) ?? [];
  }

  /** Places of one's own, in order. */
  setPlaces(ownPlaces: readonly number[]): void {
    this.#change({ placement: 'own', ownPlaces });
  }

  insertAfter(block: number): void {
    this.setPlaces(withPlace(this.places, block));
  }

  takeOut(index: number): void {
    this.setPlaces(withoutPlace(this.places, index));
  }

  move(index: number, after: number): void {
    if (this.places[index] !== after) this.setPlaces(movedPlace(this.places, index, after));
  }

  /** One's own places as text, such as `3,7,7,11`. */
  get placesText(): string {
    return this.#typedPlaces ?? this.#ownPlaces.join(',');
  }

  /** Text that is no list of positions stays in its field, and there is no plan meanwhile. */
  set placesText(text: string) {
    this.#change({ ownPlaces: this.#placesIn(text) ?? [] }, 'places');
    this.#typedPlaces = text;
  }

  #placesIn(text: string): number[] | null {
    const model = this.#model();
    try {
      const place = parsePlace(text);
      if (!Array.isArray(place) || !model) return null;
      planExpansion(model.blocks, undefined, place); // refuses what the model does not have
      return place.sort((a, b) => a - b);
    } catch {
      return null;
    }
  }

  get trainedBlocks(): readonly number[] {
    const model = this.#model();
    return this.#trainedBlocks ?? (model ? [model.blocks - 1] : []);
  }

  set trainedBlocks(trainedBlocks: readonly number[]) {
    this.#change({ trainedBlocks });
  }

  toggleTrained(block: number): void {
    const { trainedBlocks } = this;
    const others = trainedBlocks.filter((each) => each !== block);
    this.trainedBlocks = trainedBlocks.includes(block) ? others : [...others, block].sort((a, b) => a - b);
  }

  /** What is still missing for a plan, as a sentence; null when nothing is. @param hasOld blocks can be measured on old data. */
  missing(hasOld: boolean): string | null {
    const model = this.#model();
    if (!model) return words('train.noModelChosen');
    if (this.#method === 'lora') return this.lora.wrong;
    if (this.#method === 'freeze') return this.trainedBlocks.length === 0 ? words('train.noBlocksTrained') : null;
    if (this.#method !== 'expand' || this.plan) return null;
    if (this.#placement === 'own') return this.wrongPlaces ?? words('train.noPlaces');
    if (this.wrongBlocks !== null) return this.wrongBlocks;
    return hasOld ? words('train.measureFirst') : words('train.oldFirst');
  }

  /** The place as a request says it. */
  get place(): string {
    return this.#placement === 'own' ? this.#ownPlaces.join(',') : this.#placement;
  }

  /** The method with the options that belong to it. */
  get request(): Partial<TrainRequest> {
    switch (this.#method) {
      case 'expand':
        return {
          method: 'expand',
          place: this.place,
          ...(this.#placement === 'own' || this.blocks === null ? {} : { blocks: this.blocks }),
        };
      case 'lora':
        return { method: 'lora', ...this.lora.request };
      case 'full':
        return { method: 'full' };
      case 'freeze':
        return { method: 'freeze', trainBlocks: this.trainedBlocks.join(',') };
    }
  }
}
