import type { ListedDocument } from '../../../shared/contract/datasets.ts';
import type { DatasetPart } from '../../../shared/domain/split.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { failureOf } from '../../client/failure.ts';
import { Latest } from '../../client/latest.ts';
import type { StudioState } from '../../studio.svelte.ts';

export const DOCUMENTS_PER_PAGE = 20;

/** The documents of one dataset as far as they are listed: a page of them, or what a search has found so far. */
export class DocumentsState {
  readonly #studio: StudioState;
  readonly dataset: string;
  readonly #latest = new Latest();
  #part = $state<DatasetPart>('all');
  /** First document of the page, counted within the part. */
  from = $state(0);
  total = $state(0);
  listed = $state.raw<ListedDocument[]>([]);
  /** What is searched for; empty where nothing is. */
  query = $state('');
  /** The number to go on searching from; null where the search is at its end. */
  next = $state<number | null>(null);
  isBusy = $state(false);
  failure = $state.raw<ErrorRecord | null>(null);

  constructor(studio: StudioState, dataset: string) {
    this.#studio = studio;
    this.dataset = dataset;
    void this.show(0);
  }

  get part(): DatasetPart {
    return this.#part;
  }

  set part(part: DatasetPart) {
    this.#part = part;
    void (this.query ? this.search(this.query) : this.show(0));
  }

  get isSearch(): boolean {
    return this.query !== '';
  }

  /** Lists the page that begins at a document of the part. */
  show(from: number): Promise<void> {
    return this.#attempt(async (signal) => {
      const request = { dataset: this.dataset, part: this.part, from, count: DOCUMENTS_PER_PAGE };
      const { total, documents } = await this.#studio.client.datasets.documents(request, { signal });
      if (signal.aborted) return;
      this.query = '';
      this.next = null;
      this.from = from;
      this.total = total;
      this.listed = documents;
    });
  }

  /** Searches from the beginning; an empty query lists the documents again. */
  async search(query: string): Promise<void> {
    if (query.trim() === '') return this.show(0);
    this.query = query;
    this.listed = [];
    await this.#searchFrom(0);
  }

  /** Looks further; what is found comes after what there is. */
  async goOn(): Promise<void> {
    if (this.next !== null) await this.#searchFrom(this.next);
  }

  #searchFrom(from: number): Promise<void> {
    return this.#attempt(async (signal) => {
      const request = { dataset: this.dataset, query: this.query, part: this.part, from, limit: DOCUMENTS_PER_PAGE };
      const { documents, next } = await this.#studio.client.datasets.search(request, { signal });
      if (signal.aborted) return;
      this.listed = [...this.listed, ...documents];
      this.next = next;
    });
  }

  /** What a newer question has overtaken is dropped. */
  async #attempt(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const signal = this.#latest.next();
    this.isBusy = true;
    this.failure = null;
    try {
      await work(signal);
    } catch (error) {
      if (!signal.aborted) this.failure = failureOf(error);
    } finally {
      if (!signal.aborted) this.isBusy = false;
    }
  }

  dispose(): void {
    this.#latest.next();
  }
}
