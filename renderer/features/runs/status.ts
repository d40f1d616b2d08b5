import type { RunStatus, RunSummary } from '../../../shared/domain/run.ts';

/** The look of a status: see `.pill` in base.css. */
export function toneOf(status: RunStatus): string {
  if (status === 'done') return 'good';
  if (status === 'failed') return 'bad';
  return status === 'running' || status === 'preparing' ? 'busy' : '';
}

export function isGoingOn(status: RunStatus): boolean {
  return status === 'running' || status === 'preparing';
}

/** Whether resuming a run makes sense: one that diverged would do so again at the same step. */
export function canGoOn({ status, error }: Pick<RunSummary, 'status' | 'error'>): boolean {
  return ['paused', 'interrupted', 'failed'].includes(status) && error?.code !== 'DIVERGED';
}
