import type { ChosenMapping, ImportRequest, InspectedShape, Inspection } from '../../../shared/contract/dataset-import.ts';
import { type CleaningSettings, DEFAULT_CLEANING } from '../../../shared/domain/cleaning.ts';
import type { Mapping } from '../../../shared/domain/shape.ts';
import { words } from '../../../shared/words/words.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { failureOf } from '../../client/failure.ts';
import { Latest } from '../../client/latest.ts';
import type { StudioState } from '../../studio.svelte.ts';
import { distinct } from '../../ui/distinct.ts';

/** Several columns may be chosen one after the other before anything is looked at again. */
const INSPECT_DELAY_MS = 200;

/** An import that is being prepared: what was dropped, what was found in it, and what the user wants otherwise. */
export class PreparationState {
  readonly #studio: StudioState;
  readonly #latest = new Latest();
  #timer: ReturnType<typeof setTimeout> | undefined;
  paths = $state.raw<readonly string[]>([]);
  inspection = $state.raw<Inspection | null>(null);
  isInspecting = $state(false);
  failure = $state.raw<ErrorRecord | null>(null);
  /** What was typed; null takes what was found. */
  #name = $state<string | null>(null);
  #licence = $state<string | null>(null);
  origin = $state('');
  /** What the user wants otherwise; null leaves it as it is by default, or as it was for an earlier version. */
  #cleaning = $state.raw<CleaningSettings | null>(null);
  #earlierCleaning = $state.raw<CleaningSettings | null>(null);
  /** By {@link keyOf} of their columns. */
  #mappings = $state.raw<Readonly<Record<string, ChosenMapping>>>({});
  #newVersionOf = $state('');

  constructor(studio: StudioState) {
    this.#studio = studio;
  }

  get name(): string {
    return this.#name ?? (this.newVersionOf ? '' : (this.inspection?.name ?? ''));
  }

  set name(name: string) {
    this.#name = name;
  }

  get licence(): string {
    return this.#licence ?? (this.newVersionOf ? '' : (this.inspection?.licence ?? ''));
  }

  set licence(licence: string) {
    this.#licence = licence;
  }

  get cleaning(): CleaningSettings {
    return this.#cleaning ?? this.#earlierCleaning ?? DEFAULT_CLEANING;
  }

  set cleaning(settings: CleaningSettings) {
    const unchanged = this.#earlierCleaning ?? DEFAULT_CLEANING;
    this.#cleaning = JSON.stringify(settings) === JSON.stringify(unchanged) ? null : settings;
  }

  /** Id of the dataset that this is a later version of; empty for one of its own. */
  get newVersionOf(): string {
    return this.#newVersionOf;
  }

  set newVersionOf(dataset: string) {
    this.#newVersionOf = dataset;
    this.#earlierCleaning = null;
    if (dataset !== '') void this.#lookAtEarlier(dataset);
  }

  /** How the earlier version was cleaned. */
  async #lookAtEarlier(dataset: string): Promise<void> {
    try {
      const { cleaning } = await this.#studio.client.datasets.show({ dataset });
      if (this.#newVersionOf === dataset) this.#earlierCleaning = cleaning?.settings ?? null;
    } catch (error) {
      this.failure = failureOf(error);
    }
  }

  /** Takes more files and folders to what is being prepared. */
  add(paths: readonly string[]): void {
    this.paths = distinct([...this.paths, ...paths]);
    void this.#inspect();
  }

  /** Looks again, as after a failure. */
  inspect(): void {
    void this.#inspect();
  }

  /** How rows with the columns of a shape are to be read; null takes the guess. */
  choose(shape: InspectedShape, mapping: Mapping | null): void {
    const { [keyOf(shape)]: _, ...others } = this.#mappings;
    const columns = columnNames(shape);
    this.#mappings = mapping ? { ...others, [keyOf(shape)]: { columns, mapping } } : others;
    this.isInspecting = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#inspect(), INSPECT_DELAY_MS);
  }

  /** What was chosen for a shape; null where the guess is taken. */
  chosen(shape: InspectedShape): Mapping | null {
    return this.#mappings[keyOf(shape)]?.mapping ?? null;
  }

  /** What is still missing, as a sentence; null when it can begin. */
  get missing(): string | null {
    if (!this.inspection) return words('imports.looking');
    if (this.inspection.files === 0) return words('imports.nothing');
    return null;
  }

  /** The import as it would begin; null as long as nothing was found. */
  get request(): ImportRequest | null {
    if (this.missing !== null) return null;
    const typed = (key: 'name' | 'origin', text: string): Partial<ImportRequest> => (text.trim() ? { [key]: text.trim() } : {});
    // Of a later version what nobody changed is done as it was then.
    const isVersion = this.newVersionOf !== '';
    return {
      paths: [...this.paths],
      ...typed('name', this.name),
      // Untouched, the import finds it itself; emptied, it is none, whatever a file LICENSE says.
      ...(this.#licence === null || (isVersion && this.licence.trim() === '') ? {} : { licence: this.licence.trim() }),
      ...typed('origin', this.origin),
      ...(this.#cleaning ? { cleaning: this.#cleaning } : {}),
      ...(Object.keys(this.#mappings).length > 0 ? { mappings: Object.values(this.#mappings) } : {}),
      ...(isVersion ? { newVersionOf: this.newVersionOf } : {}),
    };
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#latest.next();
  }

  /** Looks into the files; what a newer question has overtaken is dropped. */
  async #inspect(): Promise<void> {
    const signal = this.#latest.next();
    this.isInspecting = true;
    this.failure = null;
    try {
      const request = { paths: [...this.paths], mappings: Object.values(this.#mappings) };
      const inspection = await this.#studio.client.datasets.inspect(request, { signal });
      if (!signal.aborted) this.inspection = inspection;
    } catch (error) {
      if (!signal.aborted) this.failure = failureOf(error);
    } finally {
      if (!signal.aborted) this.isInspecting = false;
    }
  }
}

export function columnNames(shape: InspectedShape): string[] {
  return shape.guess.columns.map(({ name }) => name);
}

/** The same for the same columns in any order. */
function keyOf(shape: InspectedShape): string {
  return JSON.stringify(columnNames(shape).sort());
}
