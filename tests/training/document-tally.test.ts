import { expect, it } from 'vitest';
import { DocumentTally, type SizedWindow } from '../../main/training/document-tally.ts';

/** A window of one document: its first token is not scored. */
const windowOf = (document: number, count: number): SizedWindow => ({
  source: 0,
  tokens: new Int32Array(count).fill(5),
  documents: new Int32Array(count).fill(document),
  bytes: new Uint16Array(count).fill(2),
});
const scoresOf = (count: number, loss: number): Parameters<DocumentTally['add']>[1] => ({
  losses: new Float32Array(count - 1).fill(loss),
  drifts: null,
  ranks: null,
});

it('has documents in their order, in whatever order their windows come', () => {
  const tally = new DocumentTally();
  for (const [document, count, loss] of [
    [7, 3, 1],
    [2, 5, 2],
    [9, 2, 4],
    [2, 3, 3],
  ] as const) {
    tally.add(windowOf(document, count), scoresOf(count, loss));
  }
  // Document 2: four tokens of 2 and two of 3.
  expect(tally.sums()).toEqual({ tokens: [6, 2, 1], losses: [14, 2, 4], drifts: null });
  const measure = tally.measure({ datasetId: 'd', name: 'd', hash: 'h', role: 'old' }, 26, 50);
  expect(measure).toMatchObject({ tokens: 9, bytes: 18, documents: 3, coverage: 0.5, loss: { value: 20 / 9 } });
});
