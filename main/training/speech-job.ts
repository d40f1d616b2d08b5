import { StrataError } from '../../shared/errors.ts';
import type { Engine } from '../engine/engine.ts';
import { explainText } from './explain-job.ts';
import { generateText } from './generate-job.ts';
import type { TrainerEvent } from './messages.ts';
import type { SpeechEvent, SpeechRequest } from './speech-messages.ts';
import { explainFailure } from './trainer-end.ts';
import { LoadedModels } from './voice.ts';

/** Requests about text, answered side by side in one process until it is ended. */
export class Speech {
  readonly #emit: (event: TrainerEvent) => void;
  readonly #ready = Promise.withResolvers<{ engine: Engine; models: LoadedModels }>();
  readonly #going = new Set<number>();

  constructor(emit: (event: TrainerEvent) => void) {
    this.#emit = emit;
  }

  /** Begins to answer; never resolves. */
  serve(engine: Engine): Promise<never> {
    this.#ready.resolve({ engine, models: new LoadedModels(engine) });
    return new Promise(() => undefined);
  }

  ask(number: number, request: SpeechRequest): void {
    this.#going.add(number);
    void this.#answer(number, request).finally(() => this.#going.delete(number));
  }

  /** Ends a request at its next token. */
  leave(number: number): void {
    this.#going.delete(number);
  }

  async #answer(number: number, request: SpeechRequest): Promise<void> {
    try {
      const { engine, models } = await this.#ready.promise;
      const say = (event: SpeechEvent): void => this.#emit({ type: 'said', number, event });
      const isCancelled = (): boolean => !this.#going.has(number);
      if (isCancelled()) throw new StrataError('INTERRUPTED', 'The request was taken back.');
      const result =
        request.kind === 'generate'
          ? await generateText(engine, models, request, say, isCancelled)
          : await explainText(engine, models, request, say, isCancelled);
      this.#emit({ type: 'answered', number, result });
    } catch (error) {
      this.#emit({ type: 'refused', number, error: explainFailure(error, 'other').toRecord() });
    }
  }
}
