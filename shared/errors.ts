/**
 * The one error type that crosses every border of the studio (process, RPC, command line, screen).
 *
 * A message says what went wrong; `found`, `allowed` and `hint` say what was met, what would have been
 * accepted, and what the person can do next. Missing things are `null` in return values, not errors.
 */

export const ERROR_CODES = [
  'BAD_INPUT', // the user's input is wrong: exit code 2
  'NOT_FOUND', // a name or path at which there is nothing of the kind: exit code 2
  'CONFLICT', // the thing is in a state that does not allow this: exit code 2
  'UNSUPPORTED', // understood, but not something Strata can do: exit code 2
  'CORRUPT', // a file is damaged, incomplete or contradicts itself: exit code 1
  'NO_SPACE', // the disk is full: exit code 1
  'NETWORK', // a server could not be reached, or did not answer as it should: exit code 1
  'ENGINE', // a tensor engine could not be loaded or failed: exit code 1
  'DIVERGED', // a loss, gradient or weight is no longer finite; the same again would end the same: exit code 1
  'CRASHED', // a child process died: exit code 1
  'INTERRUPTED', // stopped by the user; a checkpoint was saved: exit code 130
  'INTERNAL', // a bug in Strata: exit code 1
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** Process exit code for each error code, as the command line promises. */
const EXIT_CODES: Record<ErrorCode, number> = {
  BAD_INPUT: 2,
  NOT_FOUND: 2,
  CONFLICT: 2,
  UNSUPPORTED: 2,
  CORRUPT: 1,
  NO_SPACE: 1,
  NETWORK: 1,
  ENGINE: 1,
  DIVERGED: 1,
  CRASHED: 1,
  INTERRUPTED: 130,
  INTERNAL: 1,
};

export interface ErrorDetails {
  /** What was met, in the user's terms. */
  found?: string;
  /** What would have been accepted. */
  allowed?: string;
  /** What to do next. */
  hint?: string;
}

/** Plain form of a {@link StrataError}, for messages between processes and for `--json`. */
export interface ErrorRecord extends ErrorDetails {
  code: ErrorCode;
  message: string;
}

/** What was met may be a stranger's file of megabytes; nobody reads more than this. */
const MAX_DETAIL_LENGTH = 2000;

function inShort(text: string): string {
  return text.length > MAX_DETAIL_LENGTH ? `${text.slice(0, MAX_DETAIL_LENGTH)}…` : text;
}

export class StrataError extends Error {
  readonly code: ErrorCode;
  readonly found: string | undefined;
  readonly allowed: string | undefined;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails & { cause?: unknown } = {}) {
    super(inShort(message), details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'StrataError';
    this.code = code;
    this.found = details.found && inShort(details.found);
    this.allowed = details.allowed && inShort(details.allowed);
    this.hint = details.hint && inShort(details.hint);
  }

  get exitCode(): number {
    return EXIT_CODES[this.code];
  }

  toRecord(): ErrorRecord {
    const record: ErrorRecord = { code: this.code, message: this.message };
    if (this.found !== undefined) record.found = this.found;
    if (this.allowed !== undefined) record.allowed = this.allowed;
    if (this.hint !== undefined) record.hint = this.hint;
    return record;
  }

  static fromRecord(record: ErrorRecord): StrataError {
    return new StrataError(record.code, record.message, record);
  }
}

/**
 * Turns anything thrown into a {@link StrataError}: a full disk and a missing file get their own codes,
 * everything else unknown is a bug (`INTERNAL`) whose original message is kept.
 */
export function toStrataError(error: unknown): StrataError {
  if (error instanceof StrataError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const systemCode = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (systemCode === 'ENOSPC' || systemCode === 'EDQUOT' || systemCode === 'SQLITE_FULL') {
    return new StrataError('NO_SPACE', 'The disk is full.', {
      found: message,
      hint: 'Free some space and run the command again; what was finished before is kept.',
      cause: error,
    });
  }
  if (systemCode === 'EFBIG') {
    return new StrataError('NO_SPACE', 'A file is larger than this disk or account allows.', {
      found: message,
      hint: 'Choose a workspace on another disk (some, such as FAT32 sticks, hold no file above 4 GB).',
      cause: error,
    });
  }
  if (systemCode === 'ENOENT') {
    return new StrataError('NOT_FOUND', 'A file or folder does not exist.', {
      found: message,
      allowed: 'a path that exists',
      hint: 'Check the spelling; a relative path is taken from the folder that the command was typed in.',
      cause: error,
    });
  }
  if (['ENOTDIR', 'EISDIR', 'EEXIST', 'ELOOP', 'ENAMETOOLONG'].includes(systemCode)) {
    return new StrataError('BAD_INPUT', 'A path cannot be used: a file is where a folder should be, or the other way round.', {
      found: message,
      hint: 'Check the path, or choose another one.',
      cause: error,
    });
  }
  if (systemCode === 'EACCES' || systemCode === 'EPERM' || systemCode === 'EROFS') {
    return new StrataError('BAD_INPUT', 'A file or folder may not be read or written.', {
      found: message,
      hint: 'Check its permissions, or choose another folder.',
      cause: error,
    });
  }
  return new StrataError('INTERNAL', message, { cause: error });
}
