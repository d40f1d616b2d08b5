import { expect, test } from 'vitest';
import { bandsOf, sharesOverRun } from '../../../renderer/features/train/stream.ts';
import type { TrainPreview } from '../../../shared/contract/training.ts';

const preview = {
  mixture: [
    { role: 'new', share: 0.6 },
    { role: 'new', share: 0.2 },
    { role: 'old', share: 0.2 },
    { role: 'old', share: 0 },
  ],
  replayCurve: [
    { at: 0, share: 0.5 },
    { at: 1, share: 0.1 },
  ],
} as unknown as TrainPreview;

test('at every point the old have the replay share, each role is shared as over the whole run, and all is one', () => {
  const shares = sharesOverRun(preview);
  const expected = [
    [0.375, 0.675],
    [0.125, 0.225],
    [0.5, 0.1],
    [0, 0],
  ];
  for (const [row, at] of shares.entries())
    for (const [point, share] of at.entries()) expect(share).toBeCloseTo(expected[row]![point]!, 12);
  expect(sharesOverRun({ ...preview, mixture: preview.mixture.slice(0, 2), replayCurve: [{ at: 0, share: 0 }] })).toEqual([
    [expect.closeTo(0.75, 12)],
    [expect.closeTo(0.25, 12)],
  ]);
});

test('bands lie on one another from the old at the bottom to the top, with none for what has no share', () => {
  expect(bandsOf(preview)).toEqual([
    { index: 2, points: '0.00,50.00 100.00,90.00 100.00,100.00 0.00,100.00' },
    { index: 0, points: '0.00,12.50 100.00,22.50 100.00,90.00 0.00,50.00' },
    { index: 1, points: '0.00,0.00 100.00,0.00 100.00,22.50 0.00,12.50' },
  ]);
});
