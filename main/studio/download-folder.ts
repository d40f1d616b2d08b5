import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { StrataError } from '../../shared/errors.ts';
import { writeTextAtomically } from '../models/atomic-file.ts';
import { claim, isClaimed, OWNER_FILE } from './owner-file.ts';

/** What every folder of `downloads` holds beside what arrives: what was asked for, and which process works on it. */

const REQUEST_FILE = 'request.json';

const requestSchema = z.object({ source: z.string(), file: z.string().nullable() });
export type RecordedRequest = z.infer<typeof requestSchema>;

/** Null where the folder is none of a download. */
export async function readRequest(directory: string): Promise<RecordedRequest | null> {
  try {
    return requestSchema.parse(JSON.parse(await readFile(join(directory, REQUEST_FILE), 'utf8')));
  } catch {
    return null;
  }
}

/**
 * Makes this process the only one that works in a download's folder, and records what was asked for.
 * @returns what gives the folder free again.
 * @throws StrataError CONFLICT while another process works in it.
 */
export async function claimFolder(directory: string, request: RecordedRequest): Promise<() => Promise<void>> {
  if (await isClaimed(directory)) {
    throw new StrataError('CONFLICT', 'Another program is fetching this model.', {
      found: `its process is named in ${join(directory, OWNER_FILE)}`,
      hint: 'Wait until it has ended, or stop it there.',
      allowed: 'one program at a time',
    });
  }
  const release = await claim(directory);
  try {
    await writeTextAtomically(join(directory, REQUEST_FILE), `${JSON.stringify(request)}\n`);
  } catch (error) {
    await release();
    throw error;
  }
  return release;
}

/** Bytes of what has arrived. */
export async function arrivedBytes(directory: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(directory, { recursive: true }).catch(() => [])) {
    const found = await stat(join(directory, name)).catch(() => null);
    if (found?.isFile() && !/(^|[\\/])[\w.]*\.(incomplete\.json|pid)$|^(request|download)\.json$/.test(name)) bytes += found.size;
  }
  return bytes;
}
