import { expect, it } from 'vitest';
import { de } from '../../../shared/words/de/index.ts';
import { en } from '../../../shared/words/en/index.ts';
import { guideStage, type GuideStanding } from '../../../renderer/features/guide/guide-stage.ts';

const stage = (standing: Partial<GuideStanding>): string | null =>
  guideStage({ page: '', item: '', hasSample: true, ownDatasets: 0, activeRun: null, latestRuns: [], ...standing });

it('says what is next in a first run, wherever somebody looks', () => {
  expect(stage({})).toBe('begin');
  expect(stage({ page: 'models' })).toBe('begin');
  expect(stage({ page: 'train' })).toBe('train');
  expect(stage({ activeRun: { id: 'a' }, page: 'train' })).toBe('watch');
  expect(stage({ latestRuns: [{ id: 'a', status: 'failed' }] }), 'nothing was seen yet').toBe('begin');
  for (const status of ['interrupted', 'paused'] as const) {
    expect(stage({ latestRuns: [{ id: 'a', status }], page: 'models' }), status).toBe('resume');
    expect(stage({ latestRuns: [{ id: 'a', status }], page: 'train' }), 'whoever sets up another one').toBe('train');
  }
  const latestRuns = [{ id: 'a', status: 'done' as const }];
  expect(stage({ latestRuns, page: 'runs', item: 'a' })).toBe('result');
  expect(stage({ latestRuns })).toBe('own');
});

it('says nothing to whoever has no sample or brought in data of their own', () => {
  expect(stage({ hasSample: false })).toBeNull();
  expect(stage({ ownDatasets: 1, activeRun: { id: 'a' } })).toBeNull();
});

it('does not say beside a button what stands on it', () => {
  for (const { guide } of [en, de]) expect(guide.own).not.toContain(guide.ownAction);
});
