import { createProgram } from './program.ts';
import { asCommandError, reportError } from './report.ts';

/**
 * Does what was typed, says on both streams what came of it, and sets the exit code of the process: 0 done, 1 the work failed, 2 the input is
 * wrong, 130 interrupted.
 */
export async function runCommandLine(typed: readonly string[]): Promise<void> {
  try {
    await (await createProgram(typed)).parseAsync(typed, { from: 'user' });
  } catch (error) {
    const known = asCommandError(error, typed);
    if (known) {
      process.exitCode = known.exitCode;
      reportError(known, typed.includes('--json'));
    }
  }
}
