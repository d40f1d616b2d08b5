import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { llamaTensors } from '../../shared/domain/llama-tensors.ts';
import { StrataError } from '../../shared/errors.ts';
import { copyAdapter } from './adapter-folder.ts';
import { copySmallFiles, writeConfig } from './expand-folder.ts';
import { EXPANSION_FILE, readExpansionFile } from './expansion-file.ts';
import { openModelFolder } from './model-folder.ts';
import { writeSafetensors } from './safetensors.ts';

export interface ExportedModel {
  path: string;
  format: string;
  dtype: string;
  bytes: number;
  /** The folder was opened again and every tensor has the bytes of the source. */
  verified: boolean;
}

/**
 * Writes a model as a Hugging Face folder that other programs load: one safetensors file under the usual names, config,
 * tokenizer, and the plan.
 * @param partial where it is written at first, for a caller that may have to end in the middle and remove it.
 * @throws StrataError BAD_INPUT when the destination is a file or a folder with something in it: nothing is overwritten.
 */
export async function exportHuggingFace(
  modelDirectory: string,
  destination: string,
  partial = unfinishedExport(destination),
): Promise<ExportedModel> {
  const path = resolve(destination);
  await refuseOccupied(path);
  const folder = await openModelFolder(modelDirectory);
  try {
    await makeFolder(partial);
    const tensors = llamaTensors(folder.config).map(({ name, shape }) => ({
      name,
      shape,
      dtype: folder.dtypeOf(name),
      data: () => folder.readBytes(name),
    }));
    await writeSafetensors(join(partial, 'model.safetensors'), tensors, { format: 'pt' });
    const dtypes = [...new Set(tensors.map(({ dtype }) => dtype))];
    await writeConfig(partial, folder, folder.config);
    await copySmallFiles(modelDirectory, partial);
    if (await readExpansionFile(modelDirectory)) await copyFile(join(modelDirectory, EXPANSION_FILE), join(partial, EXPANSION_FILE));
    await copyAdapter(modelDirectory, partial);

    const written = await openModelFolder(partial);
    let verified = true;
    for (const { name } of tensors) {
      verified &&= Buffer.compare(await folder.readBytes(name), await written.readBytes(name)) === 0;
    }
    await written.close();
    if (!verified)
      throw new StrataError('CORRUPT', 'What was written is not what was read.', {
        hint: 'The disk may be failing; export to another one.',
      });
    // An empty folder makes room; one that was filled meanwhile does not.
    await rmdir(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    await rename(partial, path);
    return { path, format: 'huggingface', dtype: dtypes.sort().join('+'), bytes: await folderBytes(path), verified };
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  } finally {
    await folder.close();
  }
}

/** Where an export lies until it is complete: beside the user's own files, so it has a name that none of them has. */
export function unfinishedExport(destination: string): string {
  return `${resolve(destination)}.${randomUUID()}.partial`;
}

/** Makes a folder where the user asked for it, one level after the other: Node's own recursion never ends in places such as /proc. */
export async function makeFolder(path: string): Promise<void> {
  const parent = dirname(path);
  if (!(await stat(parent).catch(() => null))) await makeFolder(parent);
  await mkdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

export async function refuseOccupied(path: string): Promise<void> {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error; // a file stands where a folder of the path should be
  });
  if (!info) return;
  const entries = info.isDirectory() ? (await readdir(path)).length : null;
  if (entries === 0) return;
  throw new StrataError('BAD_INPUT', 'The destination is not empty; nothing was overwritten.', {
    found: entries === null ? `a file at ${path}` : `${path} with ${entries} ${entries === 1 ? 'entry' : 'entries'}`,
    allowed: 'a folder that does not exist yet, or an empty one',
  });
}

/** Bytes of the files directly in a folder. */
export async function folderBytes(directory: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(directory, entry.name))).size;
  }
  return bytes;
}
