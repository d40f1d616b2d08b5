import type { DatasetImport } from '../../shared/contract/dataset-import.ts';
import { StrataError } from '../../shared/errors.ts';
import { count, duration } from './format.ts';
import { STRATA } from './report.ts';
import type { Session } from './session.ts';

/** Where no terminal shows a line that changes, a new one is written so often. */
const LINE_EVERY_MS = 5000;

/**
 * Follows an import to its end, its progress on stderr. The first Ctrl-C stops it, and what was read is kept.
 * @param start begins it: a Ctrl-C while it does is heard as soon as it has.
 * @returns what it came to.
 * @throws StrataError its failure, with how to go on; INTERRUPTED when it was stopped.
 */
export async function followImport(session: Session, start: () => Promise<DatasetImport>): Promise<DatasetImport> {
  const { imports } = session.studio;
  const line = new ProgressLine();
  const ended = await session.interruptible(async (signal) => {
    let last = await start();
    const id = { import: last.id };
    if (signal.aborted) void imports.cancel(id);
    else signal.addEventListener('abort', () => void imports.cancel(id));
    for await (const shown of imports.watch(id)) line.show((last = shown));
    return last;
  });
  line.end();
  if (ended.state === 'done') return ended;
  const goOn = `Go on with: ${STRATA} data resume ${ended.id}. Delete what was read: ${STRATA} data discard ${ended.id}`;
  if (ended.error === null) throw new StrataError('INTERRUPTED', 'The import was stopped; what was read is kept.', { hint: goOn });
  const { hint } = ended.error;
  throw StrataError.fromRecord({ ...ended.error, ...(ended.canResume ? { hint: [hint, goOn].filter(Boolean).join(' ') } : {}) });
}

/** An import's state in a line: what it does, how far it is, how long it still takes. */
export function describeProgress({ activity, fraction, documents, secondsLeft }: DatasetImport): string {
  const parts = [
    ...(fraction === null ? [] : [`${Math.floor(100 * fraction)} %`]),
    ...(documents === 0 ? [] : [`${count(documents)} documents`]),
    ...(secondsLeft === null ? [] : [`about ${duration(secondsLeft)} left`]),
  ];
  return [activity, parts.join(', ')].filter((part) => part !== '').join(': ');
}

class ProgressLine {
  readonly #isTerminal = process.stderr.isTTY;
  #at = performance.now();

  show(shown: DatasetImport): void {
    if (shown.state !== 'running') return;
    if (this.#isTerminal) process.stderr.write(`\r\x1b[2K${describeProgress(shown).slice(0, (process.stderr.columns ?? 80) - 1)}`);
    else if (performance.now() - this.#at >= LINE_EVERY_MS) {
      this.#at = performance.now();
      process.stderr.write(`${describeProgress(shown)}\n`);
    }
  }

  end(): void {
    if (this.#isTerminal) process.stderr.write('\r\x1b[2K');
  }
}
