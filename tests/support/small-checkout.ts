import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

/** A folder that looks like a checkout: some of the project's own files, the installed dependencies, and the files a test writes. */
export interface SmallCheckout {
  directory: string;
  write(path: string, text: string): Promise<void>;
  remove(): Promise<void>;
}

/** @param copied paths of the project that the small checkout starts with. */
export async function smallCheckout(copied: readonly string[]): Promise<SmallCheckout> {
  const directory = await mkdtemp(join(tmpdir(), 'strata-checkout-'));
  await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
  for (const path of copied) await cp(join(root, path), join(directory, path), { recursive: true });
  return {
    directory,
    async write(path, text) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), text);
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
