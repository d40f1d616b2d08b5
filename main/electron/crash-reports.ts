import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Older ones go: somebody who meets the same crash every day needs no thousand of them. */
const KEPT = 20;

/** Reports of what ended unexpectedly, as text files on this machine. Nothing sends them; a person may, with a bug report. */
export class CrashReports {
  readonly #folder: string;
  readonly #versions: Readonly<Record<string, string | undefined>>;
  readonly #lastLines: () => readonly string[];
  #count = 0;

  /** @param lastLines of the log. */
  constructor(folder: string, versions: Readonly<Record<string, string | undefined>>, lastLines: () => readonly string[]) {
    this.#folder = folder;
    this.#versions = versions;
    this.#lastLines = lastLines;
  }

  /**
   * Writes a report.
   * @param what ended ("the page").
   * @returns its path, or null where it could not be written.
   */
  write(what: string, details: Readonly<Record<string, unknown>>): string | null {
    const time = new Date().toISOString();
    const path = join(this.#folder, `crash-${time.replace(/[:.]/g, '-')}-${this.#count++}.txt`);
    const facts = { what, time, system: `${process.platform} ${process.arch}`, ...this.#versions, ...details };
    const text = [
      ...Object.entries(facts).map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`),
      '',
      'Last lines of the log:',
      ...this.#lastLines(),
      '',
    ].join('\n');
    try {
      mkdirSync(this.#folder, { recursive: true });
      writeFileSync(path, text);
      this.#forgetOld();
      return path;
    } catch {
      return null; // a full disk: what ended is told on the screen all the same
    }
  }

  #forgetOld(): void {
    const reports = readdirSync(this.#folder).filter((name) => /^crash-.*\.txt$/.test(name));
    for (const name of reports.sort().slice(0, -KEPT)) rmSync(join(this.#folder, name), { force: true });
  }
}
