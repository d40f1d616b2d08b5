import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StrataError } from '../../../shared/errors.ts';
import { parseSettings } from '../settings-json.ts';

/** The largest published tokenizer_config.json files have some megabytes, for their thousands of added tokens. */
const MAX_SETTINGS_BYTES = 64_000_000;

/** The chat templates (Jinja) of a model folder by name; the usual one is called "default". */
export async function readChatTemplates(directory: string): Promise<Map<string, string>> {
  const templates = new Map<string, string>();
  for (const file of ['chat_template.json', 'tokenizer_config.json']) {
    const content = await readSmall(join(directory, file));
    if (content === null) continue;
    const { chat_template: given } = parseSettings(content, join(directory, file));
    if (typeof given === 'string') templates.set('default', given);
    else if (Array.isArray(given)) {
      for (const entry of given as unknown[]) {
        const { name, template } = (entry ?? {}) as { name?: unknown; template?: unknown };
        if (typeof name === 'string' && typeof template === 'string') templates.set(name, template);
      }
    }
  }
  // The file of its own is what newer versions of transformers write, and read first.
  const own = await readSmall(join(directory, 'chat_template.jinja'));
  if (own !== null) templates.set('default', own);
  return templates;
}

async function readSmall(path: string): Promise<string | null> {
  const found = await stat(path).catch(() => null);
  if (!found?.isFile()) return null;
  if (found.size > MAX_SETTINGS_BYTES) {
    throw new StrataError('CORRUPT', `${path} is too large for settings.`, {
      found: `${found.size} bytes`,
      allowed: `up to ${MAX_SETTINGS_BYTES} bytes`,
      hint: 'Import the model again, with the file that was saved with its weights.',
    });
  }
  return readFile(path, 'utf8');
}
