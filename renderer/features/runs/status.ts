import type { RunStatus } from '../../../shared/domain/run.ts';
import { words } from '../../../shared/words/words.ts';

/** The look of a status: see `.pill` in base.css. */
export function toneOf(status: RunStatus): string {
  if (status === 'done') return 'good';
  if (status === 'failed') return 'bad';
  return status === 'running' || status === 'preparing' ? 'busy' : '';
}

export function statusWords(status: RunStatus): string {
  return {
    queued: words('terms.queued'),
    preparing: words('terms.preparing'),
    running: words('terms.running'),
    paused: words('terms.paused'),
    interrupted: words('terms.interrupted'),
    stopped: words('terms.stopped'),
    failed: words('terms.failed'),
    done: words('terms.done'),
  }[status];
}

/** It has the device now; one that waits for it is unfinished too, see `isUnfinished` of the domain. */
export function isGoingOn(status: RunStatus): boolean {
  return status === 'running' || status === 'preparing';
}

/** What the order of files in a menu says about each. */
export const EXPORT_WORDS = {
  'runs.csv': 'CSV: a row for each run',
  'metrics.csv': 'CSV: a row for each measurement',
  json: 'JSON: everything',
  'report.html': 'Report: one page with its charts',
} as const;
