import { expect, test } from 'vitest';
import { runComparisonBench } from '../../main/bench/comparison-bench.ts';
import { openStudioAt } from '../support/workspace.ts';

test('opens the list and other runs in every round, and says which peers were not measured', async () => {
  const asked: [string[], string | null][] = [];
  const verdicts: string[] = [];
  const report = await runComparisonBench(
    { runs: 8, points: 40, compared: 2, documents: 20, rounds: 2, python: '/no/such/python' },
    async (home) => {
      const studio = openStudioAt(home);
      // What is opened are real runs, with all their points.
      expect(studio.runs.list()).toHaveLength(8);
      expect(studio.runs.metrics({ run: 'run-000003', afterStep: -1 })).toHaveLength(40);
      expect(studio.runs.show('run-000003').gain).toBeGreaterThan(0);
      return {
        list: () => Promise.resolve(studio.runs.list()),
        compare: async (runs, baseline) => {
          asked.push([runs, baseline]);
          const comparison = await studio.comparison.compare({ runs, baseline });
          verdicts.push(
            ...comparison.verdicts.map(({ run, measure, interval }) => `${run} ${measure} ${interval ? 'drawn' : 'not drawn'}`),
          );
          return comparison;
        },
        close: () => studio.close(),
      };
    },
    () => undefined,
  );
  expect(asked).toEqual([
    [['run-000000', 'run-000001'], null],
    [['run-000002', 'run-000003'], 'run-000002'],
    [['run-000004', 'run-000005'], null],
    [['run-000006', 'run-000007'], 'run-000006'],
  ]);
  // What a verdict costs is in the figure: documents were there to be drawn again.
  expect(verdicts).toEqual(
    ['run-000003', 'run-000007'].flatMap((run) => ['gain', 'forgetting', 'drift'].map((measure) => `${run} ${measure} drawn`)),
  );
  expect(report.rows.map(({ what, mlflow, trackio }) => [what, mlflow, trackio])).toEqual([
    ['list', null, null],
    ['compare', null, null],
    ['verdicts', null, null],
  ]);
  expect(report.rows.every(({ ours }) => ours > 0)).toBe(true);
  expect(report.peers.mlflow).toMatch(/^not measured \(.*no\/such\/python/);
});
