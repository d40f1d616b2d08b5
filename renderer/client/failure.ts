import { ORPCError } from '@orpc/client';
import { type ErrorRecord, StrataError } from '../../shared/errors.ts';

/** Anything thrown by a call or by a rule of what may be asked, as what the screen shows: message, found, allowed, hint. */
export function failureOf(error: unknown): ErrorRecord {
  if (error instanceof ORPCError && error.code === 'STRATA') return error.data as ErrorRecord;
  if (error instanceof StrataError) return error.toRecord();
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'INTERNAL', message };
}

/** Where a hint names a command of the terminal, as in `strata model list`. */
const COMMAND = /["“]?\bstrata [a-z]/;

/**
 * What of a hint is for somebody before a page: the studio gives the command line's hints to all, and a page has no terminal.
 * @returns what stands before a command is named, as a sentence; null where nothing does.
 */
export function hintWithoutCommand(hint: string | undefined): string | null {
  const at = hint?.search(COMMAND) ?? -1;
  if (hint === undefined || at < 0) return hint ?? null;
  return hint.slice(0, at).trim().replace(/:$/, '.') || null;
}

/** What a file or folder is called, of its path on any system. */
export function nameOf(path: string): string {
  return path.split(/[/\\]/).filter(Boolean).at(-1) ?? path;
}
