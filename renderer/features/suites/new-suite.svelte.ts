import type { PartRequest, PartSource, Suite } from '../../../shared/contract/suites.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { words } from '../../../shared/words/words.ts';
import { failureOf } from '../../client/failure.ts';
import type { StudioState } from '../../studio.svelte.ts';
import { PartDraft } from './part-draft.svelte.ts';

/** A suite that is being put together: sources, and how each is measured. */
export class NewSuiteState {
  readonly #studio: StudioState;
  /** As typed; empty takes {@link suggestedName}. */
  name = $state('');
  parts = $state.raw<readonly PartDraft[]>([]);
  isSaving = $state(false);
  failure = $state.raw<ErrorRecord | null>(null);
  #taken = $state.raw<readonly string[]>([]);

  constructor(studio: StudioState) {
    this.#studio = studio;
    void this.#findTaken();
  }

  add(source: PartSource): void {
    const part = new PartDraft(this.#studio, source);
    this.parts = [...this.parts, part];
    void part.inspect();
  }

  remove(part: PartDraft): void {
    this.parts = this.parts.filter((each) => each !== part);
  }

  /** The first part's name without its ending, and a number where there is such a suite already. */
  get suggestedName(): string {
    const wanted = this.parts[0]?.name.replace(/(\.jsonl?)?(\.gz)?$/, '') || words('suites.suggested');
    let name = wanted;
    for (let number = 2; this.#taken.includes(name); number++) name = `${wanted} ${number}`;
    return name;
  }

  /** What stands in the way of saving it; null when nothing does. */
  get missing(): string | null {
    if (this.parts.length === 0) return words('suites.nothingYet');
    if (this.#taken.includes(this.name.trim())) return words('suites.nameTaken', { suite: this.name.trim() });
    return this.parts.map(({ problem }) => problem).find((problem) => problem !== null) ?? null;
  }

  /** Saves it; null when that failed. */
  async save(): Promise<Suite | null> {
    this.isSaving = true;
    this.failure = null;
    try {
      const parts = this.parts.map(({ request }): PartRequest => request);
      return await this.#studio.client.suites.save({ name: this.name.trim() || this.suggestedName, parts });
    } catch (error) {
      this.failure = failureOf(error);
      return null;
    } finally {
      this.isSaving = false;
    }
  }

  async #findTaken(): Promise<void> {
    try {
      this.#taken = (await this.#studio.client.suites.list()).map(({ name }) => name);
    } catch (error) {
      this.failure = failureOf(error);
    }
  }
}
