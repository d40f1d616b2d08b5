import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { beginsAsGguf, firstBytes } from './import-model.ts';
import { isLlama2c } from './llama2c.ts';
import { INDEX_FILE } from './model-folder.ts';
import { isPack } from './pack/expansion-pack.ts';
import { isPackArchive } from './pack/pack-archive.ts';

/** Weights by their names. A damaged one is told so by the import of models; as data it would only be unreadable. */
const WEIGHTS = /\.(safetensors|gguf|pth|ckpt)$|^pytorch_model.*\.bin$/i;

/**
 * Whether a file or folder is meant as a model or a pack of blocks rather than as data: by names and first bytes. Whether it is a whole one
 * is for its import to say. False also for what is not there or cannot be read: an import of data says why.
 */
export async function isMeantAsModel(path: string): Promise<boolean> {
  try {
    const info = await stat(path);
    if (info.isDirectory()) return (await isPack(path)) || (await holdsWeights(path));
    if (!info.isFile()) return false;
    if (WEIGHTS.test(basename(path))) return true;
    return beginsAsGguf(path, await firstBytes(path)) || (await isPackArchive(path)) || (await isLlama2c(path));
  } catch {
    return false;
  }
}

async function holdsWeights(directory: string): Promise<boolean> {
  for (const name of await readdir(directory)) {
    if (WEIGHTS.test(name) || name === INDEX_FILE) return true;
    if (name.endsWith('.bin') && (await stat(join(directory, name))).isFile() && (await isLlama2c(join(directory, name)))) return true;
  }
  return false;
}
