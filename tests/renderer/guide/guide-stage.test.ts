import { expect, it } from 'vitest';
import { guideStage, type GuideStanding } from '../../../renderer/features/guide/guide-stage.ts';

const stage = (standing: Partial<GuideStanding>): string | null =>
  guideStage({ page: '', item: '', hasSample: true, ownDatasets: 0, activeRun: null, latestRuns: [], ...standing });

it('says what is next in a first run, wherever somebody looks', () => {
  expect(stage({})).toBe('begin');
  expect(stage({ page: 'models' })).toBe('begin');
  expect(stage({ page: 'train' })).toBe('train');
  expect(stage({ activeRun: { id: 'a' }, page: 'train' })).toBe('watch');
  expect(stage({ latestRuns: [{ id: 'a', status: 'failed' }] }), 'nothing was seen yet').toBe('begin');
  const latestRuns = [{ id: 'a', status: 'done' as const }];
  expect(stage({ latestRuns, page: 'runs', item: 'a' })).toBe('result');
  expect(stage({ latestRuns })).toBe('own');
});

it('says nothing to whoever has no sample or brought in data of their own', () => {
  expect(stage({ hasSample: false })).toBeNull();
  expect(stage({ ownDatasets: 1, activeRun: { id: 'a' } })).toBeNull();
});
