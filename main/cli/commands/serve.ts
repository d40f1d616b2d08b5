import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Command } from 'commander';
import { startServer } from '../../web/server.ts';
import { command, type CommonOptions, wholeNumber, withSession } from '../session.ts';

/** `strata serve`: the studio in a browser, on this machine only. */
export function serveCommand(): Command {
  return command('serve', 'the studio in a browser')
    .addOption(wholeNumber('--port <n>', '0 takes a free one', 0, 65_535).default(0))
    .option('--open', 'open the browser')
    .action((options: CommonOptions & { port: number; open?: boolean }) =>
      withSession(options, async ({ studio, print, say, interrupted }) => {
        studio.queue.drive();
        const server = await startServer({ studio, port: options.port, pages: join(import.meta.dirname, '../../../dist/renderer') });
        print({ url: server.url }, () => `The studio is at ${server.url}`);
        say('Ctrl-C ends it; a run in progress saves a checkpoint first.');
        if (options.open) openBrowser(server.url);
        await interrupted();
        await server.close();
      }),
    );
}

/** Asks the desktop for its browser; the address was printed, so a machine without one loses nothing. */
function openBrowser(url: string): void {
  const [program, args] =
    process.platform === 'darwin'
      ? ['open', [url]]
      : process.platform === 'win32'
        ? ['cmd', ['/c', 'start', '', url]]
        : ['xdg-open', [url]];
  const child = spawn(program as string, args as string[], { stdio: 'ignore', detached: true });
  child.on('error', () => undefined); // no such program
  child.unref();
}
