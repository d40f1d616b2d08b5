import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Preset, presetSchema } from '../../shared/contract/recipes.ts';
import { StrataError } from '../../shared/errors.ts';

/** Settings of single runs under a name: files of the program, `presets/NAME.json` in its resources. */
export function listPresets(resources: string): Preset[] {
  const folder = join(resources, 'presets');
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => {
      const content = JSON.parse(readFileSync(join(folder, file), 'utf8')) as object;
      return presetSchema.parse({ name: file.slice(0, -'.json'.length), ...content });
    });
}

/** @throws StrataError BAD_INPUT, with the presets there are. */
export function findPreset(resources: string, name: string): Preset {
  const presets = listPresets(resources);
  const found = presets.find((preset) => preset.name === name);
  if (found) return found;
  throw new StrataError('BAD_INPUT', 'There is no such preset.', {
    found: name,
    allowed: presets.map((preset) => preset.name).join(', '),
    hint: 'Choose one of them, or leave the preset out for the defaults.',
  });
}
