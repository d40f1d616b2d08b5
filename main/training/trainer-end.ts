import { StrataError, toStrataError } from '../../shared/errors.ts';
import type { Job } from './messages.ts';

/** How a trainer process ended, as its host learned it. */
export interface TrainerEnd {
  /** Null when a signal ended it, or when it could not be started. */
  code: number | null;
  signal: string | null;
  /** The end of its stderr, or why it could not be started. */
  words: string;
}

/** What a process did, as far as its end means something else for each. */
export type Work = 'training' | 'import' | 'other';

export function workOf({ kind }: Pick<Job, 'kind'>): Work {
  return kind === 'train' ? 'training' : kind === 'import' ? 'import' : 'other';
}

/** What C++, TensorFlow, V8 and the system say when there is no memory left. */
const OUT_OF_MEMORY =
  /bad_alloc|out of memory|OOM when allocating|cannot allocate memory|allocation failed|failed to allocate|resource.?exhausted|ENOMEM/i;

const SIGNALS: Record<string, string> = {
  SIGKILL: 'it was killed from outside, as the system does with the largest process when memory runs out',
  SIGABRT: 'the engine gave up because a check of its own failed',
  SIGSEGV: 'the engine crashed: a fault in it, in a driver or in the memory of this machine',
  SIGBUS: 'a file that it read was cut off meanwhile, or the disk failed',
  SIGILL: 'the engine needs an instruction that this processor does not have',
  SIGFPE: 'the engine divided by zero',
  SIGTERM: 'it was asked to end from outside',
  SIGHUP: 'its session ended',
};

/** Shells and containers report a signal as an exit code above this. */
const SIGNAL_CODES: Record<number, string> = {
  132: 'SIGILL',
  134: 'SIGABRT',
  135: 'SIGBUS',
  136: 'SIGFPE',
  137: 'SIGKILL',
  139: 'SIGSEGV',
  143: 'SIGTERM',
};

/**
 * Why a process that died without an answer did so, in words. Nothing that was saved before is lost by it.
 */
export function explainEnd({ code, signal, words }: TrainerEnd, work: Work): StrataError {
  const name = signal ?? SIGNAL_CODES[code ?? 0];
  const ending = name ? `${name}: ${SIGNALS[name] ?? 'it was ended by that signal'}` : code === null ? '' : `exit code ${code}`;
  const said = (how: string): string => [how, words].filter(Boolean).join('. ');
  if (OUT_OF_MEMORY.test(words)) return outOfMemory(said(name ?? ending), work);
  return new StrataError('CRASHED', `The ${work === 'import' ? 'import' : 'trainer'} process ended without an answer.`, {
    found: said(ending),
    hint: name === 'SIGKILL' ? memoryHint(work) : (RESUME[work] ?? 'Try it again.'),
  });
}

/** An error that a job ended with inside the trainer; one of the engine's or of V8's that means a full memory is named as such. */
export function explainFailure(error: unknown, work: Work): StrataError {
  const explained = toStrataError(error);
  const isUnknown = explained.code === 'INTERNAL' && explained !== error;
  return isUnknown && OUT_OF_MEMORY.test(explained.message) ? outOfMemory(explained.message, work) : explained;
}

const RESUME: Partial<Record<Work, string>> = {
  training: 'The run can be resumed from its last checkpoint.',
  import: 'It can go on where it was.',
};

function outOfMemory(found: string, work: Work): StrataError {
  return new StrataError('CRASHED', `The ${work === 'import' ? 'import' : 'trainer'} ran out of memory.`, {
    found,
    hint: memoryHint(work),
  });
}

function memoryHint(work: Work): string {
  const close = 'Close other programs that use much memory first';
  return work === 'training'
    ? `${RESUME.training} ${close}; if this happens again, start a run with a smaller batch or context.`
    : `${RESUME[work] ?? 'Try it again.'} ${close}.`;
}
