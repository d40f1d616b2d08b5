import { createProgram } from './program.ts';
import { asCommandError, reportError } from './report.ts';

/** The `strata` command. Exit codes: 0 done, 1 the work failed, 2 the input is wrong, 130 interrupted. */

// The reader of our output has enough (`strata run list | head`): there is nobody left to tell.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(130);
  throw error;
});

const typed = process.argv.slice(2);
try {
  await (await createProgram(typed)).parseAsync();
} catch (error) {
  const known = asCommandError(error, typed);
  if (known) {
    process.exitCode = known.exitCode;
    reportError(known, typed.includes('--json'));
  }
}
