import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StrataError } from '../../shared/errors.ts';

/** The names under which chat templates know special tokens. */
const NAMES = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'];

/** A model folder's special tokens by the names that chat templates use; those that it does not have are left out. */
export async function readSpecialTokens(directory: string): Promise<Record<string, string>> {
  const tokens: Record<string, string> = {};
  for (const file of ['special_tokens_map.json', 'tokenizer_config.json']) {
    const settings = await readSettings(join(directory, file));
    for (const name of NAMES) {
      const value = settings[name];
      const text = typeof value === 'object' && value !== null ? (value as { content?: unknown }).content : value;
      if (typeof text === 'string') tokens[name] = text;
    }
  }
  return tokens;
}

async function readSettings(path: string): Promise<Record<string, unknown>> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw error;
  });
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch (error) {
    throw new StrataError('CORRUPT', `${path} is not JSON.`, {
      found: error instanceof Error ? error.message : String(error),
      allowed: 'a JSON object',
      hint: 'Import the model again.',
      cause: error,
    });
  }
}
