/** How far a download is. */
export interface DownloadProgress {
  /** What is being done now, in words. */
  activity: string;
  bytesDone: number;
  /** Null as long as nobody knows. */
  bytesTotal: number | null;
  bytesPerSecond: number | null;
  secondsLeft: number | null;
}

const WINDOW_MS = 5000;
const INTERVAL_MS = 100;

/** Adds up what arrives, and tells it at most ten times a second with the speed of the last five seconds. */
export class ProgressMeter {
  readonly #tell: (progress: DownloadProgress) => void;
  /** Bytes that are there, by file. */
  readonly #have = new Map<string, number>();
  readonly #samples: { at: number; arrived: number }[] = [];
  #arrived = 0;
  #total: number | null = null;
  #activity = '';
  /** Said instead of the activity until something arrives. */
  #waiting: string | null = null;
  #toldAt = -Infinity;
  /** Tells what arrived since the last time, also when nothing more comes. */
  #later: NodeJS.Timeout | undefined;

  constructor(tell: (progress: DownloadProgress) => void) {
    this.#tell = tell;
  }

  setTotal(bytes: number): void {
    this.#total = bytes;
  }

  /** Something else is being done now: told at once. */
  setActivity(activity: string): void {
    this.#activity = activity;
    this.#waiting = null;
    this.#report(performance.now());
  }

  /** What is being waited for, until something arrives: told at once. */
  setWaiting(text: string): void {
    this.#waiting = text;
    this.#report(performance.now());
  }

  /** Sets how much of a file is there; `isNew` when it has just arrived and counts for the speed. */
  setFile(path: string, have: number, isNew: boolean): void {
    const before = this.#have.get(path) ?? 0;
    this.#have.set(path, have);
    if (isNew && have > before) {
      this.#arrived += have - before;
      this.#waiting = null;
    }
    const now = performance.now();
    if (now - this.#toldAt >= INTERVAL_MS) this.#report(now);
    else this.#later ??= setTimeout(() => this.#report(performance.now()), INTERVAL_MS);
  }

  /** Tells the last state, unless it is a wait, which was told when it began; afterwards nothing more is told. */
  close(): void {
    clearTimeout(this.#later);
    if (this.#waiting === null) this.#report(performance.now());
  }

  #report(now: number): void {
    clearTimeout(this.#later);
    this.#later = undefined;
    this.#toldAt = now;
    this.#samples.push({ at: now, arrived: this.#arrived });
    while (this.#samples.length > 2 && now - this.#samples[0]!.at > WINDOW_MS) this.#samples.shift();
    const first = this.#samples[0]!;
    const seconds = (now - first.at) / 1000;
    const bytesPerSecond = seconds > 0.2 && this.#arrived > first.arrived ? (this.#arrived - first.arrived) / seconds : null;
    let bytesDone = 0;
    for (const have of this.#have.values()) bytesDone += have;
    const secondsLeft = bytesPerSecond !== null && this.#total !== null ? Math.max(0, this.#total - bytesDone) / bytesPerSecond : null;
    this.#tell({ activity: this.#waiting ?? this.#activity, bytesDone, bytesTotal: this.#total, bytesPerSecond, secondsLeft });
  }
}
