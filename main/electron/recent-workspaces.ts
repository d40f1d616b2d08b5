import { z } from 'zod';
import { JsonFile } from './json-file.ts';

export const recentSchema = z.array(z.string().min(1).max(4096)).max(100);
const KEPT = 8;

/** Workspaces that were opened, the newest first, kept in a file. */
export class RecentWorkspaces {
  readonly #file: JsonFile<string[]>;
  readonly #isThere: (folder: string) => boolean;

  /** @param isThere whether a folder can still be opened: one on a disk that was taken away is not shown. */
  constructor(path: string, log: (message: string) => void, isThere: (folder: string) => boolean) {
    this.#file = new JsonFile(path, recentSchema, log);
    this.#isThere = isThere;
  }

  list(): string[] {
    return (this.#file.read() ?? []).filter((folder) => this.#isThere(folder)).slice(0, KEPT);
  }

  /** Puts one first. */
  add(folder: string): void {
    const others = (this.#file.read() ?? []).filter((each) => each !== folder);
    this.#file.write([folder, ...others].slice(0, 2 * KEPT)); // more than are shown: some may be on a disk that is away
  }
}
