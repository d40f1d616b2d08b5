import { join } from 'node:path';
import { StrataError } from '../../shared/errors.ts';
import type { ModelFolder } from './model-folder.ts';
import { readTextFile } from './regular-file.ts';
import { parseSettings } from './settings-json.ts';
import { shownValue } from './shown-value.ts';

/** The largest published tokenizer_config.json files have some megabytes, for their thousands of added tokens. */
const MAX_SETTINGS_BYTES = 64_000_000;

/** Where ids of special tokens stand, by the files that have them. */
const TOKEN_IDS = ['bos_token_id', 'eos_token_id', 'pad_token_id'];
/** Where the special tokens themselves stand: texts, or objects that have one. */
const TOKENS = ['bos_token', 'eos_token', 'unk_token', 'pad_token'];

/**
 * The settings that go along with a model say what is possible: other programs read them first of all, and would fail where Strata itself does not
 * look. An id of -1 stands for no token, as old files of LLaMA have it; of end tokens there may be several.
 * @throws StrataError CORRUPT for a file that is not a JSON object, or for a token that the model does not have.
 */
export async function checkSettings({ directory, config, configJson }: ModelFolder): Promise<void> {
  checkTokenIds('config.json', configJson, config.vocabularySize);
  const generation = await settingsIn(directory, 'generation_config.json');
  if (generation) checkTokenIds('generation_config.json', generation, config.vocabularySize);
  for (const name of ['tokenizer_config.json', 'special_tokens_map.json']) {
    const settings = await settingsIn(directory, name);
    if (settings) checkTokens(name, settings);
  }
}

async function settingsIn(directory: string, name: string): Promise<Record<string, unknown> | null> {
  const text = await readTextFile(directory, name, MAX_SETTINGS_BYTES);
  return text === null ? null : parseSettings(text, join(directory, name));
}

function checkTokenIds(file: string, settings: Record<string, unknown>, vocabularySize: number): void {
  for (const key of TOKEN_IDS) {
    const value = settings[key] ?? null;
    const ids: unknown[] = Array.isArray(value) && key === 'eos_token_id' ? value : value === null ? [] : [value];
    const wrong = ids.find((id) => !(Number.isInteger(id) && (id as number) >= -1 && (id as number) < vocabularySize));
    if (wrong === undefined) continue;
    throw new StrataError('CORRUPT', `${file} names a token that the model does not have.`, {
      found: `${key} ${shownValue(value)}`,
      allowed: `ids from 0 to ${vocabularySize - 1}, the model's vocabulary, or -1 or null for none`,
      hint: `${file} must be the one that was saved with these weights: download or copy it again, or set ${key} to null in it.`,
    });
  }
}

function checkTokens(file: string, settings: Record<string, unknown>): void {
  for (const key of TOKENS) {
    const value = settings[key] ?? null;
    const text: unknown = typeof value === 'object' && value !== null ? (value as { content?: unknown }).content : value;
    if (value === null || typeof text === 'string') continue;
    throw new StrataError('CORRUPT', `${file} names a token that is no text.`, {
      found: `${key} ${shownValue(value)}`,
      allowed: 'a text such as "</s>", an object with such a text as its content, or null for none',
      hint: `${file} must be the one that was saved with the model: download or copy it again.`,
    });
  }
}
