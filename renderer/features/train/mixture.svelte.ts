import type { StreamWindow, TrainPreview, TrainRequest } from '../../../shared/contract/training.ts';
import { type Parts, partsOf, setPart } from '../../../shared/domain/mixture-linked.ts';
import type { ReplaySchedule } from '../../../shared/domain/mixture-curve.ts';
import { DEFAULT_REPLAY_SHARE, type Weighting } from '../../../shared/domain/mixture.ts';
import type { Role } from '../../../shared/domain/run.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { words } from '../../../shared/words/words.ts';
import { failureOf } from '../../client/failure.ts';
import { Latest } from '../../client/latest.ts';
import type { StudioState } from '../../studio.svelte.ts';
import { isNamedSchedule } from './prefill.ts';

/** Windows of the stream that are shown at once. */
export const SHOWN_WINDOWS = 64;

export type Row = TrainPreview['mixture'][number];

/** How the tokens of the next run are shared among its datasets, as far as a person has chosen it. */
export class MixtureState {
  readonly #studio: StudioState;
  /** Null: the default, for which the preview gives a reason. What is no share stays until it is corrected; `NaN` is no number. */
  #replayPercent = $state<number | null>(null);
  weighting = $state<Weighting>('size');
  /** Of weights by size; empty takes 1. */
  temperature = $state<number | null>(null);
  schedule = $state<ReplaySchedule>('constant');
  /** Empty: no cap. */
  maxRepeats = $state<number | null>(null);
  /** Percent of its role's tokens, of each dataset, by hand. */
  #parts = $state.raw<Parts>({});
  locked = $state.raw<readonly string[]>([]);
  /** The preview's datasets; the last ones stay while the next preview is made, so that nothing jumps. */
  rows = $state.raw<readonly Row[]>([]);
  #shownReplay = $state<number | null>(null);
  /** Windows from a position on, when others than the first are looked at. */
  position = $state(0);
  windows = $state.raw<readonly StreamWindow[] | null>(null);
  failure = $state.raw<ErrorRecord | null>(null);
  readonly #latest = new Latest();

  constructor(studio: StudioState) {
    this.#studio = studio;
  }

  /** What the preview says of the mixture. */
  show(preview: TrainPreview): void {
    this.rows = preview.mixture;
    this.#shownReplay = Number((preview.replayShare * 100).toFixed(2));
  }

  get replayPercent(): number {
    return this.#replayPercent ?? (this.#shownReplay || DEFAULT_REPLAY_SHARE * 100);
  }

  /** Null: nothing is chosen. */
  set replayPercent(percent: number | null) {
    this.#replayPercent = percent;
  }

  /** Whether the person says how much is replayed; parts by hand are of what is shown. */
  get isReplayChosen(): boolean {
    return this.#replayPercent !== null || this.weighting === 'manual';
  }

  /** Percent of its role's tokens, by dataset: as set by hand, or as the preview says. */
  partsOf(role: Role, ids: readonly string[]): Parts {
    if (this.weighting === 'manual') return partsOf(ids, this.#parts);
    const of = this.rows.filter((row) => row.role === role && ids.includes(row.datasetId));
    const sum = of.reduce((total, { share }) => total + share, 0);
    const shown = sum > 0 ? Object.fromEntries(of.map(({ datasetId, share }) => [datasetId, (100 * share) / sum])) : {};
    return partsOf(ids, shown);
  }

  /** Sets one part by hand: from then on all are set by hand, from what they are now. */
  setPart(datasetId: string, percent: number, byRole: Readonly<Record<Role, readonly string[]>>): void {
    if (!Number.isFinite(percent)) return;
    const now = { new: this.partsOf('new', byRole.new), old: this.partsOf('old', byRole.old) };
    const role = byRole.new.includes(datasetId) ? 'new' : 'old';
    this.#parts = { ...now.new, ...now.old, ...setPart(now[role], this.locked, datasetId, percent) };
    this.weighting = 'manual';
  }

  /** Chosen in the list: by hand begins with what is there. */
  weigh(weighting: Weighting, byRole: Readonly<Record<Role, readonly string[]>>): void {
    if (weighting === 'manual') this.#parts = { ...this.partsOf('new', byRole.new), ...this.partsOf('old', byRole.old) };
    this.weighting = weighting;
  }

  /** Takes over what a request says of the mixture. */
  take({ replayShare, weights = 'size', shares = {}, temperature, maxRepeats, replaySchedule }: TrainRequest): void {
    this.#replayPercent = replayShare === undefined ? null : Number((replayShare * 100).toFixed(4));
    this.weighting = weights;
    this.#parts = shares; // weights within a role: brought to a hundred where they are shown
    this.locked = [];
    this.temperature = temperature ?? null;
    this.maxRepeats = maxRepeats ?? null;
    this.schedule = replaySchedule !== undefined && isNamedSchedule(replaySchedule) ? replaySchedule : 'constant';
  }

  toggleLock(datasetId: string): void {
    const { locked } = this;
    this.locked = locked.includes(datasetId) ? locked.filter((each) => each !== datasetId) : [...locked, datasetId];
  }

  /** What is wrong with the numbers, as a sentence; null when nothing is. @param hasOld something can be replayed. */
  wrong(hasOld: boolean): string | null {
    return (hasOld ? this.wrongReplay : null) ?? this.wrongCap ?? this.wrongTemperature;
  }

  get wrongReplay(): string | null {
    const { replayPercent: percent } = this;
    return percent >= 0 && percent < 100 ? null : words('mixing.wrongReplay');
  }

  get wrongCap(): string | null {
    return this.maxRepeats !== null && !(this.maxRepeats > 0) ? words('mixing.wrongCap') : null;
  }

  get wrongTemperature(): string | null {
    const isWrong = this.weighting === 'size' && this.temperature !== null && !(this.temperature > 0);
    return isWrong ? words('mixing.wrongTemperature') : null;
  }

  /** What a request says of the mixture. */
  request(byRole: Readonly<Record<Role, readonly string[]>>): Partial<TrainRequest> {
    const hasOld = byRole.old.length > 0;
    const isManual = this.weighting === 'manual';
    return {
      ...(hasOld ? (this.isReplayChosen ? { replayShare: this.replayPercent / 100 } : {}) : { replayShare: 0 }),
      weights: this.weighting,
      ...(isManual ? { shares: { ...this.partsOf('new', byRole.new), ...this.partsOf('old', byRole.old) } } : {}),
      ...(this.weighting === 'size' && this.temperature !== null ? { temperature: this.temperature } : {}),
      ...(this.maxRepeats === null ? {} : { maxRepeats: this.maxRepeats }),
      ...(hasOld && this.schedule !== 'constant' ? { replaySchedule: this.schedule } : {}),
    };
  }

  /** Looks at the windows from `position` on; those at the start come with the preview. */
  look(request: TrainRequest | null): void {
    this.failure = null;
    if (!request || !Number.isInteger(this.position) || this.position <= 0) {
      this.#latest.next();
      this.windows = null;
      return;
    }
    void this.#latest.ask(
      () => this.#studio.client.training.stream({ request, first: this.position, count: SHOWN_WINDOWS }),
      (windows) => (this.windows = windows),
      (error) => (this.failure = failureOf(error)),
    );
  }
}
