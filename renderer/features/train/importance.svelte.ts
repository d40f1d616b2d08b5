import type { ImportanceRequest } from '../../../shared/contract/planning.ts';
import type { Importance } from '../../../shared/domain/importance.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { failureOf } from '../../client/failure.ts';
import type { StudioState } from '../../studio.svelte.ts';

/** What each block of the chosen model matters for the chosen old data: as far as it is known, or being measured. */
export class ImportanceState {
  readonly #studio: StudioState;
  /** Null while nothing was measured on exactly these data. */
  table = $state.raw<Importance | null>(null);
  /** How far the measurement is; null while none runs. */
  progress = $state.raw<{ activity: string; share: number } | null>(null);
  failure = $state.raw<ErrorRecord | null>(null);
  #asked = '';
  #abort: AbortController | null = null;

  constructor(studio: StudioState) {
    this.#studio = studio;
  }

  /** Looks up what is known; what was known of another model or other data is forgotten, and its measurement ended. */
  lookUp(request: Pick<ImportanceRequest, 'model' | 'oldDatasets' | 'rendering'> | null): void {
    const asked = JSON.stringify(request);
    if (asked === this.#asked) return;
    this.#asked = asked;
    this.stop();
    this.table = null;
    this.failure = null;
    if (!request || request.oldDatasets.length === 0) return;
    this.#studio.client.models.importance(request).then(
      (table) => {
        if (asked === this.#asked) this.table = table;
      },
      (error: unknown) => {
        if (asked === this.#asked) this.failure = failureOf(error);
      },
    );
  }

  async measure(request: Pick<ImportanceRequest, 'model' | 'oldDatasets' | 'rendering'>): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    this.failure = null;
    this.progress = { activity: 'starting', share: 0 };
    try {
      const events = await this.#studio.client.models.measureImportance(request, { signal: abort.signal });
      for await (const { activity, done, of, importance } of events) {
        if (abort.signal.aborted) return;
        if (importance) this.table = importance;
        this.progress = { activity, share: done / of };
      }
    } catch (error) {
      if (!abort.signal.aborted) this.failure = failureOf(error);
    } finally {
      if (this.#abort === abort) {
        this.#abort = null;
        this.progress = null;
      }
    }
  }

  /** Leaves the measurement off; nothing of it is kept. */
  stop(): void {
    this.#abort?.abort();
    this.#abort = null;
    this.progress = null;
  }
}
