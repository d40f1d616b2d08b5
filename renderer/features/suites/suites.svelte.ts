import { createContext } from 'svelte';
import type { ScoreProgress, SuiteRunRequest } from '../../../shared/contract/suites.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { failureOf } from '../../client/failure.ts';
import type { StudioState } from '../../studio.svelte.ts';
import { NewSuiteState } from './new-suite.svelte.ts';

/** What of suites outlives a page: the one that is being put together, and the measuring that goes on while the user looks elsewhere. */
export class SuitesState {
  readonly #studio: StudioState;
  #abort: AbortController | null = null;
  draft = $state<NewSuiteState | null>(null);
  /** The suite that is being measured with, and how far it is; null while nothing is measured. */
  running = $state.raw<{ suite: string; progress: ScoreProgress | null } | null>(null);
  /** What ended the last measuring before its end. */
  failure = $state.raw<{ suite: string; record: ErrorRecord } | null>(null);
  /** Rises whenever there are new results. */
  results = $state(0);

  constructor(studio: StudioState) {
    this.#studio = studio;
  }

  /** Takes files of the studio's machine to the suite that is being put together. */
  addFiles(paths: readonly string[]): void {
    this.draft ??= new NewSuiteState(this.#studio);
    for (const file of paths) this.draft.add({ file });
  }

  addDataset(dataset: string): void {
    this.draft ??= new NewSuiteState(this.#studio);
    this.draft.add({ dataset });
  }

  /** Measures; one suite at a time. */
  async measure(request: SuiteRunRequest): Promise<void> {
    if (this.running) return;
    const abort = new AbortController();
    this.#abort = abort;
    this.failure = null;
    this.running = { suite: request.suite, progress: null };
    try {
      const events = await this.#studio.client.suites.run(request, { signal: abort.signal });
      for await (const { progress } of events) {
        if (abort.signal.aborted) break;
        if (!progress) continue;
        if (progress.partsDone > (this.running.progress?.partsDone ?? 0)) this.results++;
        this.running = { suite: request.suite, progress };
        this.#studio.host.showProgress?.(fractionOf(progress));
      }
    } catch (error) {
      if (!abort.signal.aborted) this.failure = { suite: request.suite, record: failureOf(error) };
    }
    if (this.#abort === abort) this.#end();
  }

  /** Leaves the measuring off; what was measured stays. */
  stop(): void {
    this.#abort?.abort();
    this.#end();
  }

  #end(): void {
    this.#abort = null;
    this.running = null;
    this.results++;
    this.#studio.host.showProgress?.(null);
  }
}

/** Part of the measuring that is done, 0 to 1: parts count alike. */
export function fractionOf({ done, of, partsDone, parts }: ScoreProgress): number {
  return (partsDone + (of === 0 ? 0 : done / of)) / Math.max(1, parts);
}

export const [getSuites, setSuites] = createContext<SuitesState>();
