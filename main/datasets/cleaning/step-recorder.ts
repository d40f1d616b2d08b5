import { type CleaningStep, type CleaningStepReport, MAX_CLEANING_EXAMPLES } from '../../../shared/domain/cleaning.ts';

/** Characters of a text that an example shows on each side of its first difference. */
const BEFORE_DIFFERENCE = 40;
const AFTER_DIFFERENCE = 80;

/** Counts what one step does to the documents that pass it, and keeps its first examples. */
export class StepRecorder {
  readonly #report: CleaningStepReport;
  readonly #isSecret: boolean;

  /** @param isSecret whether examples leave out what stood there before. */
  constructor(step: CleaningStep, { isSecret = false } = {}) {
    this.#isSecret = isSecret;
    const none = { documents: 0, characters: 0 };
    this.#report = { step, before: { ...none }, after: { ...none }, changed: 0, removed: 0, examples: [] };
  }

  /** A document that stays, with the same text or another. */
  kept(where: string, before: string, after: string): void {
    this.keptAs(before.length, after.length);
    if (before === after) return;
    this.#report.changed++;
    if (this.#report.examples.length >= MAX_CLEANING_EXAMPLES) return;
    const excerpts = excerptsOf(before, after);
    this.#report.examples.push({ where, before: this.#isSecret ? '' : excerpts.before, after: excerpts.after, reason: null });
  }

  /** A document that stays, by its characters: for steps that hold no texts. */
  keptAs(before: number, after = before): void {
    this.#report.before.documents++;
    this.#report.before.characters += before;
    this.#report.after.documents++;
    this.#report.after.characters += after;
  }

  /**
   * A document that is left out.
   * @param excerpt its beginning; "" where the step holds no texts.
   */
  removed(where: string, characters: number, excerpt: string, reason: string | null = null): void {
    this.#report.before.documents++;
    this.#report.before.characters += characters;
    this.#report.removed++;
    if (this.#report.examples.length >= MAX_CLEANING_EXAMPLES) return;
    this.#report.examples.push({
      where,
      before: this.#isSecret ? '' : excerpt.slice(0, BEFORE_DIFFERENCE + AFTER_DIFFERENCE).toWellFormed(),
      after: null,
      reason,
    });
  }

  report(): CleaningStepReport {
    return structuredClone(this.#report);
  }
}

/** Both texts around the first place where they differ. */
function excerptsOf(before: string, after: string): { before: string; after: string } {
  let first = 0;
  while (first < before.length && first < after.length && before[first] === after[first]) first++;
  const cut = (text: string): string => text.slice(Math.max(0, first - BEFORE_DIFFERENCE), first + AFTER_DIFFERENCE).toWellFormed();
  return { before: cut(before), after: cut(after) };
}
