import type { RunRow } from '../../../shared/contract/comparison.ts';

/** Where somebody stands in the first run: what the guide says next. */
export type GuideStage = 'begin' | 'train' | 'watch' | 'resume' | 'result' | 'own';

export interface GuideStanding {
  /** The page that is looked at, and its item. */
  page: string;
  item: string;
  /** The sample model is in the workspace. */
  hasSample: boolean;
  /** Datasets beside the two of the sample. */
  ownDatasets: number;
  activeRun: Pick<RunRow, 'id'> | null;
  latestRuns: readonly Pick<RunRow, 'id' | 'status'>[];
}

/** Null where there is nothing to guide: without the sample, and for whoever has brought in data of their own. */
export function guideStage({ page, item, hasSample, ownDatasets, activeRun, latestRuns }: GuideStanding): GuideStage | null {
  if (!hasSample || ownDatasets > 0) return null;
  if (activeRun) return 'watch';
  const done = latestRuns.find(({ status }) => status === 'done');
  if (!done && page === 'train') return 'train';
  if (!done) return halfDone({ latestRuns }) ? 'resume' : 'begin';
  return page === 'runs' && item === done.id ? 'result' : 'own';
}

/** The newest run, where it was paused or interrupted in the middle and can go on; null otherwise. */
export function halfDone({ latestRuns }: Pick<GuideStanding, 'latestRuns'>): Pick<RunRow, 'id'> | null {
  const [latest] = latestRuns;
  return latest && ['paused', 'interrupted'].includes(latest.status) ? latest : null;
}
