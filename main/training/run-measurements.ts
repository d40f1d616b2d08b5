import { StrataError } from '../../shared/errors.ts';
import { largestLogitDifference } from '../llama/measure.ts';
import type { Llama } from '../llama/parameters.ts';
import { explainDivergence } from './divergence.ts';
import { type Measured, NotMeasurable, type Reference } from './held-out.ts';
import type { OpenRun } from './open-run.ts';

/** Windows of real text on which identity is proved before step 1. */
const IDENTITY_WINDOWS = 4;

/** What is measured along a run: its base before step 1, its model on the way, and its result. */
export class RunMeasurements {
  readonly #run: OpenRun;
  /** Spent by this session on measuring on the way. */
  #secondsOnTheWay = 0;
  #timesOnTheWay = 0;

  constructor(run: OpenRun) {
    this.#run = run;
  }

  /** The losses that everything is compared with, written down in the run's state. */
  async base(): Promise<void> {
    const { state, base, heldOut, engine } = this.#run;
    const { watched, whole } = await this.#timed(base, () => heldOut.whole(engine, base, () => null));
    state.baseline = whole.evaluation;
    state.baselineDocuments = whole.documents;
    if (watched !== whole) state.watchedBaseline = watched;
  }

  /** The base on the windows that are measured again and again. */
  get watchedBaseline(): Measured {
    const { baseline, baselineDocuments, watchedBaseline } = this.#run.state;
    return watchedBaseline ?? { evaluation: baseline, documents: baselineDocuments };
  }

  /**
   * That what was added to the base changes nothing before step 1 (LLaMA Pro, section 3.1).
   * @throws StrataError INTERNAL when it does.
   */
  async proveIdentity(): Promise<void> {
    const { state, engine, base, model, heldOut } = this.#run;
    const difference = await largestLogitDifference(engine, base, model, heldOut.first(IDENTITY_WINDOWS));
    state.identityDifference = difference;
    if (difference === 0) return;
    throw new StrataError('INTERNAL', 'The model does not compute the same as its base before it is trained; nothing was trained.', {
      found: `a largest logit difference of ${difference}`,
      allowed: '0',
      hint: 'The base may hold infinite or undefined weights. Please report this with the model.',
    });
  }

  async onTheWay(): Promise<Measured> {
    const { engine, model, heldOut } = this.#run;
    const started = performance.now();
    const watched = await this.#timed(model, () => heldOut.watch(engine, model, this.#reference('on the way')));
    this.#secondsOnTheWay += (performance.now() - started) / 1000;
    this.#timesOnTheWay++;
    return watched;
  }

  result(): Promise<{ watched: Measured; whole: Measured }> {
    const { engine, model, heldOut } = this.#run;
    return this.#timed(model, () => heldOut.whole(engine, model, this.#reference('at the end')));
  }

  /** What one measurement on the way takes; 0 as long as there was none. */
  get secondsEach(): number {
    return this.#timesOnTheWay > 0 ? this.#secondsOnTheWay / this.#timesOnTheWay : 0;
  }

  /**
   * On what the model is compared with its base, which costs a second forward pass: what is kept always, what is learned only of the result.
   */
  #reference(moment: 'on the way' | 'at the end'): Reference {
    const { base, model } = this.#run;
    if (base === model) return () => null;
    return (role) => (role === 'new' && moment === 'on the way' ? null : base);
  }

  /** Counts the time of a measurement. @throws StrataError DIVERGED when a loss is not finite. */
  async #timed<Result>(model: Llama, measure: () => Promise<Result>): Promise<Result> {
    const { state, engine, configuration } = this.#run;
    const started = performance.now();
    try {
      return await measure();
    } catch (error) {
      if (!(error instanceof NotMeasurable)) throw error;
      const moment = state.step === 0 ? 'before step 1' : `after step ${state.step}`;
      const message = `A held-out loss could not be measured ${moment}.`;
      throw await explainDivergence(engine, model, { message, found: error.message, gradients: null }, configuration);
    } finally {
      state.measuringSeconds += (performance.now() - started) / 1000;
    }
  }
}
