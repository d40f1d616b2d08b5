import { constants, copyFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sizeOfFile } from './regular-file.ts';

/** What belongs to a model beside its weights: tokenizer, templates, generation settings, licence, card. */
const SMALL_FILE =
  /^(tokenizer.*|special_tokens_map\.json|generation_config\.json|vocab\.json|merges\.txt|chat_template\..*|added_tokens\.json|LICENSE.*|NOTICE.*|README\.md)$/i;

export function isSmallFile(name: string): boolean {
  return SMALL_FILE.test(name);
}

/** Tokenizers have up to 35 MB; nothing beside the weights is larger. */
const MAX_SMALL_FILE_BYTES = 200_000_000;

/**
 * Copies tokenizer, templates, generation settings, licence and card.
 * @throws StrataError BAD_INPUT when one of them is no file or a link to elsewhere.
 */
export async function copySmallFiles(source: string, destination: string): Promise<void> {
  for (const entry of await readdir(source, { withFileTypes: true })) {
    if (!isSmallFile(entry.name) || entry.isDirectory()) continue;
    await sizeOfFile(source, entry.name, MAX_SMALL_FILE_BYTES);
    await copyFile(join(source, entry.name), join(destination, entry.name), constants.COPYFILE_FICLONE);
  }
}
