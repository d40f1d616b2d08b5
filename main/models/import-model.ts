import { constants, copyFile, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { StrataError } from '../../shared/errors.ts';
import { copySmallFiles } from './expand-folder.ts';
import { EXPANSION_FILE, readExpansionFile } from './expansion-file.ts';
import { isLlama2c, writeLlama2cFolder } from './llama2c.ts';
import { modelFiles, openModelFolder } from './model-folder.ts';
import { loadTokenizer } from './tokenizer.ts';

export interface ImportedModel {
  suggestedName: string;
  architecture: string;
}

/**
 * Brings a model into a folder of its own: a Hugging Face folder as it is (weights in their precision), or a llama2.c
 * checkpoint converted to one. The result was opened and its tokenizer loaded; it appears only when complete.
 * @throws StrataError that says which file is missing, damaged or not supported.
 */
export async function importModel(path: string, destination: string): Promise<ImportedModel> {
  const info = await stat(path).catch(() => null);
  if (!info) throw new StrataError('NOT_FOUND', 'There is no such file or folder.', { found: path, allowed: ALLOWED });
  const partial = `${destination}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  try {
    const checkpoint = info.isDirectory() ? await checkpointIn(path) : path;
    if (checkpoint === null) await copyModelFolder(path, partial);
    else if (await isLlama2c(checkpoint)) await writeLlama2cFolder(checkpoint, partial);
    else {
      throw new StrataError('UNSUPPORTED', 'This file is not a model that Strata reads yet.', {
        found: basename(path),
        allowed: ALLOWED,
        hint:
          extname(path) === '.safetensors' ? `Import its folder instead: ${dirname(path)}` : 'Convert it to a Hugging Face folder first.',
      });
    }
    const architecture = await check(partial);
    await rename(partial, destination);
    const name = basename(info.isDirectory() ? path.replace(/\/+$/, '') : path).replace(/\.bin$/, '');
    return { suggestedName: name, architecture };
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

const ALLOWED =
  'a Hugging Face folder (config.json, model.safetensors, tokenizer.json), or a llama2.c checkpoint (.bin) with its tokenizer beside it';

/** The llama2.c checkpoint of a folder that is no Hugging Face folder; null when it holds none. */
async function checkpointIn(directory: string): Promise<string | null> {
  const names = await readdir(directory);
  if (names.includes('config.json')) return null;
  const checkpoints: string[] = [];
  for (const name of names.sort()) if (await isLlama2c(join(directory, name))) checkpoints.push(name);
  if (checkpoints.length > 1) {
    throw new StrataError('BAD_INPUT', 'This folder holds several models.', {
      found: checkpoints.join(', '),
      allowed: 'one model',
      hint: `Import one of the files, such as ${join(directory, checkpoints[0]!)}.`,
    });
  }
  return checkpoints[0] === undefined ? null : join(directory, checkpoints[0]);
}

async function copyModelFolder(source: string, destination: string): Promise<void> {
  await check(source); // refuses what is not a whole model before anything is copied
  await copySmallFiles(source, destination);
  for (const name of await modelFiles(source)) {
    await copyFile(join(source, name), join(destination, name), constants.COPYFILE_FICLONE);
  }
  if (await readExpansionFile(source)) await copyFile(join(source, EXPANSION_FILE), join(destination, EXPANSION_FILE));
}

/** Opens a model folder, with its tokenizer, and returns the architecture. */
async function check(directory: string): Promise<string> {
  const folder = await openModelFolder(directory);
  await folder.close();
  const tokenizer = await loadTokenizer(directory);
  if (tokenizer.vocabularySize > folder.config.vocabularySize) {
    throw new StrataError('CORRUPT', 'The tokenizer knows more tokens than the model.', {
      found: `${tokenizer.vocabularySize} tokens in tokenizer.json`,
      allowed: `up to ${folder.config.vocabularySize}, the model's vocabulary`,
      hint: 'tokenizer.json must be the one that belongs to these weights.',
    });
  }
  return folder.architecture;
}
