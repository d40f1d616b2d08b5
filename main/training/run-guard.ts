import type { Guard, GuardAction, GuardEvent, GuardMeasure } from '../../shared/domain/guard.ts';
import { guardActs, type GuardState, raisedShare } from '../../shared/domain/guard-rule.ts';
import { plannedShare } from '../../shared/domain/mixture-open.ts';
import type { RunConfiguration } from '../../shared/domain/run.ts';
import { type Estimate, estimateDifference, estimateRatio } from '../../shared/domain/statistics.ts';
import { words } from '../../shared/words/words.ts';
import { learningRateAt, warmupSteps } from '../llama/schedule.ts';
import type { Measured } from './held-out.ts';

/** Redraws for the standard error that an event names. */
const RESAMPLES_OF_EVENT = 200;

/** A moment of a run at which its guard looks at what was measured. */
interface Moment {
  step: number;
  /** The base on the same windows. */
  baseline: Measured;
  now: Measured;
  /** After the last step. */
  isEnd: boolean;
}

export interface Judgement {
  /** What was measured, in the guard's measure. */
  found: number;
  isWithin: boolean;
  /** What it does; null when it does nothing. */
  event: GuardEvent | null;
}

/** The limit on forgetting of a run: looks at each evaluation, and writes down in the run's state what follows for its further steps. */
export class RunGuard {
  readonly #guard: Guard;
  readonly #configuration: RunConfiguration;
  readonly #oldIds: ReadonlySet<string>;

  constructor(guard: Guard, configuration: RunConfiguration) {
    this.#guard = guard;
    this.#configuration = configuration;
    this.#oldIds = new Set(configuration.datasets.flatMap(({ id, role }) => (role === 'old' ? [id] : [])));
  }

  /** Changes `state`: the learning rate's factor, the raises of the replay share, the events. Going back and pausing are the trainer's to do. */
  judge(state: GuardState, { step, baseline, now, isEnd }: Moment): Judgement {
    const { limit, action } = this.#guard;
    const { value: found, error } = this.#measure(baseline, now);
    const isWithin = found <= limit;
    const acts = guardActs(this.#guard, state, { found, evaluation: this.#evaluationsSinceWarmup(step), isEnd });
    state.previous = found;
    if (isWithin) state.isBeyond = false;
    if (!acts) return { found, isWithin, event: null };
    state.isBeyond = true;
    const done = isEnd && action !== 'roll-back' ? words('said.guardEnded') : this.#act(action, state, step);
    const amount = `${number(found)}${error === null ? '' : ` ± ${number(error)}`}`;
    const text = passedText(this.#guard.measure, { amount, limit: String(limit), activity: done });
    const event: GuardEvent = { step, at: new Date().toISOString(), action, found, limit, text };
    state.events.push(event);
    return { found, isWithin, event };
  }

  #measure(baseline: Measured, now: Measured): Estimate {
    const { measure } = this.#guard;
    const [before, after] = [baseline, now].map(({ documents }) => documents.filter(({ datasetId }) => this.#oldIds.has(datasetId)));
    const weights = after!.flatMap(({ tokens }) => tokens);
    if (measure === 'drift') {
      return estimateRatio({ sums: after!.flatMap(({ drifts }) => drifts!), weights }, { resamples: RESAMPLES_OF_EVENT });
    }
    const { value, error } = estimateDifference(
      { sums: before!.flatMap(({ losses }) => losses), weights: before!.flatMap(({ tokens }) => tokens) },
      { sums: after!.flatMap(({ losses }) => losses), weights },
      { resamples: RESAMPLES_OF_EVENT },
    );
    const scale = measure === 'percent' ? 100 / baseline.evaluation.old!.loss : 1;
    return { value: value * scale, error: error && error * scale };
  }

  #evaluationsSinceWarmup(step: number): number {
    const { everySteps } = this.#configuration.evaluation;
    return Math.floor(step / everySteps) - Math.floor(warmupSteps(this.#configuration) / everySteps);
  }

  /** @returns what was done, in words. */
  #act(action: GuardAction, state: GuardState, step: number): string {
    switch (action) {
      case 'warn':
        return words('said.guardWarned');
      case 'pause':
        return words('said.guardPaused', { step: String(step) });
      case 'roll-back':
        state.hasEnded = true;
        return state.best && state.best.step > 0
          ? words('said.guardRolledBack', { step: String(state.best.step) })
          : words('said.guardRolledToBase');
      case 'lower-rate':
        state.rateFactor /= 2;
        return words('said.guardHalved', {
          rate: number(learningRateAt(step + 1, this.#configuration) * state.rateFactor),
          step: String(step + 1),
        });
      case 'raise-replay': {
        const { batch } = this.#configuration;
        const raises = state.raises.map((raise) => ({ position: raise.step * batch, replayShare: raise.replayShare }));
        const share = plannedShare(this.#configuration, step * batch, raises);
        const replayShare = raisedShare(share);
        if (replayShare === share) return words('said.guardStays', { share: number(share) });
        state.raises.push({ step, replayShare });
        return words('said.guardRaised', { from: number(share), to: number(replayShare), step: String(step + 1) });
      }
    }
  }
}

/** What passed the limit, and what was done. */
function passedText(measure: GuardMeasure, passed: { amount: string; limit: string; activity: string }): string {
  switch (measure) {
    case 'loss':
      return words('said.guardRose', passed);
    case 'percent':
      return words('said.guardRosePercent', passed);
    case 'drift':
      return words('said.guardDrift', passed);
  }
}

/** Four digits are enough to read. */
function number(value: number): string {
  return String(Number(value.toPrecision(4)));
}
