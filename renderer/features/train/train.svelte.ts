import type { ModelInfo, TrainPreview, TrainRequest } from '../../../shared/contract/contract.ts';
import { defaultBlockCount, type ExpansionPlan, planExpansion } from '../../../shared/domain/plan.ts';
import type { Role } from '../../../shared/domain/run.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { failureOf } from '../../client/failure.ts';
import type { StudioState } from '../../studio.svelte.ts';

/** Typing a number must not ask for a preview at every key. */
const PREVIEW_DELAY_MS = 250;

export type Placement = 'even' | 'top' | 'bottom' | 'own';

/** What a person chooses on the Train page, and what it would mean. */
export class TrainState {
  readonly #studio: StudioState;
  modelId = $state('');
  /** Role of each chosen dataset, by id. */
  roles = $state<Record<string, Role>>({});
  replayPercent = $state(10);
  blocks = $state(1);
  placement = $state<Placement>('even');
  ownPlaces = $state<number[]>([]);
  /** Empty takes the default. */
  steps = $state<number | null>(null);
  name = $state('');
  preview = $state.raw<TrainPreview | null>(null);
  failure = $state.raw<ErrorRecord | null>(null);
  isStarting = $state(false);
  #latest = 0;

  constructor(studio: StudioState, chosen: string[]) {
    this.#studio = studio;
    const [model, newDataset, oldDataset] = chosen;
    this.choose(studio.models.find(({ id }) => id === model)?.id ?? studio.models[0]?.id ?? '');
    if (newDataset) this.roles = { [newDataset]: 'new', ...(oldDataset ? { [oldDataset]: 'old' as const } : {}) };
  }

  get model(): ModelInfo | undefined {
    return this.#studio.models.find(({ id }) => id === this.modelId);
  }

  choose(modelId: string): void {
    this.modelId = modelId;
    this.blocks = defaultBlockCount(this.model?.blocks ?? 4);
    this.ownPlaces = [];
    if (this.placement === 'own') this.placement = 'even';
  }

  get hasOld(): boolean {
    return Object.values(this.roles).includes('old');
  }

  /** The plan as it would be, for the picture; null while it is not possible. */
  get plan(): ExpansionPlan | null {
    if (!this.model) return null;
    if (this.placement === 'own')
      return this.ownPlaces.length > 0 ? planExpansion(this.model.blocks, undefined, [...this.ownPlaces]) : null;
    return this.blocks >= 1 ? planExpansion(this.model.blocks, this.blocks, this.placement) : null;
  }

  insertAfter(block: number): void {
    if (this.placement !== 'own') this.ownPlaces = this.plan?.inserted.map(({ after }) => after) ?? [];
    this.placement = 'own';
    this.ownPlaces = [...this.ownPlaces, block].sort((a, b) => a - b);
  }

  takeOut(index: number): void {
    const places = this.plan?.inserted.map(({ after }) => after) ?? [];
    this.placement = 'own';
    this.ownPlaces = places.filter((_, at) => at !== index);
  }

  setRole(datasetId: string, role: Role | null): void {
    const { [datasetId]: _, ...others } = this.roles;
    this.roles = role ? { ...others, [datasetId]: role } : others;
  }

  /** The request, or null while something needed is not chosen. */
  get request(): TrainRequest | null {
    const of = (role: Role): string[] =>
      Object.entries(this.roles)
        .filter(([, each]) => each === role)
        .map(([id]) => id);
    if (!this.model || of('new').length === 0 || !this.plan) return null;
    return {
      model: this.modelId,
      newDatasets: of('new'),
      oldDatasets: of('old'),
      replayShare: this.hasOld ? this.replayPercent / 100 : 0,
      place: this.placement === 'own' ? this.ownPlaces.join(',') : this.placement,
      ...(this.placement === 'own' ? {} : { blocks: this.blocks }),
      ...(this.steps ? { steps: this.steps } : {}),
      ...(this.name.trim() ? { name: this.name.trim() } : {}),
    };
  }

  /** Asks what the present request would mean; an answer that a newer question has overtaken is dropped. */
  askPreview(request: TrainRequest | null): () => void {
    const question = ++this.#latest;
    const timer = setTimeout(() => {
      if (!request) {
        this.preview = null;
        return;
      }
      this.#studio.client.training.preview(request).then(
        (preview) => {
          if (question !== this.#latest) return;
          this.preview = preview;
          this.failure = null;
        },
        (error: unknown) => {
          if (question !== this.#latest) return;
          this.preview = null;
          this.failure = failureOf(error);
        },
      );
    }, PREVIEW_DELAY_MS);
    return () => clearTimeout(timer);
  }

  /** Starts the run; its id, or null when it was refused. */
  async start(): Promise<string | null> {
    const { request } = this;
    if (!request) return null;
    this.isStarting = true;
    this.failure = null;
    try {
      const run = await this.#studio.client.training.start(request);
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
