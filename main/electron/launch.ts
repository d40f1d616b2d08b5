import { isAbsolute, resolve } from 'node:path';

/**
 * What the program is started with: a link to a run, or a pack's file. Links come from anywhere, web pages among them, so their scheme is not
 * the one of our own pages, and nothing but an id is taken from one.
 */

export const LINK_SCHEME = 'strata-studio';

/** Ids as the studio makes them: letters, digits and dashes. */
const RUN_LINK = new RegExp(`^${LINK_SCHEME}://run/([a-z0-9][a-z0-9-]{0,79})/?$`);
const PACK_FILE = /\.strata-pack$/i;

export type Opened = { kind: 'run'; run: string } | { kind: 'pack'; path: string };

/** The run that a link means, or null for anything else. */
export function parseLink(text: string): Opened | null {
  const run = RUN_LINK.exec(text)?.[1];
  return run === undefined ? null : { kind: 'run', run };
}

/** A pack's file, or null for a path to anything else. */
export function parseFile(path: string, folder: string): Opened | null {
  if (!PACK_FILE.test(path)) return null;
  const whole = isAbsolute(path) ? path : resolve(folder, path);
  return whole.includes('\0') ? null : { kind: 'pack', path: whole };
}

/**
 * What a command line asks for. Links and files stand in it as they are; everything else, switches above all, is not looked at.
 * @param folder that a relative path starts from.
 */
export function openedBy(commandLine: readonly string[], folder: string): Opened | null {
  for (const word of commandLine.slice(1)) {
    if (word.startsWith('-')) continue;
    const opened = word.startsWith(`${LINK_SCHEME}:`) ? parseLink(word) : parseFile(word, folder);
    if (opened) return opened;
  }
  return null;
}

/** The command line without what {@link openedBy} takes from it and without the workspace: to start again with another one. */
export function withoutHome(commandLine: readonly string[]): string[] {
  return commandLine.filter((word) => !word.startsWith('--home') && !word.startsWith(`${LINK_SCHEME}:`) && !PACK_FILE.test(word));
}
