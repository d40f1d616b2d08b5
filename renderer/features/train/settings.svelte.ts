import type { DatasetInfo } from '../../../shared/contract/datasets.ts';
import type { TrainRequest } from '../../../shared/contract/training.ts';
import { DEFAULT_RENDERING, type Rendering } from '../../../shared/domain/rendering.ts';
import type { Packing } from '../../../shared/domain/run.ts';
import { MOST_BATCH } from '../../../shared/domain/settings.ts';
import type { Schedule } from '../../../shared/domain/schedule.ts';
import { locale, words } from '../../../shared/words/words.ts';

/** What a field takes at most: more is a slip of the finger, and is refused before the studio is asked. */
export const MOST = { steps: 1_000_000_000, batch: MOST_BATCH, context: 10_000_000 } as const;

/** How long and how a run learns, whatever is trained and from what. Null and empty take the default. */
export class SettingsState {
  steps = $state<number | null>(null);
  batch = $state<number | null>(null);
  microBatch = $state<number | null>(null);
  context = $state<number | null>(null);
  learningRate = $state<number | null>(null);
  schedule = $state<Schedule['name']>('cosine');
  packing = $state<Packing>('plain');
  /** How documents become tokens. */
  completions = $state<Rendering['completions']>(DEFAULT_RENDERING.completions);
  learn = $state<Rendering['learn']>(DEFAULT_RENDERING.learn);
  name = $state('');

  get rendering(): Rendering {
    return { completions: this.completions, learn: this.learn };
  }

  /** Takes over what a request says. */
  take(request: TrainRequest): void {
    const { schedule, packing, microBatch } = request.advanced ?? {};
    this.steps = request.steps ?? null;
    this.batch = request.batch ?? null;
    this.microBatch = microBatch ?? null;
    this.context = request.context ?? null;
    this.learningRate = request.learningRate ?? null;
    this.schedule = schedule ?? 'cosine';
    this.packing = packing ?? 'plain';
    const { completions, learn } = { ...DEFAULT_RENDERING, ...request.rendering };
    this.completions = completions;
    this.learn = learn;
    this.name = '';
  }

  /** What is wrong with the numbers, as a sentence; null when nothing is. */
  get wrong(): string | null {
    return Object.values(this.wrongs).find((wrong) => wrong !== null) ?? null;
  }

  /** Why what stands in a field is no such number. */
  get wrongs(): Record<'steps' | 'batch' | 'microBatch' | 'context' | 'learningRate', string | null> {
    const isWrong = (value: number | null, least: number, most: number): boolean =>
      value !== null && !(Number.isInteger(value) && value >= least && value <= most);
    const inFull = (most: number): string => most.toLocaleString(locale().numbers);
    const isNoRate = this.learningRate !== null && !(this.learningRate > 0 && this.learningRate < Infinity);
    return {
      steps: isWrong(this.steps, 1, MOST.steps) ? words('train.wrongSteps', { most: inFull(MOST.steps) }) : null,
      batch: isWrong(this.batch, 1, MOST.batch) ? words('train.wrongBatch', { most: MOST.batch }) : null,
      microBatch: isWrong(this.microBatch, 1, this.#mostAtOnce) ? words('train.wrongMicroBatch', { most: this.#mostAtOnce }) : null,
      context: isWrong(this.context, 2, MOST.context) ? words('train.wrongContext', { most: inFull(MOST.context) }) : null,
      learningRate: isNoRate ? words('train.wrongRate') : null,
    };
  }

  /** Not more windows go through the model at once than a step has. */
  get #mostAtOnce(): number {
    return this.batch !== null && this.batch >= 1 && this.batch <= MOST.batch ? this.batch : MOST.batch;
  }

  /** @param asBefore settings without a field that are carried over from another run. */
  request(asBefore: TrainRequest['advanced']): Partial<TrainRequest> {
    return {
      rendering: this.rendering,
      ...(this.steps ? { steps: this.steps } : {}),
      ...(this.batch ? { batch: this.batch } : {}),
      ...(this.context ? { context: this.context } : {}),
      ...(this.learningRate ? { learningRate: this.learningRate } : {}),
      ...(this.name.trim() ? { name: this.name.trim() } : {}),
      advanced: {
        ...asBefore,
        schedule: this.schedule,
        packing: this.packing,
        ...(this.microBatch ? { microBatch: this.microBatch } : {}),
      },
    };
  }
}

/** Which settings of a rendering mean anything for datasets: whether they have prompts with completions, and conversations. */
export function renderedOf(datasets: readonly DatasetInfo[]): { completions: boolean; learn: boolean } {
  const completions = datasets.some(({ kinds }) => (kinds.completion ?? 0) > 0);
  return { completions, learn: completions || datasets.some(({ kinds }) => (kinds.chat ?? 0) > 0) };
}
