import type { GateEvent, ModelPacks } from '../../../shared/contract/packs.ts';
import type { ModelInfo } from '../../../shared/contract/models.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { failureOf } from '../../client/failure.ts';
import type { StudioState } from '../../studio.svelte.ts';
import { snapped } from '../../ui/dial.ts';

/** The packs of a model on its page: what is known of them, and what is asked of them. */
export class PacksState {
  readonly #studio: StudioState;
  readonly #model: string;
  readonly #abort = new AbortController();
  known = $state.raw<ModelPacks | null>(null);
  strengths = $state.raw<Readonly<Record<number, number>>>({});
  busy = $state<'proving' | 'evaluating' | 'composing' | null>(null);
  progress = $state.raw<GateEvent | null>(null);
  failure = $state.raw<ErrorRecord | null>(null);
  made = $state.raw<{ model: ModelInfo; warnings: string[] } | null>(null);

  constructor(studio: StudioState, model: string) {
    this.#studio = studio;
    this.#model = model;
    void this.#attempt(null, () => this.#fetch());
  }

  dispose(): void {
    this.#abort.abort();
  }

  strengthOf(pack: number): number {
    return this.strengths[pack] ?? 1;
  }

  dial(pack: number, strength: number): void {
    this.strengths = { ...this.strengths, [pack]: snapped(strength) };
    this.made = null;
  }

  /** Packs as they are dialled, without those that are off. */
  get kept(): { model: string; pack: number; strength: number }[] {
    const packs = this.known?.packs.filter(({ isRemovable }) => isRemovable) ?? [];
    return packs
      .map(({ number }) => ({ model: this.#model, pack: number, strength: this.strengthOf(number) }))
      .filter(({ strength }) => strength > 0);
  }

  get isDialled(): boolean {
    return this.known?.packs.some(({ number }) => this.strengthOf(number) !== 1) ?? false;
  }

  prove(): Promise<void> {
    return this.#attempt('proving', async () => {
      await this.#studio.client.packs.prove({ model: this.#model });
      await this.#fetch();
    });
  }

  evaluate(pack: number): Promise<void> {
    return this.#attempt('evaluating', async () => {
      const events = await this.#studio.client.packs.evaluateGate({ model: this.#model, pack }, { signal: this.#abort.signal });
      for await (const event of events) this.progress = event;
      await this.#fetch();
    });
  }

  /** Makes a model with these strengths its own; packs that are off are not in it. */
  compose(): Promise<void> {
    return this.#attempt('composing', async () => {
      this.made = await this.#studio.client.packs.compose({ packs: this.kept });
      await this.#studio.refresh();
    });
  }

  async #fetch(): Promise<void> {
    this.known = await this.#studio.client.packs.list({ model: this.#model });
  }

  async #attempt(what: PacksState['busy'], work: () => Promise<void>): Promise<void> {
    this.busy = what;
    this.failure = null;
    this.progress = null;
    try {
      await work();
    } catch (error) {
      if (!this.#abort.signal.aborted) this.failure = failureOf(error);
    } finally {
      this.busy = null;
    }
  }
}
