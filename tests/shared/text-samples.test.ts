import { expect, it } from 'vitest';
import { plannedSampling } from '../../shared/domain/text-samples.ts';

it.each([
  ['a long run at every measurement', { steps: 1000, batch: 8, context: 256, evaluateEvery: 100 }, 100],
  ['a shorter one at every second', { steps: 140, batch: 8, context: 256, evaluateEvery: 28 }, 56],
  ['one that is measured often at fewer of them', { steps: 1000, batch: 8, context: 256, evaluateEvery: 10 }, 40],
  ['a run of a few steps never', { steps: 8, batch: 2, context: 32, evaluateEvery: 2 }, null],
])('samples are written by %s', (_, run, everySteps) => expect(plannedSampling(run)).toBe(everySteps));

it('take a fortieth of a run at most, by what a written token costs', () => {
  for (let steps = 1; steps < 3000; steps += 37) {
    const run = { steps, batch: 8, context: 256, evaluateEvery: Math.ceil(steps / 12) };
    const everySteps = plannedSampling(run);
    if (everySteps === null) continue;
    const written = (2 + Math.floor((steps - 1) / everySteps)) * 2 * 32;
    expect((written * 23) / (steps * 8 * 256)).toBeLessThanOrEqual(1 / 40);
  }
});
