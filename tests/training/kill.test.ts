import { afterAll, beforeAll, expect, it } from 'vitest';
import { killAndResume } from '../support/kill-and-resume.ts';
import { prepareTinyTraining, type TinyTraining } from '../support/train-jobs.ts';

let tiny: TinyTraining;
beforeAll(async () => {
  tiny = await prepareTinyTraining();
});
afterAll(() => tiny.remove());

// tests/torture does the same a hundred times: npm run torture.
it('trainers that are killed at any moment leave what the next one needs to end bit for bit the same', { timeout: 120_000 }, async () => {
  expect((await killAndResume(tiny, 5, 1)).total).toBe(5);
});
