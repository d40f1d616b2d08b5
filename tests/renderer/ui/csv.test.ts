import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import { csvOf } from '../../../renderer/ui/csv.ts';

test('a table is read by another program as it was', () => {
  const rows = [
    ['a "quoted", name', 1.25, null],
    ['two\r\nlines', -3e-7, 0],
    [' spaces ', 1e21, 4],
  ];
  const read = parse(csvOf(['run', 'gain, nats', 'old'], rows)) as string[][];
  expect(read[0]).toEqual(['run', 'gain, nats', 'old']);
  expect(read.slice(1).map((row) => row.map((cell, at) => (at === 0 ? cell : cell === '' ? null : Number(cell))))).toEqual(rows);
});

test('no rows are a heading', () => {
  expect(csvOf(['step'], [])).toBe('step\r\n');
});
