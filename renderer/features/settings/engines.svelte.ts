import type { EngineInfo } from '../../../shared/contract/engines.ts';
import { Attempts } from '../../client/attempts.svelte.ts';
import type { StudioState } from '../../studio.svelte.ts';

/** The engines of the studio's machine, as its page of settings shows them. */
export class EnginesState extends Attempts {
  readonly #studio: StudioState;
  /** Null until they have been looked at: their self-tests take a moment. */
  list = $state.raw<readonly EngineInfo[] | null>(null);
  selected = $state<string | null>(null);

  constructor(studio: StudioState) {
    super();
    this.#studio = studio;
  }

  async load(): Promise<void> {
    await this.attempt(async () => {
      const { engines, selected } = await this.#studio.client.engines.list();
      this.list = engines;
      this.selected = selected;
    });
  }
}
