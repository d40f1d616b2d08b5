import { afterAll, beforeAll, expect, it } from 'vitest';
import { killAndResume } from '../support/kill-and-resume.ts';
import { prepareTinyTraining, type TinyTraining } from '../support/train-jobs.ts';

let tiny: TinyTraining;
beforeAll(async () => {
  tiny = await prepareTinyTraining();
});
afterAll(() => tiny.remove());

it('a hundred trainers that are killed at any moment leave what the next one needs to end bit for bit the same', async () => {
  const kills = await killAndResume(tiny, 100, 2026);
  process.stdout.write(`${JSON.stringify(kills)}\n`);
  expect(kills.total).toBe(100);
  // Every phase was met, the shortest one, the write of a checkpoint, often.
  expect(kills.early).toBeGreaterThan(5);
  expect(kills.whileWritingCheckpoint).toBeGreaterThan(10);
  expect(kills.afterTraining).toBeGreaterThan(0);
});
