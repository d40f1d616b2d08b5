import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeTextAtomically } from '../atomic-file.ts';
import type { RepositoryFile } from './repository-file.ts';

/**
 * A download's folder: download.json, which says what is being fetched, and files/ with what has arrived. The token is in neither.
 */

const STATE_FILE = 'download.json';

const stateSchema = z.object({
  schemaVersion: z.literal(1),
  repository: z.string(),
  revision: z.string(),
  /** The GGUF file that was asked for; null for the repository's only model. */
  file: z.string().nullable(),
  commit: z.string(),
  /** All that is fetched; empty until the repository has been listed. */
  files: z.array(
    z.object({ path: z.string(), size: z.int().min(0), hash: z.object({ kind: z.enum(['sha256', 'git']), hex: z.string() }).nullable() }),
  ),
  /** What is imported: a GGUF file; null for the folder. */
  gguf: z.string().nullable(),
});

export interface DownloadState extends z.infer<typeof stateSchema> {
  files: RepositoryFile[];
}

export function filesOf(directory: string): string {
  return join(directory, 'files');
}

/** Null where there is none, or it is damaged: then the download begins again, and files whose content is the same are kept. */
export async function readDownloadState(directory: string): Promise<DownloadState | null> {
  try {
    return stateSchema.parse(JSON.parse(await readFile(join(directory, STATE_FILE), 'utf8')));
  } catch {
    return null;
  }
}

export async function writeDownloadState(directory: string, state: DownloadState): Promise<void> {
  await writeTextAtomically(join(directory, STATE_FILE), `${JSON.stringify(state, null, 2)}\n`);
}
