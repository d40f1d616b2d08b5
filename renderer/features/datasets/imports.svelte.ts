import { createContext } from 'svelte';
import type { DatasetInfo } from '../../../shared/contract/datasets.ts';
import type { DatasetImport, ImportRequest } from '../../../shared/contract/dataset-import.ts';
import { Attempts } from '../../client/attempts.svelte.ts';
import { failureOf } from '../../client/failure.ts';
import { words } from '../../../shared/words/words.ts';
import type { StudioState } from '../../studio.svelte.ts';
import type { ToastsState } from '../../ui/toasts.svelte.ts';
import { PreparationState } from './preparation.svelte.ts';
import { SendingState } from './sending.svelte.ts';

const LOOK_AGAIN_MS = 3000;

/**
 * Everything on its way into the workspace: files being sent, the import being prepared, and those that go on or have ended. All pages share it,
 * so nothing of it is lost by a look elsewhere; the studio goes on with imports by itself.
 */
export class ImportsState extends Attempts {
  readonly #studio: StudioState;
  readonly #toasts: ToastsState;
  readonly sending: SendingState;
  /** What was dropped and not begun yet. */
  preparation = $state<PreparationState | null>(null);
  list = $state.raw<DatasetImport[]>([]);
  /** Those that are being followed. */
  #followed: readonly string[] = [];

  constructor(studio: StudioState, toasts: ToastsState) {
    super();
    this.#studio = studio;
    this.#toasts = toasts;
    this.sending = new SendingState(studio);
  }

  get isRunning(): boolean {
    return this.sending.isSending || this.list.some(({ state }) => state === 'running');
  }

  /** Fetches the list and follows what goes on: at the start, and after a lost connection. */
  async refresh(): Promise<void> {
    await this.attempt(async () => {
      this.list = (await this.#studio.client.datasets.imports.list()).reverse(); // the newest first
      for (const each of this.list) if (each.state === 'running') void this.#follow(each.id);
    });
  }

  /** Sends what was dropped and takes the data among it to what is being prepared. @returns what it is sorted into, models with packs. */
  async takeDrop(transfer: DataTransfer): Promise<{ models: string[]; data: string[] }> {
    let sorted: { models: string[]; data: string[] } = { models: [], data: [] };
    await this.attempt(async () => {
      sorted = await this.sort((await this.sending.sendDrop(transfer)) ?? []);
    });
    return sorted;
  }

  /** Takes the data among paths of the studio's machine to what is being prepared. @throws what the call throws */
  async sort(paths: readonly string[]): Promise<{ models: string[]; data: string[] }> {
    if (paths.length === 0) return { models: [], data: [] };
    const { models } = await this.#studio.client.models.recognise({ paths: [...paths] });
    const data = paths.filter((path) => !models.includes(path));
    this.prepare(data);
    return { models, data };
  }

  async takeFiles(files: File[]): Promise<void> {
    await this.attempt(async () => this.prepare(await this.sending.send(files)));
  }

  /** Takes paths of the studio's machine to what is being prepared; of none nothing comes. */
  prepare(paths: readonly string[] | null): void {
    if (!paths || paths.length === 0) return;
    this.preparation ??= new PreparationState(this.#studio);
    this.preparation.add(paths);
  }

  /** Forgets what is being prepared, also what is still on its way. */
  discardPreparation(): void {
    this.sending.stop();
    this.#endPreparation();
  }

  #endPreparation(): void {
    this.preparation?.dispose();
    this.preparation = null;
  }

  /** Begins what is being prepared; answers whether it has begun. */
  async begin(): Promise<boolean> {
    const request = this.preparation?.request;
    const hasBegun = request !== null && request !== undefined && (await this.#start(request));
    if (hasBegun) this.#endPreparation();
    return hasBegun;
  }

  /** Reads a dataset's sources again: where they have changed, a later version of it is made. */
  checkForChanges(dataset: DatasetInfo): Promise<boolean> {
    return this.#start({ newVersionOf: dataset.id });
  }

  stop({ id }: DatasetImport): Promise<boolean> {
    return this.attempt(async () => this.#put(await this.#studio.client.datasets.imports.cancel({ import: id })));
  }

  resume({ id }: DatasetImport): Promise<boolean> {
    return this.attempt(async () => {
      this.#put(await this.#studio.client.datasets.imports.resume({ import: id }));
      void this.#follow(id);
    });
  }

  /** Takes one that has ended off the list; what an unfinished one had read is deleted. */
  remove({ id }: DatasetImport): Promise<boolean> {
    return this.attempt(async () => {
      await this.#studio.client.datasets.imports.remove({ import: id });
      this.list = this.list.filter((each) => each.id !== id);
    });
  }

  #start(request: ImportRequest): Promise<boolean> {
    return this.attempt(async () => {
      const started = await this.#studio.client.datasets.imports.start(request);
      this.#put(started);
      void this.#follow(started.id);
    });
  }

  async #follow(id: string): Promise<void> {
    if (this.#followed.includes(id)) return;
    this.#followed = [...this.#followed, id];
    try {
      for await (const event of await this.#studio.client.datasets.imports.watch({ import: id })) this.#put(event);
      await this.#studio.refresh();
      this.#tellOfEnd(id);
      // One that another program works on is only told once.
      if (this.list.some((each) => each.id === id && each.state === 'running')) setTimeout(() => void this.refresh(), LOOK_AGAIN_MS);
    } catch (error) {
      // A lost connection is said elsewhere, and the list is fetched when it is back. One that was taken off the list meanwhile is gone.
      if (this.#studio.connection === 'open' && failureOf(error).code !== 'NOT_FOUND') this.failure = failureOf(error);
    } finally {
      this.#followed = this.#followed.filter((each) => each !== id);
    }
  }

  /** A dataset that was newly made can be taken back at once: its files stay where they came from. */
  #tellOfEnd(id: string): void {
    const ended = this.list.find((each) => each.id === id);
    const { dataset } = ended ?? {};
    if (ended?.state !== 'done' || !ended.isNew || typeof dataset !== 'string') return;
    const undo = async (): Promise<void> => {
      await this.attempt(async () => {
        await this.#studio.client.datasets.remove({ dataset });
        await this.#studio.client.datasets.imports.remove({ import: id });
        this.list = this.list.filter((each) => each.id !== id);
        await this.#studio.refresh();
      });
    };
    this.#toasts.show(words('imports.made', { name: ended.name }), { label: words('ui.undo'), run: () => void undo() });
  }

  /** The newest comes first. */
  #put(changed: DatasetImport): void {
    const isKnown = this.list.some(({ id }) => id === changed.id);
    this.list = isKnown ? this.list.map((each) => (each.id === changed.id ? changed : each)) : [changed, ...this.list];
  }
}

export const [getImports, setImports] = createContext<ImportsState>();
