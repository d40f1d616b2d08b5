import type { DataCheckEvent } from '../../../shared/contract/dataset-checks.ts';
import type { DataCheckReport } from '../../../shared/domain/data-check.ts';
import { listInWords, words } from '../../../shared/words/words.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { failureOf } from '../../client/failure.ts';
import type { StudioState } from '../../studio.svelte.ts';
import { distinct } from '../../ui/distinct.ts';
import type { TrainState } from '../train/train.svelte.ts';

/** What a dataset is in a check: trained on, or only measured on. */
export type CheckPart = 'trained' | 'measured';

/** A cross-check of datasets: what is chosen for it, how far it is, and what it found. */
export class ChecksState {
  readonly #studio: StudioState;
  readonly #train: TrainState;
  #abort = new AbortController();
  isOpen = $state(false);
  /** What was chosen by hand, by dataset; the others are taken by their roles. */
  #chosen = $state.raw<Readonly<Record<string, CheckPart | null>>>({});
  /** Files with texts to measure on: their paths on the studio's machine. */
  files = $state.raw<readonly string[]>([]);
  progress = $state.raw<DataCheckEvent | null>(null);
  report = $state.raw<DataCheckReport | null>(null);
  failure = $state.raw<ErrorRecord | null>(null);
  isDropping = $state(false);
  /** What dropping documents made, as a sentence. */
  message = $state('');

  constructor(studio: StudioState, train: TrainState) {
    this.#studio = studio;
    this.#train = train;
  }

  get isRunning(): boolean {
    return this.progress !== null;
  }

  /** Opens it with a dataset among those that are trained on. */
  open(dataset: string): void {
    this.isOpen = true;
    this.choose(dataset, 'trained');
  }

  /** Null where it is left out of the check. */
  partOf(dataset: string): CheckPart | null {
    const chosen = this.#chosen[dataset];
    return chosen === undefined ? (this.#train.roles[dataset] ? 'trained' : null) : chosen;
  }

  choose(dataset: string, part: CheckPart | null): void {
    this.#chosen = { ...this.#chosen, [dataset]: part };
  }

  /** Ids of those that take part. */
  get chosenIds(): string[] {
    return [...this.#idsOf('trained'), ...this.#idsOf('measured')];
  }

  #idsOf(part: CheckPart): string[] {
    return this.#studio.datasets.flatMap(({ id }) => (this.partOf(id) === part ? [id] : []));
  }

  /** What is still missing, as a sentence; null when it can begin. */
  get missing(): string | null {
    return this.#idsOf('trained').length === 0 ? words('checks.missing') : null;
  }

  addFiles(paths: readonly string[] | null): void {
    this.files = distinct([...this.files, ...(paths ?? [])]);
  }

  removeFile(path: string): void {
    this.files = this.files.filter((each) => each !== path);
  }

  async run(): Promise<void> {
    const { signal } = (this.#abort = new AbortController());
    this.failure = null;
    this.report = null;
    this.message = '';
    this.progress = { activity: words('checks.beginning'), done: null, of: null, report: null };
    try {
      const request = { datasets: this.#idsOf('trained'), evaluations: [...this.#idsOf('measured'), ...this.files] };
      for await (const event of await this.#studio.client.datasets.check(request, { signal })) {
        if (event.report) this.report = event.report;
        else this.progress = event;
      }
    } catch (error) {
      if (!signal.aborted) this.failure = failureOf(error);
    } finally {
      this.progress = null;
    }
  }

  /** Ends a check that goes on. */
  stop(): void {
    this.#abort.abort();
  }

  /** Makes datasets without the documents that give something away; they take over the roles of those they were made from. */
  async drop(): Promise<void> {
    if (!this.report) return;
    this.isDropping = true;
    this.failure = null;
    const made: string[] = [];
    try {
      for (const { dataset, documents } of this.report.drop) {
        const { id, name } = await this.#studio.client.datasets.drop({ dataset, documents });
        await this.#studio.refresh();
        this.#replace(dataset, id);
        made.push(words('checks.quoted', { name }));
      }
      this.report = null;
    } catch (error) {
      this.failure = failureOf(error);
    } finally {
      this.isDropping = false;
      if (made.length > 0) this.message = words('checks.made', { datasets: listInWords(made) });
    }
  }

  #replace(earlier: string, later: string): void {
    const role = this.#train.roles[earlier] ?? null;
    const part = this.partOf(earlier);
    this.#train.setRole(later, role);
    this.#train.setRole(earlier, null);
    this.choose(later, part);
    this.choose(earlier, null);
  }
}
