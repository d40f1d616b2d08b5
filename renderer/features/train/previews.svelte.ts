import type { TrainPreview, TrainRequest } from '../../../shared/contract/training.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { failureOf } from '../../client/failure.ts';
import { Latest } from '../../client/latest.ts';
import type { StudioState } from '../../studio.svelte.ts';

/** Typing a number must not ask for a preview at every key. */
const PREVIEW_DELAY_MS = 250;

/** What the studio says a run would do: the last answer, and whether it is to the present question. */
export class PreviewState {
  readonly #studio: StudioState;
  readonly #onAnswer: (preview: TrainPreview, request: TrainRequest) => void;
  /** The last answer; it stays while the next one is made, so that nothing jumps. */
  answer = $state.raw<TrainPreview | null>(null);
  /** What it answers, as text. */
  #answered = $state.raw('');
  failure = $state.raw<ErrorRecord | null>(null);
  /** What failed, as text. */
  #failed = $state.raw('');
  readonly #latest = new Latest();

  constructor(studio: StudioState, onAnswer: (preview: TrainPreview, request: TrainRequest) => void) {
    this.#studio = studio;
    this.#onAnswer = onAnswer;
  }

  /** Whether the answer is to exactly this request: its name alone changes nothing. */
  answers(request: TrainRequest | null): boolean {
    return request !== null && this.answer !== null && this.#answered === questionOf(request);
  }

  /** Whether the studio has said that exactly this is not possible; what merely went wrong, such as a lost connection, says nothing of it. */
  refuses(request: TrainRequest): boolean {
    return this.failure !== null && this.failure.code !== 'INTERNAL' && this.#failed === questionOf(request);
  }

  /** Asks what a request would mean; an answer that a newer question has overtaken is dropped. Returns how to take the question back. */
  ask(request: TrainRequest | null): () => void {
    return this.#latest.askLater(
      PREVIEW_DELAY_MS,
      async () => request && this.#studio.client.training.preview(request),
      (preview) => {
        this.answer = preview;
        this.#answered = request ? questionOf(request) : '';
        this.failure = null;
        if (preview && request) this.#onAnswer(preview, request);
      },
      (error) => {
        this.answer = null;
        this.failure = failureOf(error);
        this.#failed = request ? questionOf(request) : '';
      },
    );
  }
}

function questionOf(request: TrainRequest): string {
  return JSON.stringify({ ...request, name: undefined });
}
