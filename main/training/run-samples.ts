import {
  PROMPT_TOKENS,
  PROMPTS_PER_ROLE,
  type SamplePrompt,
  type SampleSettings,
  type SamplesAtStep,
} from '../../shared/domain/text-samples.ts';
import { generate } from '../llama/generate.ts';
import type { Llama } from '../llama/parameters.ts';
import { continuationText, promptIdsOf, stopIdsOf } from './continuation.ts';
import type { TrainerEvent } from './messages.ts';
import type { OpenRun } from './open-run.ts';

/** Samples that a checkpoint repeats: those since the last checkpoints. */
const RECENT_SAMPLES = 20;
/** A beginning without anything to go on with would be no sample. */
const SHORTEST_BEGINNING = 4;

/**
 * Text that base and model write along a run, greedily: no random number is drawn, no weight is written, and the time that it takes is not
 * counted as training. The base writes once, before step 1, when every method's model still is its base.
 */
export class RunSamples {
  readonly #run: OpenRun;
  readonly #settings: SampleSettings;
  readonly #emit: (event: TrainerEvent) => void;
  /** Spent by this session, and on how many times. */
  #seconds = 0;
  #times = 0;

  constructor(run: OpenRun, settings: SampleSettings, emit: (event: TrainerEvent) => void) {
    this.#run = run;
    this.#settings = settings;
    this.#emit = emit;
  }

  /** Lets the base write, into the run's state. @throws StrataError BAD_INPUT when a prompt is longer than the model can read. */
  async base(): Promise<void> {
    const { state, base } = this.#run;
    const beginnings = this.#beginnings();
    const texts = await this.#write(
      base,
      beginnings.map(({ ids }) => ids),
    );
    const prompts = beginnings.map(({ ids: _, ...prompt }, index): SamplePrompt => ({ ...prompt, base: texts[index]! }));
    state.samples = { prompts, recent: [] };
  }

  /** Tells what is in the run's state: a studio that died may not have recorded it. */
  tell(): void {
    const { samples } = this.#run.state;
    if (!samples) return;
    this.#emit({ type: 'prompts', prompts: samples.prompts });
    for (const each of samples.recent) this.#tellOne(each);
  }

  /** Whether samples are due after a step on the way. */
  isDue(step: number): boolean {
    return step % this.#settings.everySteps === 0;
  }

  /** Lets the model write as it is, unless it has since its last step. */
  async write(): Promise<void> {
    const { state, model } = this.#run;
    const { samples, step } = state;
    if (!samples || samples.recent.at(-1)?.step === step) return;
    const texts = await this.#write(
      model,
      this.#beginnings().map(({ ids }) => ids),
    );
    const written = { step, texts };
    samples.recent = [...samples.recent, written].slice(-RECENT_SAMPLES);
    this.#tellOne(written);
  }

  /** What one time on the way takes; 0 as long as there was none. */
  get secondsEach(): number {
    return this.#times > 0 ? this.#seconds / this.#times : 0;
  }

  get everySteps(): number {
    return this.#settings.everySteps;
  }

  #tellOne(samples: SamplesAtStep): void {
    this.#emit({ type: 'samples', samples, seconds: this.#run.state.samplingSeconds });
  }

  async #write(model: Llama, prompts: readonly (readonly number[])[]): Promise<string[]> {
    const { engine, tokenizer, state } = this.#run;
    const options = { maxTokens: this.#settings.tokens, temperature: 0, seed: 0, stopIds: stopIdsOf(tokenizer) };
    const started = performance.now();
    const texts: string[] = [];
    for (const ids of prompts) texts.push(continuationText(tokenizer, ids, await generate(engine, model, ids, options)));
    const seconds = (performance.now() - started) / 1000;
    state.samplingSeconds += seconds;
    this.#seconds += seconds;
    this.#times++;
    return texts;
  }

  /** The same every time: what was chosen, or held-out text of both roles. */
  #beginnings(): (Omit<SamplePrompt, 'base'> & { ids: readonly number[] })[] {
    const { tokenizer, model, heldOut } = this.#run;
    const { prompts, tokens: most } = this.#settings;
    if (prompts) {
      return prompts.map((prompt) => ({
        ids: promptIdsOf(tokenizer, model.config, prompt),
        ...{ prompt, role: null, datasetId: null, goesOn: null },
      }));
    }
    return (['new', 'old'] as const).flatMap((role) =>
      heldOut.beginnings(role, PROMPTS_PER_ROLE, SHORTEST_BEGINNING).map(({ datasetId, tokens }) => {
        const length = Math.min(PROMPT_TOKENS, Math.floor(tokens.length / 2));
        const ids = [...tokens.subarray(0, length)];
        const goesOn = continuationText(tokenizer, ids, [...tokens.subarray(length, length + most)]);
        return { ids, prompt: tokenizer.decode(ids), role, datasetId, goesOn };
      }),
    );
  }
}
