import { StrataError } from '../../../shared/errors.ts';
import { UnreadableFile } from '../unreadable-file.ts';

/** Faults of the machine, not of the file: the next file would meet them, too. */
const MACHINE_FAULTS = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'EMFILE', 'ENFILE', 'ENOMEM', 'EROFS']);

const KNOWN_FAULTS: Readonly<Record<string, string>> = {
  EACCES: 'It may not be read: check its permissions.',
  EPERM: 'It may not be read: check its permissions.',
  ENOENT: 'There is no such file.',
  ENOTDIR: 'There is no such file.',
  ELOOP: 'It is a link that leads back to itself.',
  ENAMETOOLONG: 'Its path is too long for this system. Move the folder up and import it again.',
};

/**
 * What to throw for an error that reading a file met: an UnreadableFile with a sentence for the user, or the error itself where it is not the
 * file's (a full disk) or already says what to do.
 * @param otherwise the sentence for an error that is not known here.
 */
export function explain(error: unknown, otherwise: (message: string) => string = (message) => `It could not be read (${message}).`): Error {
  if (error instanceof UnreadableFile || error instanceof StrataError) return error;
  const { code, message } = error instanceof Error ? (error as NodeJS.ErrnoException) : { code: undefined, message: String(error) };
  if (error instanceof Error && MACHINE_FAULTS.has(code ?? '')) return error;
  return new UnreadableFile(KNOWN_FAULTS[code ?? ''] ?? otherwise(shortened(message)));
}

/** Libraries quote what they found, which may be a whole file. */
function shortened(message: string): string {
  const line = message.replace(/\s+/g, ' ').trim().replace(/\.$/, '');
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
