import type { AnyRouter } from '@orpc/server';
import type * as Electron from 'electron';
import { CHANNELS } from './channels.ts';
import { menuTemplate } from './menu.ts';
import { APP_SCHEME, APP_URL, appProtocolHandler } from './protocol.ts';
import { servePort } from './rpc.ts';
import { confineContents, denyPermissions, isTrustedSender, windowOptions } from './security.ts';

/** The parts of the electron module that the host uses; main.ts hands in the real ones. */
export type ElectronParts = Pick<
  typeof Electron,
  'app' | 'BrowserWindow' | 'dialog' | 'ipcMain' | 'Menu' | 'MessageChannelMain' | 'powerSaveBlocker' | 'protocol' | 'session' | 'shell'
>;

/** What the host needs of the studio; made once the app is ready, closed before it quits. */
export interface HostedStudio {
  readonly router: AnyRouter;
  readonly home: string;
  /** Lets the page name files and folders that the user has chosen. */
  grantPaths(paths: readonly string[]): Promise<void>;
  /** Saves what runs: a training in progress writes its checkpoint. */
  close(): Promise<void>;
}

export interface HostOptions {
  /** The built pages. */
  rendererDirectory: string;
  /** The bundled preload. */
  preloadPath: string;
  /** @throws StrataError when the workspace cannot be opened. */
  openStudio(): HostedStudio;
  log(message: string): void;
  platform?: NodeJS.Platform;
}

/**
 * The desktop studio: one window on the pages of the `strata:` scheme, the contract on a message port. Call once, after the scheme's
 * privileges are registered. A second start of the program brings this window to the front instead.
 */
export async function startHost(electron: ElectronParts, options: HostOptions): Promise<void> {
  const { app, BrowserWindow, dialog, Menu, protocol, session, shell } = electron;
  const platform = options.platform ?? process.platform;
  if (!app.requestSingleInstanceLock()) return app.quit();
  let window: Electron.BrowserWindow | null = null;

  // Whatever is ever created here is confined, also what no code of ours creates.
  app.on('web-contents-created', (_event, contents) => {
    confineContents(contents, (url) => void shell.openExternal(url));
  });
  await app.whenReady();
  denyPermissions(session.defaultSession);
  protocol.handle(APP_SCHEME, appProtocolHandler(options.rendererDirectory));

  let studio: HostedStudio;
  try {
    studio = options.openStudio();
  } catch (error) {
    dialog.showErrorBox('Strata cannot open its workspace', describe(error));
    return app.exit(1);
  }
  answerPages(electron, studio, () => window);
  Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(platform, { openWorkspaceFolder: () => void shell.openPath(studio.home) })));

  const openWindow = (): void => {
    window = new BrowserWindow(windowOptions(options.preloadPath));
    const opened = window;
    opened.once('ready-to-show', () => opened.show());
    opened.on('closed', () => {
      window = null;
    });
    opened.webContents.on('render-process-gone', (_event, { reason }) => {
      options.log(`the page ended (${reason}); loading it again`);
      if (reason !== 'clean-exit' && !opened.isDestroyed()) opened.reload();
    });
    opened.loadURL(APP_URL).catch((error: unknown) => options.log(`the page did not load: ${describe(error)}`));
  };
  app.on('second-instance', () => {
    if (!window) return openWindow();
    if (window.isMinimized()) window.restore();
    window.focus();
  });
  app.on('activate', () => {
    if (!window) openWindow();
  });
  app.on('window-all-closed', () => {
    if (platform !== 'darwin') app.quit();
  });
  closeBeforeQuit(app, studio, options.log);
  openWindow();
}

/** Messages of the preload, each answered only for our own page. */
function answerPages(electron: ElectronParts, studio: HostedStudio, window: () => Electron.BrowserWindow | null): void {
  const { ipcMain, dialog, MessageChannelMain, powerSaveBlocker } = electron;
  ipcMain.on(CHANNELS.connect, (event) => {
    if (!isTrustedSender(event.senderFrame)) return;
    const { port1, port2 } = new MessageChannelMain();
    servePort(studio.router, port1);
    event.senderFrame?.postMessage(CHANNELS.port, null, [port2]);
  });
  ipcMain.handle(CHANNELS.pickPaths, async (event, wanted: unknown) => {
    const owner = window();
    if (!isTrustedSender(event.senderFrame) || !owner) return [];
    const properties: Electron.OpenDialogOptions['properties'] = wanted === 'folder' ? ['openDirectory'] : ['openFile', 'multiSelections'];
    const { canceled, filePaths } = await dialog.showOpenDialog(owner, { properties });
    if (canceled) return [];
    await studio.grantPaths(filePaths);
    return filePaths;
  });
  ipcMain.handle(CHANNELS.droppedPaths, async (event, paths: unknown) => {
    if (!isTrustedSender(event.senderFrame) || !Array.isArray(paths)) return;
    await studio.grantPaths(paths.filter((path) => typeof path === 'string'));
  });
  let blocker: number | null = null;
  ipcMain.on(CHANNELS.progress, (event, fraction: unknown) => {
    if (!isTrustedSender(event.senderFrame)) return;
    const isBusy = typeof fraction === 'number' && fraction >= 0 && fraction <= 1;
    window()?.setProgressBar(isBusy ? fraction : -1);
    // A machine that falls asleep does not train.
    if (isBusy) blocker ??= powerSaveBlocker.start('prevent-app-suspension');
    else if (blocker !== null) {
      powerSaveBlocker.stop(blocker);
      blocker = null;
    }
  });
}

/** Quitting waits until the studio has saved what runs; it waits once, so that a second attempt always gets through. */
function closeBeforeQuit(app: ElectronParts['app'], studio: HostedStudio, log: (message: string) => void): void {
  let isClosing = false;
  app.on('before-quit', (event) => {
    if (isClosing) return;
    isClosing = true;
    event.preventDefault();
    studio
      .close()
      .catch((error: unknown) => log(`the studio did not close well: ${describe(error)}`))
      .finally(() => app.exit(0));
  });
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
