import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Latest } from '../../../renderer/client/latest.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** What was told, and a question that is answered when the test wants it. */
function listener(): { told: string[]; onAnswer: (answer: string) => void; onFailure: (error: unknown) => void } {
  const told: string[] = [];
  return { told, onAnswer: (answer) => void told.push(answer), onFailure: (error) => void told.push(`failed: ${String(error)}`) };
}

test('answers in any order: the newest question alone is told, and a late failure of an older one is not', async () => {
  const latest = new Latest();
  const { told, onAnswer, onFailure } = listener();
  const questions = Array.from({ length: 3 }, () => Promise.withResolvers<string>());
  const asked = questions.map(({ promise }) => latest.ask(() => promise, onAnswer, onFailure));
  questions[2]!.resolve('third');
  questions[0]!.reject(new Error('first'));
  questions[1]!.resolve('second');
  await Promise.all(asked);
  expect(told).toEqual(['third']);
});

test('a failure of the newest question is told, and a later one answered', async () => {
  const latest = new Latest();
  const { told, onAnswer, onFailure } = listener();
  await latest.ask(() => Promise.reject(new Error('no')), onAnswer, onFailure);
  await latest.ask(() => Promise.resolve('yes'), onAnswer, onFailure);
  expect(told).toEqual(['failed: Error: no', 'yes']);
});

test('while somebody types, only the last question is asked, and what was asked before is overtaken at once', async () => {
  const latest = new Latest();
  const { told, onAnswer, onFailure } = listener();
  const slow = Promise.withResolvers<string>();
  const before = latest.ask(() => slow.promise, onAnswer, onFailure);
  const asked: string[] = [];
  for (const text of ['a', 'ab', 'abc']) {
    const question = (): Promise<string> => {
      asked.push(text);
      return Promise.resolve(text);
    };
    latest.askLater(100, question, onAnswer, onFailure);
    await vi.advanceTimersByTimeAsync(99);
  }
  slow.resolve('slow');
  await before;
  expect(told).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect([asked, told]).toEqual([['abc'], ['abc']]);
});

test('a question that was taken back is never asked, and a signal says when it is overtaken', async () => {
  const latest = new Latest();
  const { told, onAnswer, onFailure } = listener();
  latest.askLater(100, () => Promise.resolve('taken back'), onAnswer, onFailure)();
  await vi.advanceTimersByTimeAsync(200);
  expect(told).toEqual([]);
  const first = latest.next();
  expect(first.aborted).toBe(false);
  latest.next();
  expect(first.aborted).toBe(true);
});
