import type { CatalogueModel, Download, DownloadRequest } from '../../../shared/contract/downloads.ts';
import { Attempts } from '../../client/attempts.svelte.ts';
import { failureOf } from '../../client/failure.ts';
import type { StudioState } from '../../studio.svelte.ts';

/** Downloads of models while their page is open: the studio goes on with them by itself, this looks on. */
export class DownloadsState extends Attempts {
  readonly #studio: StudioState;
  readonly #abort = new AbortController();
  /** Those that are being followed. */
  #followed: readonly string[] = [];
  list = $state.raw<Download[]>([]);
  catalogue = $state.raw<CatalogueModel[]>([]);

  constructor(studio: StudioState) {
    super();
    this.#studio = studio;
    void this.attempt(() => this.#fetch());
  }

  /** Ends the looking on; the downloads go on. */
  dispose(): void {
    this.#abort.abort();
  }

  /** Begins a download, or goes on with it. */
  start(request: DownloadRequest): Promise<boolean> {
    return this.attempt(async () => {
      const started = await this.#studio.client.downloads.start(request);
      this.#put(started);
      void this.#follow(started.id);
    });
  }

  stop(download: Download): Promise<boolean> {
    return this.attempt(async () => this.#put(await this.#studio.client.downloads.cancel({ download: download.id })));
  }

  /** Deletes what has arrived; of one that is done there is nothing any more. */
  remove(download: Download): Promise<boolean> {
    return this.attempt(async () => {
      await this.#studio.client.downloads.remove({ download: download.id });
      this.list = this.list.filter(({ id }) => id !== download.id);
    });
  }

  /** The download of a source that goes on now. */
  goingOn(source: string): Download | undefined {
    return this.list.find((each) => each.source === source && isGoingOn(each));
  }

  async #fetch(): Promise<void> {
    const { client } = this.#studio;
    const [downloads, catalogue] = await Promise.all([client.downloads.list(), client.catalogue.list()]);
    this.list = downloads.filter(({ state }) => state !== 'done');
    this.catalogue = catalogue;
    for (const each of downloads) if (isGoingOn(each)) void this.#follow(each.id);
  }

  async #follow(id: string): Promise<void> {
    if (this.#followed.includes(id)) return;
    this.#followed = [...this.#followed, id];
    try {
      const events = await this.#studio.client.downloads.watch({ download: id }, { signal: this.#abort.signal });
      for await (const event of events) this.#put(event);
      await this.#studio.refresh();
      this.catalogue = await this.#studio.client.catalogue.list();
    } catch (error) {
      // Another program's download cannot be followed, only listed.
      if (!this.#abort.signal.aborted && failureOf(error).code !== 'NOT_FOUND') this.failure = failureOf(error);
    } finally {
      this.#followed = this.#followed.filter((each) => each !== id);
    }
  }

  #put(download: Download): void {
    const isKnown = this.list.some(({ id }) => id === download.id);
    this.list = isKnown ? this.list.map((each) => (each.id === download.id ? download : each)) : [...this.list, download];
  }
}

export function isGoingOn({ state }: Download): boolean {
  return state === 'fetching' || state === 'importing';
}

/** ORG/NAME as it is written, or out of the address of the model's page. */
export function repositoryOf(text: string): string {
  const trimmed = text.trim();
  const url = URL.parse(trimmed);
  return url?.protocol.startsWith('http') ? url.pathname.split('/').slice(1, 3).join('/') : trimmed.replace(/^hub:/, '');
}
