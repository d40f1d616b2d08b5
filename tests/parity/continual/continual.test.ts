import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { avalancheForgetting, backwardTransfer, forwardTransfer, type ScoreMatrix } from '../../../shared/domain/continual.ts';
import { python } from '../sides.ts';

/** Forgetting and transfer over a line of tasks beside avalanche-lib's own classes; what they gave is recorded for the unit test. */
it("forgetting and transfer are avalanche's", { timeout: 120_000 }, async () => {
  const path = join(import.meta.dirname, '../../fixtures/continual/matrices.json');
  const theirs = JSON.parse(await python('continual/avalanche_metrics.py', path)) as {
    version: string;
    figures: Record<'forgetting' | 'backwardTransfer' | 'forwardTransfer', number>[];
  };
  for (const [index, matrix] of (JSON.parse(readFileSync(path, 'utf8')) as number[][][]).entries()) {
    const scores: ScoreMatrix = matrix.map((row) => row.map((value) => ({ value, error: null, documents: null })));
    expect(avalancheForgetting(scores)!.value).toBeCloseTo(theirs.figures[index]!.forgetting, 12);
    expect(backwardTransfer(scores)!.value).toBeCloseTo(theirs.figures[index]!.backwardTransfer, 12);
    expect(forwardTransfer(scores)!.value).toBeCloseTo(theirs.figures[index]!.forwardTransfer, 12);
  }
  expect(JSON.parse(readFileSync(join(path, '../avalanche.json'), 'utf8'))).toEqual(theirs);
});
