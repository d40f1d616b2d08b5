import {
  app,
  BrowserWindow,
  dialog,
  ipcMain,
  Menu,
  MessageChannelMain,
  powerSaveBlocker,
  protocol,
  session,
  shell,
  utilityProcess,
} from 'electron';
import { join, resolve } from 'node:path';
import { defaultHome } from '../studio/default-home.ts';
import { PathGrants } from '../studio/path-grants.ts';
import { createRouter } from '../studio/router.ts';
import { openStudio } from '../studio/studio.ts';
import { ProcessExecutor } from '../training/process-executor.ts';
import { startHost } from './host.ts';
import { APP_SCHEME_PRIVILEGES } from './protocol.ts';
import { utilityTrainer } from './trainer.ts';

/**
 * The desktop program's entry: hands Electron's parts to the host. Nothing is awaited at this level, because Electron gets ready only
 * after this module has run to its end; the scheme has to be registered before that.
 */
protocol.registerSchemesAsPrivileged([APP_SCHEME_PRIVILEGES]);

const bundles = import.meta.dirname; // dist/electron, in the checkout or in the package's archive
const log = (message: string): void => void process.stderr.write(`strata: ${message}\n`);

startHost(
  { app, BrowserWindow, dialog, ipcMain, Menu, MessageChannelMain, powerSaveBlocker, protocol, session, shell },
  {
    rendererDirectory: join(app.getAppPath(), 'dist', 'renderer'),
    preloadPath: join(bundles, 'preload.cjs'),
    openStudio: () => {
      const home = app.commandLine.getSwitchValue('home'); // --home=DIR
      const studio = openStudio({
        home: home ? resolve(home) : defaultHome(),
        executor: new ProcessExecutor({ spawn: utilityTrainer(utilityProcess, join(bundles, 'process.js')) }),
        // Beside the archive in a package: the trainer reads models by position, which the archive does not allow.
        resources: join(app.isPackaged ? process.resourcesPath : app.getAppPath(), 'resources'),
        log,
        version: app.getVersion(),
      });
      studio.queue.drive();
      const grants = new PathGrants(studio.home);
      return {
        router: createRouter(studio, grants),
        home: studio.home,
        grantPaths: (paths) => grants.grant(paths),
        close: () => studio.close(),
      };
    },
    log,
  },
).catch((error: unknown) => {
  log(error instanceof Error ? (error.stack ?? error.message) : String(error));
  app.exit(1);
});
