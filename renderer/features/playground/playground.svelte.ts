import { createContext } from 'svelte';
import { words } from '../../../shared/words/words.ts';
import { failureOf } from '../../client/failure.ts';
import type { StudioState } from '../../studio.svelte.ts';
import { type Answer, VoiceState } from './voice.svelte.ts';

export const MOST_VOICES = 4;
const DEFAULT_TOKENS = 48;

/** The same prompt through up to four voices. All pages share it: what was asked survives a look elsewhere. */
export class PlaygroundState {
  readonly #studio: StudioState;
  voices = $state.raw<readonly VoiceState[]>([]);
  prompt = $state(words('playground.firstPrompt'));
  maxTokens = $state<number | null>(null);
  temperature = $state<number | null>(null);
  seed = $state<number | null>(null);
  /** What is being done; null when nothing is. */
  activity = $state<'writing' | 'comparing' | null>(null);
  #abort = new AbortController();

  constructor(studio: StudioState) {
    this.#studio = studio;
  }

  /** Two voices to begin with, if there are models and none was chosen: a model with packs, and the same without them. */
  begin(): void {
    const left = this.voices.filter((voice) => this.#studio.models.some(({ id }) => id === voice.model));
    if (left.length < this.voices.length) this.voices = left;
    if (this.voices.length > 0) return;
    const { models } = this.#studio;
    const latest = models.findLast(({ run }) => run !== null) ?? models.findLast(({ line }) => line.length > 0) ?? models.at(-1);
    if (latest) this.compare(latest.id);
  }

  /** A model beside what it was made from. */
  compare(model: string, strengths: Readonly<Record<number, number>> = {}): void {
    this.stop();
    const { models } = this.#studio;
    const info = models.find(({ id }) => id === model);
    const base =
      models.find(({ id, line }) => id === info?.baseModel && line.length === 0) ?? models.find(({ id }) => id === info?.baseModel);
    const first = base ?? models.find(({ id }) => id !== model) ?? info;
    this.voices = [new VoiceState(this.#studio, first?.id ?? model), new VoiceState(this.#studio, model, strengths)];
  }

  add(): void {
    const last = this.voices.at(-1);
    if (last && this.voices.length < MOST_VOICES) this.voices = [...this.voices, new VoiceState(this.#studio, last.model)];
  }

  remove(voice: VoiceState): void {
    this.voices = this.voices.filter((each) => each !== voice);
  }

  /** What keeps it from being asked, in words; null when nothing does. */
  get obstacle(): string | null {
    const { maxTokens, temperature, seed } = this;
    if (this.prompt === '') return words('playground.needsPrompt');
    if (maxTokens !== null && !(Number.isInteger(maxTokens) && maxTokens >= 1 && maxTokens <= 512)) return words('playground.wrongTokens');
    if (temperature !== null && !(temperature >= 0 && temperature <= 10)) return words('playground.wrongTemperature');
    if (seed !== null && !(Number.isInteger(seed) && seed >= 0)) return words('playground.wrongSeed');
    return null;
  }

  /** Asks all voices at once; when all have answered, compares what they think of each other's answers. */
  async ask(): Promise<void> {
    if (this.activity !== null || this.obstacle !== null) return;
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    const voices = [...this.voices];
    this.activity = 'writing';
    try {
      await Promise.all(voices.map((voice) => this.#write(voice, signal)));
      this.activity = 'comparing';
      // One after the other: each takes a pass over the text for every inserted block.
      for (const [index, voice] of voices.entries()) await this.#explain(voice, voices[index === 0 ? 1 : 0], signal);
    } finally {
      if (this.#abort.signal === signal) this.activity = null;
    }
  }

  stop(): void {
    this.#abort.abort();
    this.activity = null;
  }

  async #write(voice: VoiceState, signal: AbortSignal): Promise<void> {
    const { prompt } = this;
    let answer: Answer = { prompt, tokens: [], gate: null, end: null };
    const change = (changes: Partial<Answer>): void => {
      answer = { ...answer, ...changes };
      voice.answer = answer;
    };
    voice.failure = voice.explanationFailure = voice.explanation = null;
    voice.status = 'waiting';
    change({});
    try {
      const request = {
        ...{ voice: voice.voice, prompt, maxTokens: this.maxTokens ?? DEFAULT_TOKENS },
        ...{ temperature: this.temperature ?? 0, seed: this.seed ?? 0 },
      };
      const events = await this.#studio.client.text.stream(request, { signal });
      for await (const event of events) {
        voice.status = event.kind === 'loading' ? 'loading' : 'writing';
        if (event.kind === 'gate') change({ gate: event.decision });
        else if (event.kind === 'token') change({ tokens: [...answer.tokens, event] });
        else if (event.kind === 'end') change({ end: event });
      }
    } catch (error) {
      if (!signal.aborted) voice.failure = failureOf(error);
    } finally {
      voice.status = 'idle';
    }
  }

  /** What this voice and another think of its answer. */
  async #explain(voice: VoiceState, other: VoiceState | undefined, signal: AbortSignal): Promise<void> {
    const { answer } = voice;
    if (signal.aborted || !answer || answer.tokens.length === 0) return;
    try {
      voice.explanation = await this.#studio.client.text.explain(
        {
          prompt: answer.prompt,
          continuation: answer.tokens.map(({ id }) => id),
          voices: [...(other ? [other.voice] : []), voice.voice],
        },
        { signal },
      );
    } catch (error) {
      if (!signal.aborted) voice.explanationFailure = failureOf(error);
    }
  }
}

export const [getPlayground, setPlayground] = createContext<PlaygroundState>();
