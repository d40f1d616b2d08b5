import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';

export interface TemporaryFolder {
  /** The folder of the test that runs now. */
  readonly path: string;
  /** Writes a file below it, with the folders above the file; returns its path. */
  write(name: string, content: string | Uint8Array): Promise<string>;
  /** Everything below it, sorted; folders end with a slash. */
  list(): Promise<string[]>;
}

/** An empty folder for each test of the file that calls this; it is deleted after the test. */
export function useTemporaryFolder(): TemporaryFolder {
  let path = '';
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'strata-test-'));
  });
  afterEach(() => rm(path, { recursive: true, force: true }));
  return {
    get path() {
      return path;
    },
    async write(name, content) {
      const file = join(path, name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
      return file;
    },
    async list() {
      const entries = await readdir(path, { recursive: true, withFileTypes: true });
      return entries.map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1) + (entry.isDirectory() ? '/' : '')).sort();
    },
  };
}
