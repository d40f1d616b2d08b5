import type { RunStatus } from '../../../shared/domain/run.ts';

/** The look of a status: see `.pill` in base.css. */
export function toneOf(status: RunStatus): string {
  if (status === 'done') return 'good';
  if (status === 'failed') return 'bad';
  return status === 'running' || status === 'preparing' ? 'busy' : '';
}

export function isGoingOn(status: RunStatus): boolean {
  return status === 'running' || status === 'preparing';
}
