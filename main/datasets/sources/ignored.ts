import { readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import ignore, { type Ignore } from 'ignore';

/** A list of patterns is short; a longer file is something else that has this name. */
const MAX_BYTES = 1024 * 1024;

/** The .gitignore files that hold for a folder, innermost first. */
export type IgnoreRules = readonly { folder: string; rules: Ignore }[];

/** The rules for a folder below others: its own .gitignore before theirs. One that cannot be read ignores nothing. */
export async function rulesFor(folder: string, names: readonly string[], outer: IgnoreRules): Promise<IgnoreRules> {
  if (!names.includes('.gitignore')) return outer;
  const path = join(folder, '.gitignore');
  const found = await stat(path).catch(() => null);
  if (!found?.isFile() || found.size > MAX_BYTES) return outer;
  const text = await readFile(path, 'utf8').catch(() => '');
  return [{ folder, rules: ignore().add(text) }, ...outer];
}

/** Whether git would leave a file or folder out: the innermost .gitignore that names it decides. */
export function isIgnored(path: string, isFolder: boolean, rules: IgnoreRules): boolean {
  for (const { folder, rules: patterns } of rules) {
    const below = relative(folder, path).split(sep).join('/') + (isFolder ? '/' : '');
    const { ignored, unignored } = patterns.test(below);
    if (ignored || unignored) return ignored;
  }
  return false;
}
