import { expect, test } from 'vitest';
import { runComparisonBench } from '../../main/bench/comparison-bench.ts';
import { openStudioAt } from '../support/workspace.ts';

test('opens the list and other runs in every round, and says which peers were not measured', async () => {
  const asked: string[][] = [];
  const report = await runComparisonBench(
    { runs: 6, points: 40, compared: 2, rounds: 3, python: '/no/such/python' },
    async (home) => {
      const studio = openStudioAt(home);
      // What is opened are real runs, with all their points.
      expect(studio.runs.list()).toHaveLength(6);
      expect(studio.runs.metrics({ run: 'run-000003', afterStep: -1 })).toHaveLength(40);
      expect(studio.runs.show('run-000003').gain).toBeGreaterThan(0);
      return {
        list: () => Promise.resolve(studio.runs.list()),
        compare: (runs) => {
          asked.push(runs);
          return studio.comparison.compare({ runs, baseline: null });
        },
        close: () => studio.close(),
      };
    },
    () => undefined,
  );
  expect(asked).toEqual([
    ['run-000000', 'run-000001'],
    ['run-000002', 'run-000003'],
    ['run-000004', 'run-000005'],
  ]);
  expect(report.rows.map(({ what, mlflow, trackio }) => [what, mlflow, trackio])).toEqual([
    ['list', null, null],
    ['compare', null, null],
  ]);
  expect(report.rows.every(({ ours }) => ours > 0)).toBe(true);
  expect(report.peers.mlflow).toMatch(/^not measured \(.*no\/such\/python/);
});
