import { join } from 'node:path';
import { DesktopHost } from './desktop-host.ts';
import { desktopWords } from './desktop-words.ts';
import { askWhereToSave } from './downloads.ts';
import type { ElectronParts, HostedStudio, HostOptions } from './host-parts.ts';
import { LINK_SCHEME, type Opened, openedBy, parseFile, parseLink } from './launch.ts';
import { APP_SCHEME, appProtocolHandler } from './protocol.ts';
import { confineContents, denyPermissions } from './security.ts';
import { SettingsStore } from './settings-store.ts';

/**
 * The desktop studio: one window on the pages of the `strata:` scheme, the contract on a message port, and what a desktop expects of a
 * program. Call once, after the scheme's privileges are registered. A second start of the program is handed on to the first, with what it
 * was to open.
 */
export async function startHost(electron: ElectronParts, options: HostOptions): Promise<void> {
  const { app, crashReporter, dialog, protocol, session, shell } = electron;
  const commandLine = options.commandLine ?? process.argv;
  app.enableSandbox();
  crashReporter.start({ uploadToServer: false });
  if (!app.requestSingleInstanceLock()) return app.quit();

  // macOS tells of links and files by events, also before the program is ready.
  const early: Opened[] = [];
  let host: DesktopHost | null = null;
  const open = (opened: Opened | null): void => {
    if (host) host.open(opened);
    else if (opened) early.push(opened);
  };
  app.on('open-url', (event, url) => {
    event.preventDefault();
    open(parseLink(url));
  });
  app.on('open-file', (event, path) => {
    event.preventDefault();
    open(parseFile(path, process.cwd()));
  });
  app.on('second-instance', (_event, words, folder) => open(openedBy(words, folder)));
  // Whatever is ever created here is confined, also what no code of ours creates.
  app.on('web-contents-created', (_event, contents) => {
    confineContents(contents, (url) => void shell.openExternal(url));
  });

  await app.whenReady();
  denyPermissions(session.defaultSession);
  askWhereToSave(session.defaultSession, app.getPath('downloads'), options.log);
  protocol.handle(APP_SCHEME, appProtocolHandler(options.rendererDirectory));
  // In a checkout the name would be Electron's own program.
  if (app.isPackaged) app.setAsDefaultProtocolClient(LINK_SCHEME);

  const settings = new SettingsStore(join(app.getPath('userData'), 'settings.json'), options.log);
  const say = await desktopWords(settings.get().language, app.getLocale());
  let studio: HostedStudio;
  try {
    studio = await options.openStudio();
  } catch (error) {
    dialog.showErrorBox(say('desktop.noWorkspace'), error instanceof Error ? error.message : String(error));
    return app.exit(1);
  }
  host = new DesktopHost(electron, options, { studio, settings, say });
  host.begin();
  const opened = openedBy(commandLine, process.cwd());
  for (const each of opened ? [opened, ...early] : early) host.open(each);
}
