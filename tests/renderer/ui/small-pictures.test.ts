import { expect, test } from 'vitest';
import { legendLines } from '../../../renderer/ui/legend-lines.ts';
import { columnsOf, levelOf, valueAt } from '../../../renderer/ui/line-chart.ts';
import { sparklinePoints } from '../../../renderer/ui/sparkline.ts';

test('a sparkline goes from edge to edge, the least at the bottom', () => {
  expect(sparklinePoints([3, 1, 2], 72, 22)).toEqual([
    [3, 3],
    [36, 19],
    [69, 11],
  ]);
  expect(sparklinePoints([5, 5], 72, 22).map(([, y]) => y)).toEqual([11, 11]);
  expect(sparklinePoints([5], 72, 22)).toEqual([]);
});

test('curves that were measured at different places stand in one table with gaps', () => {
  const curves = [
    { label: 'a', colour: '', points: [0, 2].map((x) => ({ x, y: x * 10 })) },
    { label: 'b', colour: '', points: [{ x: 1, y: 7 }] },
  ];
  expect(columnsOf(curves)).toEqual([
    [0, 1, 2],
    [0, null, 20],
    [null, 7, null],
  ]);
  expect([valueAt([0, null, 20], 1), valueAt([null, 7, null], 0), valueAt([null, 7, null], 2)]).toEqual([0, null, 7]);
  expect(levelOf('limit', '--bad', 3, curves).points).toEqual([
    { x: 0, y: 3 },
    { x: 2, y: 3 },
  ]);
  expect(levelOf('limit', '--bad', 3, []).points).toEqual([]);
});

test('a legend goes on in another line before it leaves the picture', () => {
  const entries = ['aaaa', 'bb', 'cccccccccccccccccccc'].map((label) => ({ label, colour: '' }));
  const lines = legendLines(entries, 150, (text) => text.length * 10);
  expect(lines.map((line) => line.map(({ label, x }) => [label, x]))).toEqual([
    [
      ['aaaa', 0],
      ['bb', 80],
    ],
    [['cccccccccccccccccccc', 0]],
  ]);
});
