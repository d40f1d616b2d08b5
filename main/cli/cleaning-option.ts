import { z } from 'zod';
import { allowedBy } from '../../shared/allowed.ts';
import { type CleaningSettings, cleaningSettingsSchema, DEFAULT_CLEANING } from '../../shared/domain/cleaning.ts';
import { refuse } from './session.ts';

type Name = keyof CleaningSettings;
const HINT = '"data import --help" says what each step does.';
const NAMES = Object.keys(cleaningSettingsSchema.shape) as Name[];

/**
 * Reads `--clean key=value`.
 * @param base what is not said.
 * @throws StrataError BAD_INPUT with what is allowed.
 */
export function parseCleaning(pairs: readonly string[], base: CleaningSettings = DEFAULT_CLEANING): CleaningSettings {
  const given: Record<string, unknown> = {};
  for (const pair of pairs) {
    const [name = '', ...rest] = pair.split('=');
    const text = rest.join('=').trim();
    if (!isName(name) || rest.length === 0) throw refuse('--clean does not take that.', pair, NAMES.map(formOf).join(', '), HINT);
    if (name in given) throw refuse('A step of the cleaning was given twice.', pair, 'each once', 'Leave one of them out.');
    given[name] = valueOf(name, text);
    const parsed = cleaningSettingsSchema.safeParse({ [name]: given[name] });
    if (!parsed.success) throw refuse('--clean does not take that value.', pair, allowedOf(name, parsed.error.issues[0]!), HINT);
  }
  return cleaningSettingsSchema.parse({ ...base, ...given });
}

/** Every setting with its form, its meaning and its default, for the help. */
export function cleaningHelp(): [form: string, meaning: string][] {
  return NAMES.map((name) => {
    const value = DEFAULT_CLEANING[name];
    return [formOf(name), `${cleaningSettingsSchema.shape[name].description} (default ${Array.isArray(value) ? 'all' : String(value)})`];
  });
}

function isName(name: string): name is Name {
  return (NAMES as readonly string[]).includes(name);
}

/** "unicode=off|nfc|nfkc" */
function formOf(name: Name): string {
  const schema = innerOf(name);
  if (schema instanceof z.ZodEnum) return `${name}=${schema.options.join('|')}`;
  if (schema instanceof z.ZodBoolean) return `${name}=true|false`;
  return schema instanceof z.ZodArray ? `${name}=en,de` : `${name}=N`;
}

function innerOf(name: Name): unknown {
  return cleaningSettingsSchema.shape[name].unwrap();
}

function valueOf(name: Name, text: string): unknown {
  const schema = innerOf(name);
  if (schema instanceof z.ZodEnum) return text;
  if (schema instanceof z.ZodBoolean) return text === 'true' ? true : text === 'false' ? false : text;
  if (schema instanceof z.ZodArray) return text === '' ? [] : text.split(',').map((each) => each.trim());
  return text === '' ? text : Number(text);
}

function allowedOf(name: Name, issue: Parameters<typeof allowedBy>[0]): string {
  const schema = innerOf(name);
  if (schema instanceof z.ZodEnum) return schema.options.join(', ');
  return allowedBy(issue);
}
