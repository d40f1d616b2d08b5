import { expect, it } from 'vitest';
import { columnsOfSteps, drawnShares } from '../../../renderer/features/runs/drawn.ts';
import { configurationRecord } from '../../support/run-records.ts';

const configuration = configurationRecord({ replayShare: 0.25 });

it('puts what was drawn beside what was planned', () => {
  const shares = drawnShares({ total: 40, counts: [28, 12], last: [] }, configuration);
  expect(shares).toEqual([
    { name: 'code', role: 'new', windows: 28, drawn: 0.7, planned: 0.75 },
    { name: 'stories', role: 'old', windows: 12, drawn: 0.3, planned: 0.25 },
  ]);
});

it('says nothing of a plan that a run does not tell: of several datasets of a role from before mixtures were described', () => {
  const third = { ...configuration.datasets[0]!, id: 'more', name: 'more' };
  const shares = drawnShares({ total: 0, counts: [], last: [] }, { ...configuration, datasets: [...configuration.datasets, third] });
  expect(shares.map(({ drawn, planned }) => [drawn, planned])).toEqual([
    [0, null],
    [0, 0.25],
    [0, null],
  ]);
});

it('draws a window in the column of its step, also where the first step is known in part', () => {
  const { cells, firstStep, columns } = columnsOfSteps({ total: 12, counts: [9, 3], last: [1, 0, 0, 0, 1, 0] }, { batch: 4 });
  expect([firstStep, columns]).toEqual([2, 2]);
  expect(cells).toEqual([
    { place: 1, column: 0, row: 2 },
    { place: 0, column: 0, row: 3 },
    { place: 0, column: 1, row: 0 },
    { place: 0, column: 1, row: 1 },
    { place: 1, column: 1, row: 2 },
    { place: 0, column: 1, row: 3 },
  ]);
});
