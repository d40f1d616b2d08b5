import { spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { toStrataError, StrataError } from '../../../shared/errors.ts';
import { startServer } from '../../web/server.ts';
import { command, type CommonOptions, wholeNumber, withSession } from '../session.ts';

/** `strata serve`: the studio in a browser, on this machine only. */
export function serveCommand(): Command {
  return command('serve', 'the studio in a browser')
    .addOption(wholeNumber('--port <n>', '0 takes a free one', 0, 65_535).default(0))
    .option('--open', 'open the browser')
    .option('--no-sample', 'leave a new workspace empty: else it opens on the sample project')
    .option('--allow-paths <dir...>', 'folders of this machine in which pages may name files by their paths (none: only what is uploaded)')
    .action((options: CommonOptions & { port: number; open?: boolean; sample: boolean; allowPaths?: string[] }) =>
      withSession(options, async ({ studio, print, say, interrupted }) => {
        const allowPaths = await foldersOf(options.allowPaths ?? []);
        if (studio.isNew && options.sample) {
          // The studio is of use without it.
          await studio.addSamples().catch((error: unknown) => say(`The sample project was not added. ${toStrataError(error).message}`));
        }
        studio.queue.drive();
        const pages = join(import.meta.dirname, '../../../dist/renderer');
        const server = await startServer({ studio, port: options.port, pages, allowPaths, log: say });
        print({ url: server.url }, () => `The studio is at ${server.url}`);
        say('Ctrl-C ends it; a run in progress saves a checkpoint first.');
        if (options.open) openBrowser(server.url);
        await interrupted();
        await server.close();
      }),
    );
}

/** @throws StrataError BAD_INPUT for what is no folder: a slip of the hand must not look like a permission. */
async function foldersOf(given: readonly string[]): Promise<string[]> {
  const folders = given.map((path) => resolve(path));
  for (const folder of folders) {
    if ((await stat(folder).catch(() => null))?.isDirectory()) continue;
    throw new StrataError('BAD_INPUT', 'Paths can be allowed in folders only.', {
      found: `${folder}, which is no folder`,
      allowed: 'folders that exist, such as --allow-paths /data',
    });
  }
  return folders;
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
