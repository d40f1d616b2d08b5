import { findFiles } from '../sources/find-files.ts';
import type { SourceOptions } from '../sources/limits.ts';
import { words } from '../../../shared/words/words.ts';

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

const PHASES = ['reading', 'cleaning', 'writing'] as const;
export type ImportPhase = (typeof PHASES)[number];

/**
 * Seconds that the parts of the work take on an ordinary machine: two cores, 20,000 files of 150 bytes and one of 40 MB. Small files cost by their
 * number, large ones by their bytes. What is going on is measured; these only say how its parts, and what has not begun, compare.
 */
const READING = { file: 0.9e-3, byte: 1 / 100e6 };
const HANDLING = { cleaning: { document: 15e-6, byte: 1 / 45e6 }, writing: { document: 20e-6, byte: 1 / 60e6 } };

/** What is left is concluded from the last so many seconds. */
const WINDOW_SECONDS = 30;
/** Nothing is said about the time before so many seconds have gone: the first files tell little. */
const LEAST_SECONDS = 3;
/** So many seconds of expected work weigh in beside what was measured, for as long as that is next to nothing. */
const EXPECTED_SECONDS = 0.005;
/** From this part of the reading on it tells how many documents and bytes there will be. */
const TELLING_PART = 0.01;

/**
 * Measures an import: its sources by a walk that goes on beside the reading, what was read as it lies on the disk, and the time that is left.
 * @param now in seconds.
 */
export class ImportMeter {
  readonly #tell: (progress: ImportProgress) => void;
  readonly #now: () => number;
  #shown = { activity: words('said.reading'), filesDone: 0, documents: 0, bytesRead: 0 };
  #total: { files: number; bytes: number } | null = null;
  /** Files on the disk that are done with, and the one that is being read. */
  #doneBytes = 0;
  #current = { bytes: 0, read: 0 };
  /** Less the one that is being read. */
  #doneFiles = -1;
  #phase: ImportPhase = 'reading';
  /** Of the phases after the reading. */
  #part = 0;
  readonly #begun: number;
  /** Of this phase: how much of its expected seconds was done when. */
  #points: { at: number; done: number }[] = [];
  /** How much longer the work takes than expected, in the phase before. */
  #slowness = 1;
  #fraction = 0;

  constructor(tell: (progress: ImportProgress) => void, now: () => number = () => performance.now() / 1000) {
    this.#tell = tell;
    this.#now = now;
    this.#begun = now();
  }

  /** For the search of the files. */
  readonly sources: SourceOptions = {
    onDiskFile: (_path, bytes) => {
      this.#doneBytes += this.#current.bytes;
      this.#current = { bytes, read: 0 };
      this.#doneFiles++;
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
    this.measured(total);
  }

  /** Takes how many files there are on the disk, and their bytes. */
  measured(total: { files: number; bytes: number }): void {
    this.#total = total;
    this.tell({});
  }

  /** Begins a phase, or says what part of it is done. */
  reach(phase: ImportPhase, part: number): void {
    if (phase !== this.#phase) {
      // How fast the disk was read says nothing of the rest.
      this.#slowness = this.#phase === 'reading' ? 1 : this.#measuredSlowness();
      this.#points = [];
    }
    this.#phase = phase;
    this.#part = part;
  }

  read(bytes: number): void {
    this.tell({ bytesRead: this.#shown.bytesRead + bytes });
  }

  tell(changes: Partial<Pick<ImportProgress, 'activity' | 'filesDone' | 'documents' | 'bytesRead'>>): void {
    Object.assign(this.#shown, changes);
    const { filesDone } = this.#shown;
    const isMore = this.#total !== null && filesDone > this.#total.files; // members of archives were not counted
    const files = this.#phase === 'reading' ? (isMore ? null : (this.#total?.files ?? null)) : filesDone;
    this.#tell({ ...this.#shown, files, ...this.#time() });
  }

  #time(): Pick<ImportProgress, 'fraction' | 'secondsLeft'> {
    const expected = this.#expected();
    if (expected === null) return { fraction: null, secondsLeft: null };
    const at = this.#now();
    const place = PHASES.indexOf(this.#phase);
    const done = expected[this.#phase] * (this.#phase === 'reading' ? this.#readPart() : Math.min(1, this.#part));
    const last = this.#points.at(-1);
    if (!last || at - last.at >= 0.5) this.#points.push({ at, done });
    while (this.#points.length > 2 && at - this.#points[1]!.at > WINDOW_SECONDS) this.#points.shift();
    const slowness = this.#measuredSlowness({ at, done });
    // What the reading was slow by is its own; cleaning and writing are much alike.
    const later = this.#phase === 'reading' ? 1 : slowness;
    const left = PHASES.slice(place + 1).reduce((sum, phase) => sum + expected[phase] * later, (expected[this.#phase] - done) * slowness);
    const gone = at - this.#begun;
    // Never back, though what is left may have been thought too little.
    this.#fraction = Math.max(this.#fraction, left > 0 ? gone / (gone + left) : 1);
    return { fraction: this.#fraction, secondsLeft: gone < LEAST_SECONDS ? null : left };
  }

  /** How many times as long as expected this phase takes. */
  #measuredSlowness(now = this.#points.at(-1)): number {
    const first = this.#points[0];
    if (!first || !now) return this.#slowness;
    return (now.at - first.at + EXPECTED_SECONDS * this.#slowness) / (Math.max(0, now.done - first.done) + EXPECTED_SECONDS);
  }

  /** Seconds that each phase would take on an ordinary machine; null before the sources have been measured. */
  #expected(): Record<ImportPhase, number> | null {
    if (this.#total === null) return null;
    const part = this.#phase === 'reading' ? this.#readPart() : 1;
    const isTelling = part >= TELLING_PART;
    const documents = isTelling ? this.#shown.documents / part : this.#total.files;
    // Packed files come out larger. Some readers take files in their own way, and say nothing of bytes.
    const unpacking = isTelling ? Math.max(1, this.#shown.bytesRead / Math.max(1, this.#diskBytes())) : 1;
    const bytes = this.#total.bytes * unpacking;
    const handled = (phase: keyof typeof HANDLING): number => documents * HANDLING[phase].document + bytes * HANDLING[phase].byte;
    return { reading: readingSeconds(this.#total), cleaning: handled('cleaning'), writing: handled('writing') };
  }

  /** Part of the reading that is done. */
  #readPart(): number {
    const all = readingSeconds(this.#total!);
    if (all === 0) return 0;
    const done = readingSeconds({ files: Math.max(0, this.#doneFiles), bytes: this.#diskBytes() });
    return Math.min(1, done / all);
  }

  #diskBytes(): number {
    return this.#doneBytes + this.#current.read;
  }
}

function readingSeconds({ files, bytes }: { files: number; bytes: number }): number {
  return files * READING.file + bytes * READING.byte;
}
