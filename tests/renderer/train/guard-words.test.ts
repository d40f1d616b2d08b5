import { expect, test } from 'vitest';
import { guardSentence } from '../../../renderer/features/train/guard-words.ts';
import { GUARD_ACTIONS, GUARD_MEASURES } from '../../../shared/domain/guard.ts';

test('a limit is said as it acts', () => {
  expect(guardSentence({ measure: 'loss', limit: 0.05, action: 'lower-rate', fromStart: false })).toBe(
    'If the loss on old text rises by more than 0.05 nats per token, the learning rate is halved, and again as long as it goes on rising. ' +
      'A rise at the beginning often recovers: it is let pass until 2 measurements after the warm-up, and while it falls.',
  );
  expect(guardSentence({ measure: 'percent', limit: 2, action: 'pause', fromStart: true })).toBe(
    'If the loss on old text rises by more than 2 %, the run pauses, and you decide. A rise at the beginning counts, too.',
  );
});

test('no two limits are said alike', () => {
  const sentences = GUARD_MEASURES.flatMap((measure) =>
    GUARD_ACTIONS.flatMap((action) => [true, false].map((fromStart) => guardSentence({ measure, limit: 1, action, fromStart }))),
  );
  expect(new Set(sentences).size).toBe(sentences.length);
});
