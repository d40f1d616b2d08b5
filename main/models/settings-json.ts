import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { StrataError } from '../../shared/errors.ts';

/**
 * What a settings file beside a model holds, such as tokenizer_config.json. Where a name is there twice the last value counts, as in transformers.
 * @throws StrataError CORRUPT when it is not a JSON object.
 */
export function parseSettings(text: string, path: string): Record<string, unknown> {
  const value = parseJsonText(text, path);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new StrataError('CORRUPT', `${path} does not hold settings.`, {
    found: text.slice(0, 60),
    allowed: 'a JSON object',
    hint: damagedHint(path),
  });
}

/** {@link parseSettings} of a file; null when there is none. */
export async function readSettings(path: string): Promise<Record<string, unknown> | null> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  return text === null ? null : parseSettings(text, path);
}

/** @throws StrataError CORRUPT when it is not JSON. */
export function parseJsonText(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw notJson(path, text, error);
  }
}

/** The refusal of a file that should be JSON. */
export function notJson(path: string, text: string, cause: unknown): StrataError {
  if (text.startsWith('\uFEFF')) {
    // Python's json refuses it as well, so a model with it would open in few other programs.
    return new StrataError('CORRUPT', `${path} begins with a byte order mark, which JSON does not have.`, {
      found: 'a byte order mark (BOM, the bytes EF BB BF) before the text',
      allowed: 'a JSON object in UTF-8 without a byte order mark',
      hint: `Save ${basename(path)} again as UTF-8 without BOM, which editors offer beside "UTF-8 with BOM".`,
      cause,
    });
  }
  return new StrataError('CORRUPT', `${path} is not JSON.`, {
    found: text.trim() === '' ? 'an empty file' : cause instanceof Error ? cause.message : String(cause),
    allowed: 'a JSON object',
    hint: damagedHint(path),
    cause,
  });
}

function damagedHint(path: string): string {
  return `${basename(path)} must be the one that was saved with the model: download or copy it again.`;
}
