import { runCommandLine } from './command-line.ts';

/** The `strata` command. */

// The reader of our output has enough (`strata run list | head`): there is nobody left to tell.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(130);
  throw error;
});

await runCommandLine(process.argv.slice(2));
