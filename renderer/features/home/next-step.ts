import type { RunRow } from '../../../shared/contract/comparison.ts';
import type { DatasetInfo } from '../../../shared/contract/datasets.ts';
import type { ModelInfo } from '../../../shared/contract/models.ts';

/** What a workspace has, as far as the next step depends on it. */
export interface Standing {
  models: readonly Pick<ModelInfo, 'id'>[];
  datasets: readonly Pick<DatasetInfo, 'id'>[];
  /** Newest first. */
  latestRuns: readonly Pick<RunRow, 'id' | 'name' | 'status' | 'gain'>[];
  pausedRuns: readonly Pick<RunRow, 'id' | 'name' | 'steps' | 'stepsDone'>[];
}

/** What to do next in the loop: bring in, train, see, compare. */
export type NextStep =
  | { kind: 'model' | 'data' | 'otherData' | 'train' }
  | { kind: 'resume'; run: Standing['pausedRuns'][number] }
  | { kind: 'result'; run: Standing['latestRuns'][number] }
  | { kind: 'compare'; runs: readonly string[] };

/** The step that is worth most now, and then what could be done besides. Whatever lacks comes before whatever could be looked at. */
export function nextSteps({ models, datasets, latestRuns, pausedRuns }: Standing): NextStep[] {
  if (models.length === 0) return [{ kind: 'model' }, ...(datasets.length === 0 ? [{ kind: 'data' } as const] : [])];
  if (datasets.length === 0) return [{ kind: 'data' }];
  const steps: NextStep[] = pausedRuns.slice(0, 1).map((run) => ({ kind: 'resume', run }));
  const [latest] = latestRuns;
  if (latest?.status === 'done') steps.push({ kind: 'result', run: latest });
  const measured = latestRuns.filter(({ gain }) => gain !== null);
  if (measured.length > 1) steps.push({ kind: 'compare', runs: measured.map(({ id }) => id) });
  steps.push({ kind: datasets.length === 1 ? 'otherData' : 'train' });
  return steps;
}
