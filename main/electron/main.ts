import {
  app,
  BrowserWindow,
  crashReporter,
  dialog,
  ipcMain,
  Menu,
  MessageChannelMain,
  nativeImage,
  Notification,
  powerMonitor,
  powerSaveBlocker,
  protocol,
  screen,
  session,
  shell,
  Tray,
  utilityProcess,
} from 'electron';
import { join, resolve } from 'node:path';
import { defaultHome } from '../studio/default-home.ts';
import { PathGrants } from '../studio/path-grants.ts';
import { createRouter } from '../studio/router.ts';
import { openStudio } from '../studio/studio.ts';
import { ProcessExecutor } from '../training/process-executor.ts';
import { CrashReports } from './crash-reports.ts';
import { startHost } from './host.ts';
import { LogFile } from './log-file.ts';
import { APP_SCHEME_PRIVILEGES } from './protocol.ts';
import { utilityTrainer } from './trainer.ts';

/**
 * The desktop program's entry: hands Electron's parts to the host. Nothing is awaited at this level, because Electron gets ready only
 * after this module has run to its end; the scheme has to be registered before that.
 */
protocol.registerSchemesAsPrivileged([APP_SCHEME_PRIVILEGES]);

const bundles = import.meta.dirname; // dist/electron, in the checkout or in the package's archive
// Beside the archive in a package: the trainer reads models by position, which the archive does not allow.
const resources = join(app.isPackaged ? process.resourcesPath : app.getAppPath(), 'resources');
const logFile = new LogFile(app.getPath('logs'));
const log = (message: string): void => {
  logFile.write(message);
  process.stderr.write(`strata: ${message}\n`);
};
const { electron, chrome, node } = process.versions;
const versions = { strata: app.getVersion(), electron, chrome, node };
const crashes = new CrashReports(app.getPath('logs'), versions, () => logFile.last());
process.on('uncaughtExceptionMonitor', (error) => {
  log(`a fault of the program: ${error.stack ?? error.message}`);
  crashes.write('the program', { fault: error.stack ?? error.message });
});

startHost(
  {
    ...{ app, BrowserWindow, crashReporter, dialog, ipcMain, Menu, MessageChannelMain, nativeImage, Notification },
    ...{ powerMonitor, powerSaveBlocker, protocol, screen, session, shell, Tray },
  },
  {
    rendererDirectory: join(app.getAppPath(), 'dist', 'renderer'),
    preloadPath: join(bundles, 'preload.cjs'),
    iconPath: join(resources, 'desktop', 'tray.png'),
    openStudio: async () => {
      const home = app.commandLine.getSwitchValue('home'); // --home=DIR
      const studio = openStudio({
        home: home ? resolve(home) : defaultHome(),
        executor: new ProcessExecutor({ spawn: utilityTrainer(utilityProcess, join(bundles, 'process.js')) }),
        resources,
        log,
        version: app.getVersion(),
      });
      // A new workspace opens on the sample project; --sample=none leaves it empty.
      if (studio.isNew && app.commandLine.getSwitchValue('sample') !== 'none')
        await studio.addSamples().catch((error: unknown) => log(`the sample project was not added: ${String(error)}`));
      studio.queue.drive();
      const grants = new PathGrants(studio.home);
      return {
        router: createRouter(studio, grants),
        home: studio.home,
        activities: studio.activities,
        grantPaths: (paths) => grants.grant(paths),
        grantNew: (path) => grants.grantNew(path),
        close: () => studio.close(),
      };
    },
    log,
    crashes,
  },
).catch((error: unknown) => {
  const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
  log(words);
  crashes.write('the program, while it started', { fault: words });
  app.exit(1);
});
