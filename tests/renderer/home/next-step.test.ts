import { describe, expect, it } from 'vitest';
import { nextSteps, type Standing } from '../../../renderer/features/home/next-step.ts';

const model = { id: 'm' };
const dataset = { id: 'd' };
const run = (id: string, status: 'done' | 'failed' = 'done'): Standing['latestRuns'][number] => ({
  id,
  name: id,
  status,
  gain: status === 'done' ? { value: 1, error: null } : null,
});
const kinds = (standing: Partial<Standing>): string[] =>
  nextSteps({ models: [], datasets: [], latestRuns: [], pausedRuns: [], ...standing }).map(({ kind }) => kind);

describe('what to do next', () => {
  it('is what lacks, in the order of the loop', () => {
    expect(kinds({})).toEqual(['model', 'data']);
    expect(kinds({ datasets: [dataset] })).toEqual(['model']);
    expect(kinds({ models: [model] })).toEqual(['data']);
    expect(kinds({ models: [model], datasets: [dataset] })).toEqual(['otherData']);
    expect(kinds({ models: [model], datasets: [dataset, dataset] })).toEqual(['train']);
  });

  it('is what a run was paused at, then its result, then a comparison of those that were measured', () => {
    const full = { models: [model], datasets: [dataset, dataset] };
    expect(kinds({ ...full, latestRuns: [run('b')] })).toEqual(['result', 'train']);
    expect(kinds({ ...full, latestRuns: [run('c', 'failed'), run('b')] }), 'one measured run is nothing to compare').toEqual(['train']);
    expect(kinds({ ...full, latestRuns: [run('c'), run('b')], pausedRuns: [{ id: 'p', name: 'p', steps: 9, stepsDone: 3 }] })).toEqual([
      'resume',
      'result',
      'compare',
      'train',
    ]);
  });
});
