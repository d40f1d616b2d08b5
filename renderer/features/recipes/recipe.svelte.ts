import type { RecipePreview, RecipeRequest } from '../../../shared/contract/recipes.ts';
import type { TrainRequest } from '../../../shared/contract/training.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { words } from '../../../shared/words/words.ts';
import { failureOf } from '../../client/failure.ts';
import { Latest } from '../../client/latest.ts';
import type { StudioState } from '../../studio.svelte.ts';
import { numbersOf, type RecipeKind } from './recipe-words.ts';

/** Typing must not ask for a preview at every key. */
const PREVIEW_DELAY_MS = 300;

/** Several runs made of the present choices, before they start: which, and what they would need. */
export class RecipeState {
  readonly #studio: StudioState;
  kind = $state<RecipeKind | null>(null);
  /** Axes of the sweep, as typed; replay shares in percent. An empty one is not varied. */
  replayPercents = $state.raw<readonly string[]>(['1', '5', '25']);
  blockCounts = $state.raw<readonly string[]>([]);
  places = $state.raw<readonly string[]>([]);
  learningRates = $state.raw<readonly string[]>([]);
  earlyStop = $state(true);
  /** Length of a pilot in percent of the run; null takes the default. */
  pilotPercent = $state<number | null>(null);
  /** Largest forgetting that is allowed, nats per token; null: no recommendation. */
  limit = $state<number | null>(0.05);
  preview = $state.raw<RecipePreview | null>(null);
  failure = $state.raw<ErrorRecord | null>(null);
  isStarting = $state(false);
  readonly #previews = new Latest();

  constructor(studio: StudioState) {
    this.#studio = studio;
  }

  /** Opens a recipe, or closes the one that is open. */
  choose(kind: RecipeKind): void {
    this.kind = this.kind === kind ? null : kind;
    this.preview = null;
    this.failure = null;
  }

  /** What is wrong with the fields, as a sentence; null when nothing is. */
  wrong(request: TrainRequest | null): string | null {
    if (!request) return words('recipes.needsRequest');
    if (this.kind === 'controls' && request.method !== 'expand') return words('recipes.needsExpansion');
    if (this.kind === 'sweep') {
      const axes = [this.replayPercents, this.blockCounts, this.learningRates];
      if (axes.some((texts) => numbersOf(texts) === null)) return words('recipes.needsNumbers');
    }
    if (this.kind === 'forecast') {
      if ((request.oldDatasets ?? []).length === 0) return words('recipes.needsOld');
      if (this.limit !== null && !Number.isFinite(this.limit)) return words('recipes.wrongLimit');
      if (this.pilotPercent !== null && !(this.pilotPercent > 0 && this.pilotPercent <= 100)) {
        return words('recipes.wrongPilot');
      }
    }
    return null;
  }

  /** Null while something is missing or wrong. */
  recipe(request: TrainRequest | null): RecipeRequest | null {
    if (!request || this.kind === null || this.wrong(request) !== null) return null;
    // Its runs have names of their own.
    const { name, ...of } = request;
    const common = { request: of, ...(name === undefined ? {} : { name }) };
    switch (this.kind) {
      case 'controls':
        return { kind: 'controls', ...common };
      case 'sweep':
        return { kind: 'sweep', ...common, ...this.#axes(), earlyStop: this.earlyStop };
      case 'forecast':
        return {
          kind: 'forecast',
          ...common,
          ...(this.pilotPercent === null ? {} : { fraction: this.pilotPercent / 100 }),
          ...(this.limit === null ? {} : { limit: this.limit }),
        };
    }
  }

  #axes(): Pick<Extract<RecipeRequest, { kind: 'sweep' }>, 'replayShares' | 'blockCounts' | 'places' | 'learningRates'> {
    const shares = numbersOf(this.replayPercents)?.map((percent) => percent / 100) ?? [];
    const counts = numbersOf(this.blockCounts) ?? [];
    const rates = numbersOf(this.learningRates) ?? [];
    return {
      ...(shares.length > 0 && { replayShares: shares }),
      ...(counts.length > 0 && { blockCounts: counts }),
      ...(this.places.length > 0 && { places: [...this.places] }),
      ...(rates.length > 0 && { learningRates: rates }),
    };
  }

  /** Asks what it would make; an answer that a newer question has overtaken is dropped. Returns how to take the question back. */
  ask(recipe: RecipeRequest | null): () => void {
    return this.#previews.askLater(
      PREVIEW_DELAY_MS,
      async () => recipe && this.#studio.client.recipes.preview(recipe),
      (preview) => {
        this.preview = preview;
        this.failure = null;
      },
      (error) => {
        this.preview = null;
        this.failure = failureOf(error);
      },
    );
  }

  /** Puts its runs into the queue; the batch's id, or null when it was refused. */
  async start(recipe: RecipeRequest | null): Promise<string | null> {
    if (!recipe) return null;
    this.isStarting = true;
    this.failure = null;
    try {
      const { id } = await this.#studio.client.recipes.start(recipe);
      this.kind = null;
      await this.#studio.refresh();
      return id;
    } catch (error) {
      this.failure = failureOf(error);
      return null;
    } finally {
      this.isStarting = false;
    }
  }
}
