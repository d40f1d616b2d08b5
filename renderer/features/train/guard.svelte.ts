import { GUARD_ACTIONS, GUARD_MEASURES, type Guard } from '../../../shared/domain/guard.ts';
import { words } from '../../../shared/words/words.ts';

/** A limit that is a reasonable start for each measure: small beside what learning something new usually brings. */
const SUGGESTED: Record<Guard['measure'], number> = { loss: 0.05, percent: 2, drift: 0.1 };

/** The limit on forgetting of the next run; none unless it is switched on. */
export class GuardState {
  isOn = $state(false);
  #measure = $state<Guard['measure']>(GUARD_MEASURES[0]);
  /** Null: the suggestion of the measure. `NaN` while what stands in the field is no number. */
  limit = $state<number | null>(null);
  action = $state<Guard['action']>(GUARD_ACTIONS[1]);
  fromStart = $state(false);

  get measure(): Guard['measure'] {
    return this.#measure;
  }

  /** A limit in one measure means nothing in another. */
  set measure(measure: Guard['measure']) {
    this.#measure = measure;
    this.limit = null;
  }

  /** Takes over a limit; null switches it off. */
  take(guard: Guard | null): void {
    this.isOn = guard !== null;
    if (!guard) return;
    this.#measure = guard.measure;
    this.limit = guard.limit;
    this.action = guard.action;
    this.fromStart = guard.fromStart ?? false;
  }

  get suggested(): number {
    return SUGGESTED[this.#measure];
  }

  /** What is wrong, as a sentence; null when nothing is. */
  get wrong(): string | null {
    if (!this.isOn || this.limit === null || this.limit > 0) return null;
    return words('guard.wrongLimit');
  }

  /** Null while it is off or wrong. */
  get guard(): Guard | null {
    if (!this.isOn || this.wrong) return null;
    return { measure: this.#measure, limit: this.limit ?? this.suggested, action: this.action, fromStart: this.fromStart };
  }
}
