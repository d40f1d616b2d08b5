import { findFiles } from '../sources/find-files.ts';
import type { SourceOptions } from '../sources/limits.ts';

/** How far an import is. */
export interface ImportProgress {
  /** What is being done now, for the user. */
  activity: string;
  filesDone: number;
  /** Files in all; null until they have been counted, and where archives hold more. */
  files: number | null;
  documents: number;
  /** Bytes read of files; of packed ones as they come out. */
  bytesRead: number;
  /** Part of all the work, 0 to 1; null until the sources have been measured. */
  fraction: number | null;
  secondsLeft: number | null;
}

/** Parts of the time that an import takes, about. */
const PHASES = { reading: { from: 0, share: 0.25 }, cleaning: { from: 0.25, share: 0.5 }, writing: { from: 0.75, share: 0.25 } } as const;
export type ImportPhase = keyof typeof PHASES;

/** What is left is concluded from the last so many seconds, and not before so many have gone. */
const WINDOW_SECONDS = 30;
const LEAST_SECONDS = 2;

/**
 * Measures an import: its sources by a walk that goes on beside the reading, what was read as it lies on the disk, and the time that is left.
 * @param now in seconds.
 */
export class ImportMeter {
  readonly #tell: (progress: ImportProgress) => void;
  readonly #now: () => number;
  #shown = { activity: 'Reading', filesDone: 0, documents: 0, bytesRead: 0 };
  #total: { files: number; bytes: number } | null = null;
  /** Files on the disk that are done with, and the one that is being read. */
  #doneBytes = 0;
  #current = { bytes: 0, read: 0 };
  #phase: ImportPhase = 'reading';
  /** Of the phases after the reading. */
  #part = 0;
  readonly #points: { at: number; fraction: number }[] = [];

  constructor(tell: (progress: ImportProgress) => void, now: () => number = () => performance.now() / 1000) {
    this.#tell = tell;
    this.#now = now;
  }

  /** For the search of the files. */
  readonly sources: SourceOptions = {
    onDiskFile: (_path, bytes) => {
      this.#doneBytes += this.#current.bytes;
      this.#current = { bytes, read: 0 };
    },
    onDiskBytes: (bytes) => {
      this.#current.read = Math.min(this.#current.bytes, this.#current.read + bytes);
    },
  };

  /** Counts the files and their bytes; what is told until then has no fraction. Ends early once the signal is aborted. */
  async measure(paths: readonly string[], signal?: AbortSignal): Promise<void> {
    const total = { files: 0, bytes: 0 };
    const onDiskFile = (_path: string, bytes: number): void => void (total.bytes += bytes);
    for await (const _found of findFiles(paths, { keepsArchives: true, onDiskFile })) {
      if (signal?.aborted) return;
      total.files++;
    }
    this.#total = total;
    this.tell({});
  }

  /** Begins a phase, or says what part of it is done. */
  reach(phase: ImportPhase, part: number): void {
    this.#phase = phase;
    this.#part = part;
  }

  read(bytes: number): void {
    this.tell({ bytesRead: this.#shown.bytesRead + bytes });
  }

  tell(changes: Partial<Pick<ImportProgress, 'activity' | 'filesDone' | 'documents' | 'bytesRead'>>): void {
    Object.assign(this.#shown, changes);
    const fraction = this.#fraction();
    const { filesDone } = this.#shown;
    const isMore = this.#total !== null && filesDone > this.#total.files; // members of archives were not counted
    const files = this.#phase === 'reading' ? (isMore ? null : (this.#total?.files ?? null)) : filesDone;
    this.#tell({ ...this.#shown, files, fraction, secondsLeft: fraction === null ? null : this.#secondsLeft(fraction) });
  }

  #fraction(): number | null {
    const { from, share } = PHASES[this.#phase];
    if (this.#phase !== 'reading') return from + share * Math.min(1, this.#part);
    if (this.#total === null) return null;
    const bytes = this.#doneBytes + this.#current.read;
    return from + share * (this.#total.bytes === 0 ? 0 : Math.min(1, bytes / this.#total.bytes));
  }

  #secondsLeft(fraction: number): number | null {
    const at = this.#now();
    const last = this.#points.at(-1);
    if (!last || at - last.at >= 0.5) this.#points.push({ at, fraction });
    while (this.#points.length > 2 && at - this.#points[1]!.at > WINDOW_SECONDS) this.#points.shift();
    const first = this.#points[0]!;
    if (at - first.at < LEAST_SECONDS || fraction <= first.fraction) return null;
    return ((1 - fraction) * (at - first.at)) / (fraction - first.fraction);
  }
}
