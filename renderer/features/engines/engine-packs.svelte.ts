import type { EnginePackInfo } from '../../../shared/contract/engines.ts';
import { Attempts } from '../../client/attempts.svelte.ts';
import type { StudioState } from '../../studio.svelte.ts';

const GOING_ON: readonly EnginePackInfo['state'][] = ['fetching', 'checking', 'unpacking', 'testing'];

export function isGoingOn({ state }: EnginePackInfo): boolean {
  return GOING_ON.includes(state);
}

/** Engine packs while their page is open: the studio goes on with them by itself, this looks on. */
export class EnginePacksState extends Attempts {
  readonly #studio: StudioState;
  readonly #abort = new AbortController();
  /** Null until they are known. */
  list = $state.raw<readonly EnginePackInfo[] | null>(null);

  constructor(studio: StudioState) {
    super();
    this.#studio = studio;
  }

  async load(): Promise<void> {
    await this.attempt(async () => {
      this.list = await this.#studio.client.engines.packs.list();
      for (const pack of this.list) if (isGoingOn(pack)) void this.#follow(pack.id);
    });
  }

  /** Ends the looking on. */
  dispose(): void {
    this.#abort.abort();
  }

  /** @param path of the archive, where it is not to be fetched */
  install({ id, licence }: EnginePackInfo, path?: string): Promise<boolean> {
    return this.attempt(async () => {
      this.#put(await this.#studio.client.engines.packs.install({ pack: id, licence, ...(path !== undefined && { path }) }));
      void this.#follow(id);
    });
  }

  stop({ id }: EnginePackInfo): Promise<boolean> {
    return this.attempt(async () => this.#put(await this.#studio.client.engines.packs.cancel({ pack: id })));
  }

  remove({ id }: EnginePackInfo): Promise<boolean> {
    return this.attempt(async () => {
      await this.#studio.client.engines.packs.remove({ pack: id });
      this.list = await this.#studio.client.engines.packs.list();
    });
  }

  async #follow(id: string): Promise<void> {
    await this.attempt(async () => {
      const events = await this.#studio.client.engines.packs.watch({ pack: id }, { signal: this.#abort.signal });
      for await (const pack of events) this.#put(pack);
    });
  }

  #put(pack: EnginePackInfo): void {
    this.list = (this.list ?? []).map((each) => (each.id === pack.id ? pack : each));
  }
}
