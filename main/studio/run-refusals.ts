import { StrataError } from '../../shared/errors.ts';
import type { StoredRun } from '../store/runs.ts';

/** Why a run is not started, or does not go on. */

/** There is one device, and it trains. */
export function deviceIsTaken({ name, status }: StoredRun): StrataError {
  return new StrataError('CONFLICT', 'Another run trains, and there is one at a time.', {
    found: `run "${name}" is ${status}`,
    allowed: 'a start while nothing trains',
    hint: 'Let the run wait in the queue, or pause the other one.',
  });
}

/** It was saved before: to begin again at step 0 would be no resuming. */
export function checkpointsLost(run: StoredRun): StrataError {
  return new StrataError('CORRUPT', 'The run cannot be resumed: its checkpoints are gone.', {
    found: `no checkpoint in ${run.directory}; the run had done ${run.stepsDone} steps`,
    hint: 'Put the folder back from a backup and resume, or start the run again. Its recorded measurements are kept.',
  });
}

/** Why a run cannot go on from where it was. */
export function notResumable(run: StoredRun): StrataError {
  if (run.deletedAt !== null) {
    return new StrataError('CONFLICT', 'The run cannot be resumed: it is in the bin.', {
      found: `run "${run.name}" was deleted at ${run.deletedAt}`,
      hint: 'Restore it first.',
    });
  }
  return new StrataError('CONFLICT', 'The run cannot be resumed.', {
    found: `run "${run.name}" ${run.error?.code === 'DIVERGED' ? 'diverged' : `is ${run.status}`}`,
    allowed: 'a run that is paused, interrupted or failed',
    ...(run.error?.code === 'DIVERGED' && {
      hint: 'It would diverge again: start a new run with a lower learning rate or a longer warm-up.',
    }),
  });
}
