import { expect, test } from 'vitest';
import { heatColumns } from '../../../renderer/features/lines/heat-csv.ts';
import { heatHeadings, heatRows } from '../../../renderer/features/lines/heat-rows.ts';
import type { Line, LineCell } from '../../../shared/contract/lines.ts';

const known = (loss: number, change: number | null = null): LineCell => ({
  isKnown: true,
  score: { value: -loss, error: 0.01 },
  tokens: 1000,
  documents: 5,
  run: null,
  change: change === null ? null : { value: change, error: null },
});
const unknown: LineCell = { isKnown: false, reason: 'not measured', canBeMeasured: true };
const column = (name: string, ...cells: LineCell[]): Line['kept'] => ({
  datasets: [{ name }] as Line['tasks'][number]['datasets'],
  manner: null,
  cells,
});
const line = {
  unit: 'bits',
  rows: [
    { name: 'base', model: 'b' },
    { name: 'tuned', model: null },
  ],
  tasks: [column('law', known(3), known(2.5, 0.5))],
  kept: column('novels', known(2), unknown),
  joint: [{ name: 'both', model: null, cell: known(2.25) }],
} as unknown as Line;

test('each cell of the matrix is a row with its moment, task, loss and change; what is not known has no figures', () => {
  expect(heatRows(line)).toEqual([
    [0, 'before any training', 'base', 1, 'law', 3, 0.01, null, null, 1000],
    [0, 'before any training', 'base', 'only old', 'novels', 2, 0.01, null, null, 1000],
    [1, 'after task 1', 'tuned', 1, 'law', 2.5, 0.01, 0.5, null, 1000],
    [1, 'after task 1', 'tuned', 'only old', 'novels', null, null, null, null, null],
    [null, 'all tasks together', 'both', 1, 'law', 2.25, 0.01, null, null, 1000],
  ]);
});

test('a file says what its losses are in, and has a name for every figure', () => {
  expect(heatColumns(line)[5]).toBe('loss, bits per byte');
  expect(heatColumns({ unit: 'nats' })[7]).toBe('better than before it was learned, nats per token');
  for (const row of heatRows(line)) expect([heatColumns(line).length, heatHeadings().length]).toEqual([row.length, row.length]);
});
