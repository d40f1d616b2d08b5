import type { Guard } from '../../../shared/domain/guard.ts';
import { GRACE_EVALUATIONS } from '../../../shared/domain/guard-rule.ts';

/** What a limit on forgetting means, in plain words. */

export const GUARD_MEASURE_WORDS: Record<Guard['measure'], { label: string; unit: string }> = {
  loss: { label: 'Rise of the loss on old text', unit: 'nats per token' },
  percent: { label: 'The same in percent', unit: '%' },
  drift: { label: 'Drift from the base on old text', unit: 'nats per token' },
};

export const GUARD_ACTION_WORDS: Record<Guard['action'], { label: string; consequence: string }> = {
  warn: { label: 'Warn, and go on', consequence: 'a warning is written down and the run goes on as it was' },
  'lower-rate': { label: 'Halve the learning rate', consequence: 'the learning rate is halved, and again as long as it goes on rising' },
  'raise-replay': {
    label: 'Replay more old text',
    consequence: 'twice as much old text is replayed in the rest of the run, and again as long as it goes on rising',
  },
  pause: { label: 'Pause the run', consequence: 'the run pauses, and you decide' },
  'roll-back': { label: 'Go back and end', consequence: 'the run ends with the best state that was measured within the limit' },
};

/** The limit as a sentence, as it will act. */
export function guardSentence({ measure, limit, action, fromStart }: Guard): string {
  return `${guardCondition(measure, limit)}, ${GUARD_ACTION_WORDS[action].consequence}. ${fromStart ? 'A rise at the beginning counts, too.' : grace()}`;
}

function guardCondition(measure: Guard['measure'], limit: number): string {
  const amount = `${limit} ${GUARD_MEASURE_WORDS[measure].unit}`;
  return measure === 'drift'
    ? `If the drift from the base on old text passes ${amount}`
    : `If the loss on old text rises by more than ${amount}`;
}

function grace(): string {
  return `A rise at the beginning often recovers: it is let pass until ${GRACE_EVALUATIONS} measurements after the warm-up, and while it falls.`;
}
