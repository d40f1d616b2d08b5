import { createContext } from 'svelte';
import type { ModelInfo } from '../../../shared/contract/models.ts';
import type { TrainPreview, TrainRequest } from '../../../shared/contract/training.ts';
import { DEFAULT_RANK, LORA_TARGETS, type LoraTarget, type MethodName } from '../../../shared/domain/method.ts';
import { defaultBlockCount, type ExpansionPlan, MAX_INSERTED_BLOCKS, parsePlace, planExpansion } from '../../../shared/domain/plan.ts';
import { DEFAULT_RENDERING, type Rendering } from '../../../shared/domain/rendering.ts';
import type { Packing, Role } from '../../../shared/domain/run.ts';
import type { Schedule } from '../../../shared/domain/schedule.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { failureOf } from '../../client/failure.ts';
import { Latest } from '../../client/latest.ts';
import type { StudioState } from '../../studio.svelte.ts';
import { CopyState } from './copy.svelte.ts';
import type { NextDomain } from '../../../shared/contract/lines.ts';
import { CarriedState } from './carried.svelte.ts';
import { DistanceState } from './distance.svelte.ts';
import { GuardState } from './guard.svelte.ts';
import { ImportanceState } from './importance.svelte.ts';
import { MixtureState } from './mixture.svelte.ts';
import { prefill } from './prefill.ts';
import { OutlookState, type PlanQuestion } from './outlook.svelte.ts';
import { SelfReplayState } from './self-replay.svelte.ts';

/** Typing a number must not ask for a preview at every key. */
const PREVIEW_DELAY_MS = 250;

export type Placement = 'even' | 'top' | 'bottom' | 'least-important' | 'own';

/** The next run, as far as a person has chosen it, and what it would mean. All pages share it, so choices survive a look elsewhere. */
export class TrainState {
  readonly #studio: StudioState;
  #modelId = $state('');
  #roles = $state.raw<Readonly<Record<string, Role>>>({});
  /** How tokens are shared among the datasets. */
  readonly mixture: MixtureState;
  readonly selfReplay: SelfReplayState;
  /** How far the new data are from the old. */
  readonly distance: DistanceState;
  /** What the plan means while there is no run to preview. */
  readonly outlook: OutlookState;
  readonly guard = new GuardState();
  /** The run that the choices were taken from. */
  readonly copy: CopyState;
  /** What is taken over from the run that the next goes on from. */
  readonly carried: CarriedState;
  method = $state<MethodName>('expand');
  /** Number of new blocks; null takes the default for the model. */
  #blocks = $state<number | null>(null);
  placement = $state<Placement>('even');
  ownPlaces = $state.raw<readonly number[]>([]);
  /** What a person types as positions, while it is none; null when the places are as they stand. */
  #typedPlaces = $state<string | null>(null);
  /** What the model's blocks matter for the chosen old data. */
  readonly importance: ImportanceState;
  /** Of adapters; null takes the default. */
  rank = $state<number | null>(null);
  alpha = $state<number | null>(null);
  targets = $state.raw<readonly LoraTarget[]>(LORA_TARGETS);
  /** The base's own blocks that the method freeze trains; null: the default, the uppermost. */
  #trainedBlocks = $state.raw<readonly number[] | null>(null);
  /** Empty takes the default, here and below. */
  steps = $state<number | null>(null);
  batch = $state<number | null>(null);
  microBatch = $state<number | null>(null);
  context = $state<number | null>(null);
  learningRate = $state<number | null>(null);
  schedule = $state<Schedule['name']>('cosine');
  packing = $state<Packing>('plain');
  /** How documents become tokens. */
  completions = $state<Rendering['completions']>(DEFAULT_RENDERING.completions);
  learn = $state<Rendering['learn']>(DEFAULT_RENDERING.learn);
  name = $state('');
  preview = $state.raw<TrainPreview | null>(null);
  failure = $state.raw<ErrorRecord | null>(null);
  isStarting = $state(false);
  readonly #previews = new Latest();

  constructor(studio: StudioState) {
    this.#studio = studio;
    this.copy = new CopyState(studio, this);
    this.carried = new CarriedState(studio);
    this.importance = new ImportanceState(studio);
    this.mixture = new MixtureState(studio);
    this.outlook = new OutlookState(studio);
    this.selfReplay = new SelfReplayState(studio);
    this.distance = new DistanceState(studio, () => {
      if (this.request?.replayShare === undefined) this.askPreview(this.request);
    });
  }

  /** The chosen base, else the first there is. */
  get model(): ModelInfo | undefined {
    const { models } = this.#studio;
    return models.find(({ id }) => id === this.#modelId) ?? models[0];
  }

  choose(modelId: string): void {
    if (modelId !== this.carried.next?.request.model) this.carried.leave();
    this.#modelId = modelId;
    this.#blocks = null;
    this.ownPlaces = [];
    this.#typedPlaces = null;
    this.#trainedBlocks = null;
    if (this.placement === 'own') this.placement = 'even';
  }

  /** Fills in what a run carries over to the next; where that is not possible, the page says why. */
  async goOnFrom(run: string): Promise<void> {
    const next = await this.carried.fetch(run);
    if (!next) return;
    const { request } = next;
    this.copy.forget();
    prefill(this, { ...request, newDatasets: [] });
    this.steps = null;
  }

  /** Replays a sample of a dataset in its place. */
  async keepSample(sample: NextDomain['samples'][number]): Promise<void> {
    const made = await this.carried.sample(sample);
    if (!made) return;
    this.setRole(sample.dataset, null);
    this.setRole(made, 'old');
  }

  /** Roles of the chosen datasets, by id; a deleted dataset has none. */
  get roles(): Readonly<Record<string, Role>> {
    return Object.fromEntries(Object.entries(this.#roles).filter(([id]) => this.#studio.datasets.some((dataset) => dataset.id === id)));
  }

  setRole(datasetId: string, role: Role | null): void {
    const { [datasetId]: _, ...others } = this.#roles;
    this.#roles = role ? { ...others, [datasetId]: role } : others;
  }

  clearRoles(): void {
    this.#roles = {};
  }

  #datasetsOf(role: Role): string[] {
    return Object.entries(this.roles).flatMap(([id, each]) => (each === role ? [id] : []));
  }

  /** The chosen datasets' ids. */
  get byRole(): Record<Role, string[]> {
    return { new: this.#datasetsOf('new'), old: this.#datasetsOf('old') };
  }

  nameOf(datasetId: string): string {
    return this.#studio.datasets.find(({ id }) => id === datasetId)?.name ?? datasetId;
  }

  /** Samples text from the base and takes it as old data. */
  async makeSelfReplay(): Promise<void> {
    const made = this.model && (await this.selfReplay.make(this.model.id));
    if (made) this.setRole(made, 'old');
  }

  get hasOld(): boolean {
    return this.#datasetsOf('old').length > 0;
  }

  /** Which settings of {@link rendering} mean anything for the chosen datasets: whether they have prompts with completions, and conversations. */
  get rendered(): { completions: boolean; learn: boolean } {
    const chosen = this.#studio.datasets.filter(({ id }) => this.roles[id]);
    const completions = chosen.some(({ kinds }) => (kinds.completion ?? 0) > 0);
    return { completions, learn: completions || chosen.some(({ kinds }) => (kinds.chat ?? 0) > 0) };
  }

  get blocks(): number | null {
    return this.#blocks ?? (this.model ? defaultBlockCount(this.model.blocks) : null);
  }

  /** `NaN` is what an empty number field says. */
  set blocks(count: number | null) {
    this.#blocks = count;
  }

  /** The plan as it would be, for the picture; null while it is not possible. */
  get plan(): ExpansionPlan | null {
    const { model, blocks } = this;
    if (!model) return null;
    if (this.placement === 'own') return this.ownPlaces.length > 0 ? planExpansion(model.blocks, undefined, [...this.ownPlaces]) : null;
    const isPossible = blocks !== null && Number.isInteger(blocks) && blocks >= 1 && blocks <= MAX_INSERTED_BLOCKS;
    const table = this.importance.table?.blocks;
    if (!isPossible || (this.placement === 'least-important' && table?.length !== model.blocks)) return null;
    return planExpansion(model.blocks, blocks, this.placement, table);
  }

  /** One's own places as text, such as `3,7,7,11`. */
  get placesText(): string {
    return this.#typedPlaces ?? this.ownPlaces.join(',');
  }

  /** Text that is no list of positions stays in its field, and there is no plan meanwhile. */
  set placesText(text: string) {
    const places = this.#placesIn(text);
    this.#typedPlaces = text;
    this.ownPlaces = places ?? [];
  }

  #placesIn(text: string): number[] | null {
    try {
      const place = parsePlace(text);
      if (!Array.isArray(place) || !this.model) return null;
      planExpansion(this.model.blocks, undefined, place); // refuses what the model does not have
      return place.sort((a, b) => a - b);
    } catch {
      return null;
    }
  }

  /** What is to be measured for the placement by importance; null without a model. */
  get importanceRequest(): { model: string; oldDatasets: string[]; rendering: Rendering } | null {
    return this.model ? { model: this.model.id, oldDatasets: this.#datasetsOf('old').sort(), rendering: this.rendering } : null;
  }

  get rendering(): Rendering {
    return { completions: this.completions, learn: this.learn };
  }

  /** Between what the distance is measured; null while nothing is new, or nothing old. */
  get distanceRequest(): { newDatasets: string[]; oldDatasets: string[] } | null {
    const sides = { newDatasets: this.#datasetsOf('new').sort(), oldDatasets: this.#datasetsOf('old').sort() };
    return sides.newDatasets.length > 0 && sides.oldDatasets.length > 0 ? sides : null;
  }

  async measureImportance(): Promise<void> {
    if (this.importanceRequest) await this.importance.measure(this.importanceRequest);
  }

  insertAfter(block: number): void {
    this.#typedPlaces = null;
    this.ownPlaces = [...(this.plan?.inserted.map(({ after }) => after) ?? []), block].sort((a, b) => a - b);
    this.placement = 'own';
  }

  takeOut(index: number): void {
    this.#typedPlaces = null;
    this.ownPlaces = this.plan?.inserted.map(({ after }) => after).filter((_, at) => at !== index) ?? [];
    this.placement = 'own';
  }

  /** Chosen in the list: what is there now is the start of one's own places. */
  place(placement: Placement): void {
    this.#typedPlaces = null;
    if (placement === 'own') this.ownPlaces = this.plan?.inserted.map(({ after }) => after) ?? [];
    this.placement = placement;
  }

  get defaultRank(): number {
    const method = this.preview?.method; // a narrow model has a lower one
    return method?.name === 'lora' && this.rank === null ? method.rank : DEFAULT_RANK;
  }

  setTarget(target: LoraTarget, isChosen: boolean): void {
    this.targets = LORA_TARGETS.filter((each) => (each === target ? isChosen : this.targets.includes(each)));
  }

  get trainedBlocks(): readonly number[] {
    return this.#trainedBlocks ?? (this.model ? [this.model.blocks - 1] : []);
  }

  set trainedBlocks(blocks: readonly number[]) {
    this.#trainedBlocks = blocks;
  }

  toggleTrained(block: number): void {
    const { trainedBlocks } = this;
    const others = trainedBlocks.filter((each) => each !== block);
    this.#trainedBlocks = trainedBlocks.includes(block) ? others : [...others, block].sort((a, b) => a - b);
  }

  /** What is still missing for a request, as a sentence; null when nothing is. */
  get missing(): string | null {
    if (!this.model) return 'Choose a model.';
    if (this.#datasetsOf('new').length === 0) return 'Mark at least one dataset as new: what the model shall learn.';
    const wrong = this.#wrongNumber() ?? this.mixture.wrong ?? (this.hasOld ? this.guard.wrong : null);
    if (wrong) return wrong;
    if (this.method === 'lora' && this.targets.length === 0) return 'Choose at least one matrix that adapters stand beside.';
    if (this.method === 'freeze' && this.trainedBlocks.length === 0) return 'Choose at least one layer to train.';
    if (this.method !== 'expand' || this.plan) return null;
    if (this.placement === 'own') {
      const last = this.model.blocks - 1;
      return this.#typedPlaces?.trim()
        ? `Positions are numbers from 0 to ${last} with commas between: the blocks that copies follow.`
        : 'Insert at least one new block: click between two layers, or type positions.';
    }
    if (this.placement === 'least-important' && !this.importance.table) {
      return this.hasOld
        ? 'Measure which blocks matter least.'
        : 'Mark at least one dataset as old: what the blocks matter is measured on it.';
    }
    return `The number of new blocks is a whole number from 1 to ${MAX_INSERTED_BLOCKS}.`;
  }

  #wrongNumber(): string | null {
    const whole = { 'number of steps': this.steps, batch: this.batch, 'number of windows at once': this.microBatch, context: this.context };
    const ofLora = this.method === 'lora' ? { rank: this.rank } : {};
    for (const [name, value] of Object.entries({ ...whole, ...ofLora })) {
      if (value !== null && (!Number.isInteger(value) || value < 1)) return `The ${name} is a whole number from 1, or empty.`;
    }
    const positive = { 'learning rate': this.learningRate, ...(this.method === 'lora' ? { alpha: this.alpha } : {}) };
    for (const [name, value] of Object.entries(positive)) {
      if (value !== null && !(value > 0)) return `The ${name} is a number above 0, or empty.`;
    }
    return null;
  }

  /** The request, or null while something needed is not chosen. */
  get request(): TrainRequest | null {
    if (this.missing !== null || !this.model) return null;
    const { advanced, ...asBefore } = this.copy.source === null ? this.carried.settings : this.copy.carried;
    return {
      ...asBefore,
      model: this.model.id,
      newDatasets: this.#datasetsOf('new'),
      oldDatasets: this.#datasetsOf('old'),
      ...this.mixture.request(this.byRole),
      rendering: this.rendering,
      ...this.#methodRequest(),
      ...(this.hasOld && this.guard.guard ? { guard: this.guard.guard } : {}),
      ...(this.steps ? { steps: this.steps } : {}),
      ...(this.batch ? { batch: this.batch } : {}),
      ...(this.context ? { context: this.context } : {}),
      ...(this.learningRate ? { learningRate: this.learningRate } : {}),
      ...(this.name.trim() ? { name: this.name.trim() } : {}),
      advanced: {
        ...advanced,
        schedule: this.schedule,
        packing: this.packing,
        ...(this.microBatch ? { microBatch: this.microBatch } : {}),
      },
    };
  }

  /** The method with the options that belong to it. */
  #methodRequest(): Partial<TrainRequest> {
    switch (this.method) {
      case 'expand':
        if (this.placement === 'own') return { method: 'expand', place: this.ownPlaces.join(',') };
        return { method: 'expand', place: this.placement, ...(this.blocks === null ? {} : { blocks: this.blocks }) };
      case 'lora':
        return {
          method: 'lora',
          targets: [...this.targets],
          ...(this.rank ? { rank: this.rank } : {}),
          ...(this.alpha ? { alpha: this.alpha } : {}),
        };
      case 'full':
        return { method: 'full' };
      case 'freeze':
        return { method: 'freeze', trainBlocks: this.trainedBlocks.join(',') };
    }
  }

  /** What is asked of the plan while the request is not complete; null where a preview says it, or there is no plan. */
  get planQuestion(): PlanQuestion | null {
    if (this.request || !this.model || this.method !== 'expand' || !this.plan) return null;
    const oldDatasets = this.#datasetsOf('old').sort();
    const place = this.placement === 'own' ? this.ownPlaces.join(',') : this.placement;
    return { model: this.model.id, place, oldDatasets, ...(this.placement !== 'own' && this.blocks !== null && { blocks: this.blocks }) };
  }

  /** Asks what the present request would mean; an answer that a newer question has overtaken is dropped. Returns how to take the question back. */
  askPreview(request: TrainRequest | null): () => void {
    return this.#previews.askLater(
      PREVIEW_DELAY_MS,
      async () => request && this.#studio.client.training.preview(request),
      (preview) => {
        this.preview = preview;
        this.failure = null;
        if (!preview) return;
        this.mixture.show(preview);
        this.mixture.look(request);
      },
      (error) => {
        this.preview = null;
        this.failure = failureOf(error);
      },
    );
  }

  /** Starts the run; its id, or null when it was refused. */
  async start(): Promise<string | null> {
    const { request } = this;
    if (!request) return null;
    this.isStarting = true;
    this.failure = null;
    try {
      const run = await this.#studio.client.training.start(request);
      this.name = '';
      this.copy.forget();
      await this.#studio.refresh();
      return run.id;
    } catch (error) {
      this.failure = failureOf(error);
      return null;
    } finally {
      this.isStarting = false;
    }
  }
}

export const [getTrain, setTrain] = createContext<TrainState>();
