import type { ModelPacks } from '../../../shared/contract/packs.ts';
import type { Explanation, GateDecision, StreamEvent, Voice } from '../../../shared/contract/text.ts';
import { GATE_TOKENS } from '../../../shared/domain/gate.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { words } from '../../../shared/words/words.ts';
import { failureOf } from '../../client/failure.ts';
import type { StudioState } from '../../studio.svelte.ts';
import { snapped } from '../../ui/dial.ts';

/** A token of an answer as it came. */
export interface AnswerToken {
  id: number;
  text: string;
  probability: number;
}

/** What a voice said to one prompt. */
export interface Answer {
  prompt: string;
  tokens: readonly AnswerToken[];
  gate: GateDecision | null;
  /** Null while it is being written. */
  end: Extract<StreamEvent, { kind: 'end' }> | null;
}

/** One model as it is asked: with its packs dialled, and with a gate or without. */
export class VoiceState {
  readonly #studio: StudioState;
  #model = $state('');
  packs = $state.raw<ModelPacks | null>(null);
  /** By the packs' numbers; 1 where nothing is said. */
  strengths = $state.raw<Readonly<Record<number, number>>>({});
  isGated = $state(false);
  gateTokens = $state<number | null>(null);

  status = $state<'idle' | 'waiting' | 'loading' | 'writing'>('idle');
  answer = $state.raw<Answer | null>(null);
  failure = $state.raw<ErrorRecord | null>(null);
  /** Its answer as this voice and another see it. */
  explanation = $state.raw<Explanation | null>(null);
  /** Why it could not be compared. */
  explanationFailure = $state.raw<ErrorRecord | null>(null);

  constructor(studio: StudioState, model: string, strengths: Readonly<Record<number, number>> = {}) {
    this.#studio = studio;
    this.choose(model, strengths);
  }

  get model(): string {
    return this.#model;
  }

  choose(model: string, strengths: Readonly<Record<number, number>> = {}): void {
    this.#model = model;
    this.strengths = strengths;
    this.isGated = false;
    this.packs = null;
    this.answer = null;
    this.explanation = null;
    this.failure = null;
    void this.#fetchPacks(model);
  }

  async #fetchPacks(model: string): Promise<void> {
    try {
      const packs = await this.#studio.client.packs.list({ model });
      if (model === this.#model) this.packs = packs;
    } catch (error) {
      if (model === this.#model) this.failure = failureOf(error);
    }
  }

  strengthOf(pack: number): number {
    return this.strengths[pack] ?? 1;
  }

  dial(pack: number, strength: number): void {
    this.strengths = { ...this.strengths, [pack]: snapped(strength) };
  }

  /** Packs that can be dialled. */
  get dials(): ModelPacks['packs'] {
    return this.packs?.packs.filter(({ isRemovable }) => isRemovable) ?? [];
  }

  get voice(): Voice {
    const strengths = this.dials.map(({ number }) => ({ pack: number, strength: this.strengthOf(number) }));
    const dialled = strengths.filter(({ strength }) => strength !== 1);
    return {
      model: this.#model,
      ...(dialled.length > 0 && { strengths: dialled }),
      ...(this.isGated && this.dials.length > 0 && { gate: { tokens: this.gateTokens ?? GATE_TOKENS, pack: this.dials.at(-1)!.number } }),
    };
  }

  /** What it is called: its model, and what is dialled. */
  get title(): string {
    const name = this.#studio.models.find(({ id }) => id === this.#model)?.name ?? this.#model;
    const dials = this.dials.filter(({ number }) => this.strengthOf(number) !== 1);
    if (dials.length > 0 && dials.length === this.packs?.packs.length && dials.every(({ number }) => this.strengthOf(number) === 0)) {
      return words('playground.packsOff', { model: name });
    }
    const dialled = dials.map(({ number }) => words('playground.packAt', { number, strength: this.strengthOf(number) }));
    return [name, ...dialled, ...(this.isGated ? [words('playground.gated')] : [])].join(', ');
  }
}
