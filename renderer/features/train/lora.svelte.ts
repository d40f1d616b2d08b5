import type { TrainRequest } from '../../../shared/contract/training.ts';
import { LORA_TARGETS, type LoraTarget } from '../../../shared/domain/method.ts';
import { words } from '../../../shared/words/words.ts';

/** How adapters are shaped; empty takes the defaults. */
export class LoraState {
  rank = $state<number | null>(null);
  alpha = $state<number | null>(null);
  targets = $state.raw<readonly LoraTarget[]>(LORA_TARGETS);

  setTarget(target: LoraTarget, isChosen: boolean): void {
    this.targets = LORA_TARGETS.filter((each) => (each === target ? isChosen : this.targets.includes(each)));
  }

  /** What a request says of them, or said. */
  take({ rank, alpha, targets }: Pick<TrainRequest, 'rank' | 'alpha' | 'targets'>): void {
    this.rank = rank ?? null;
    this.alpha = alpha ?? null;
    this.targets = LORA_TARGETS.filter((each) => targets?.includes(each) ?? true);
  }

  get request(): Pick<TrainRequest, 'rank' | 'alpha' | 'targets'> {
    return {
      targets: [...this.targets],
      ...(this.rank ? { rank: this.rank } : {}),
      ...(this.alpha ? { alpha: this.alpha } : {}),
    };
  }

  /** What is wrong, as a sentence; null when nothing is. */
  get wrong(): string | null {
    return this.wrongRank ?? this.wrongAlpha ?? (this.targets.length === 0 ? words('train.noTargets') : null);
  }

  get wrongRank(): string | null {
    return this.rank !== null && (!Number.isInteger(this.rank) || this.rank < 1) ? words('train.wrongRank') : null;
  }

  get wrongAlpha(): string | null {
    return this.alpha !== null && !(this.alpha > 0) ? words('train.wrongAlpha') : null;
  }
}
