import type { RUN_EXPORT_FORMATS } from '../../../shared/contract/comparison.ts';
import type { MeasuredRole } from '../../../shared/domain/measurement.ts';
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

/** What a dataset is in a run. */
export function roleWords(role: MeasuredRole): string {
  return { new: words('training.new'), old: words('training.old'), past: words('training.past') }[role];
}

/** It has the device now; one that waits for it is unfinished too, see `isUnfinished` of the domain. */
export function isGoingOn(status: RunStatus): boolean {
  return status === 'running' || status === 'preparing';
}

/** What the order of files in a menu says about each. */
export function exportWords(format: (typeof RUN_EXPORT_FORMATS)[number]): string {
  return {
    'runs.csv': words('runs.fileRuns'),
    'metrics.csv': words('runs.fileMetrics'),
    json: words('runs.fileJson'),
    'report.html': words('runs.fileReport'),
  }[format];
}
