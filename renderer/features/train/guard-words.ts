import type { Guard } from '../../../shared/domain/guard.ts';
import { GRACE_EVALUATIONS } from '../../../shared/domain/guard-rule.ts';
import { words } from '../../../shared/words/words.ts';
import { significant } from '../../ui/format.ts';

/** What a limit on forgetting means, in plain words. */

export function guardMeasureWords(measure: Guard['measure']): { label: string; unit: string } {
  return {
    loss: { label: words('guard.measureLoss'), unit: words('terms.natsPerToken') },
    percent: { label: words('guard.measurePercent'), unit: '%' },
    drift: { label: words('guard.measureDrift'), unit: words('terms.natsPerToken') },
  }[measure];
}

export function guardActionWords(action: Guard['action']): string {
  return {
    warn: words('guard.warn'),
    'lower-rate': words('guard.lowerRate'),
    'raise-replay': words('guard.raiseReplay'),
    pause: words('guard.pause'),
    'roll-back': words('guard.rollBack'),
  }[action];
}

/** The limit as a sentence, as it will act. */
export function guardSentence({ measure, limit, action, fromStart }: Guard): string {
  const parts = {
    amount: `${significant(limit, 6)} ${guardMeasureWords(measure).unit}`,
    consequence: consequenceOf(action),
    grace: fromStart ? words('guard.fromStartToo') : words('guard.grace', { measurements: GRACE_EVALUATIONS }),
  };
  return measure === 'drift' ? words('guard.ifDrift', parts) : words('guard.ifLoss', parts);
}

function consequenceOf(action: Guard['action']): string {
  return {
    warn: words('guard.thenWarn'),
    'lower-rate': words('guard.thenLowerRate'),
    'raise-replay': words('guard.thenRaiseReplay'),
    pause: words('guard.thenPause'),
    'roll-back': words('guard.thenRollBack'),
  }[action];
}
