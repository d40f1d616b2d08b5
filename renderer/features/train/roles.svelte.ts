import type { DatasetInfo } from '../../../shared/contract/datasets.ts';
import type { ModelInfo } from '../../../shared/contract/models.ts';
import type { Role } from '../../../shared/domain/run.ts';
import type { StudioState } from '../../studio.svelte.ts';
import { type GuessedRole, guessRoles } from './guess-roles.ts';

/** Roles of datasets in the next run: as chosen, or guessed while nobody has chosen any. */
export class RolesState {
  readonly #studio: StudioState;
  #roles = $state.raw<Readonly<Record<string, Role>>>({});
  #guesses = $state.raw<Readonly<Record<string, GuessedRole>>>({});
  /** Somebody has chosen, or taken choices over: nothing is guessed any more. */
  #areChosen = false;

  constructor(studio: StudioState) {
    this.#studio = studio;
  }

  /** Roles of the chosen datasets, by id; a deleted dataset has none. */
  get all(): Readonly<Record<string, Role>> {
    return Object.fromEntries(Object.entries(this.#roles).filter(([id]) => this.#studio.datasets.some((dataset) => dataset.id === id)));
  }

  set(datasetId: string, role: Role | null): void {
    this.#areChosen = true;
    const { [datasetId]: _, ...others } = this.#roles;
    this.#roles = role ? { ...others, [datasetId]: role } : others;
    const { [datasetId]: _guess, ...otherGuesses } = this.#guesses;
    this.#guesses = otherGuesses;
  }

  clear(): void {
    this.#areChosen = true;
    this.#roles = {};
    this.#guesses = {};
  }

  /** Fills in roles that can be guessed, unless somebody has chosen: whoever sees them may change them. */
  guess(datasets: readonly DatasetInfo[], model: ModelInfo | undefined): void {
    if (this.#areChosen || !model) return;
    this.#guesses = guessRoles(datasets, model);
    this.#roles = Object.fromEntries(Object.entries(this.#guesses).map(([id, { role }]) => [id, role]));
  }

  /** Which roles were guessed and not touched since, by dataset. */
  get guesses(): Readonly<Record<string, GuessedRole>> {
    return this.#guesses;
  }

  of(role: Role): string[] {
    return Object.entries(this.all).flatMap(([id, each]) => (each === role ? [id] : []));
  }

  /** The chosen datasets' ids. */
  get byRole(): Record<Role, string[]> {
    return { new: this.of('new'), old: this.of('old') };
  }
}
