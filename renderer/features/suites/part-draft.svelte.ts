import type { PartInspection, PartRequest, PartSource } from '../../../shared/contract/suites.ts';
import type { ChoiceForm } from '../../../shared/domain/evaluation/choice-item.ts';
import type { AnswerMatch, Extraction } from '../../../shared/domain/evaluation/extraction.ts';
import { type PartOptionsInput, partOptionsSchema } from '../../../shared/domain/evaluation/part.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { words } from '../../../shared/words/words.ts';
import { failureOf } from '../../client/failure.ts';
import { Latest } from '../../client/latest.ts';
import type { StudioState } from '../../studio.svelte.ts';
import type { PartKind } from './suite-words.ts';

/** One source of a suite that is being put together: what is in it, and how it shall be measured. */
export class PartDraft {
  readonly #studio: StudioState;
  readonly source: PartSource;
  readonly #inspections = new Latest();
  name = $state('');
  inspection = $state.raw<PartInspection | null>(null);
  failure = $state.raw<ErrorRecord | null>(null);
  isInspecting = $state(false);
  kind = $state<PartKind>('choices');
  /** Null: as the fields of the first question say. */
  form = $state<ChoiceForm | null>(null);
  extraction = $state<Extraction>('text');
  match = $state<AnswerMatch>('exact');
  shots = $state<number | null>(null);
  /** File on the studio's machine that examples are taken from; null takes the first questions. */
  examples = $state<string | null>(null);
  maxTokens = $state<number | null>(null);
  limit = $state<number | null>(null);
  seed = $state<number | null>(null);

  constructor(studio: StudioState, source: PartSource) {
    this.#studio = studio;
    this.source = source;
    this.name =
      'file' in source ? baseName(source.file) : (studio.datasets.find(({ id }) => id === source.dataset)?.name ?? source.dataset);
  }

  get options(): PartOptionsInput {
    const drawn = { limit: this.limit, seed: this.seed ?? 0 };
    if (this.kind === 'text') return { kind: 'text', ...drawn };
    if (this.kind === 'choices') return { kind: 'choices', form: this.form, ...drawn };
    const { extraction, match, maxTokens } = this;
    return { kind: 'exact-match', extraction, match, shots: this.shots ?? 0, ...(maxTokens !== null && { maxTokens }), ...drawn };
  }

  get request(): PartRequest {
    const { examples, source, options } = this;
    const isShown = this.kind === 'exact-match' && (this.shots ?? 0) > 0 && examples !== null;
    return { ...(this.name.trim() && { name: this.name.trim() }), source, options, ...(isShown && { examples: { file: examples } }) };
  }

  /** What stands in the way of measuring it; null when nothing does. */
  get problem(): string | null {
    if (this.isInspecting) return words('suites.readingPart', { part: this.name });
    if (this.failure || !this.inspection) return words('suites.cannotMeasure', { part: this.name });
    if (!partOptionsSchema.safeParse(this.options).success) return words('suites.outOfRange', { part: this.name });
    if (this.kind === 'exact-match' && this.examples === null && (this.shots ?? 0) >= this.inspection.items)
      return words('suites.tooManyExamples', { part: this.name, count: this.inspection.items });
    return null;
  }

  /** Reads the source through: as it looks at first, then as it is chosen. */
  inspect(): Promise<void> {
    const isFirst = this.inspection === null && this.failure === null;
    // Figures that are being typed do not change what is read.
    const options = isFirst ? undefined : partOptionsSchema.parse({ kind: this.kind, form: this.form, extraction: this.extraction });
    this.isInspecting = true;
    this.failure = null;
    return this.#inspections.ask(
      () => this.#studio.client.suites.inspect({ source: this.source, ...(options && { options }) }),
      (found) => {
        this.inspection = found;
        if (isFirst) this.#take(found);
        this.isInspecting = false;
      },
      (error) => {
        this.failure = failureOf(error);
        this.isInspecting = false;
      },
    );
  }

  #take({ options }: PartInspection): void {
    this.kind = options.kind;
    if (options.kind === 'exact-match') this.extraction = options.extraction;
  }
}

/** The last part of a path, of either kind of machine. */
export function baseName(path: string): string {
  return path.split(/[\\/]/).at(-1) ?? path;
}
