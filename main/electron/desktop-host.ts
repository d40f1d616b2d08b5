import type * as Electron from 'electron';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { UpdateReport } from '../../shared/contract/host-settings.ts';
import type { Words } from '../../shared/words/words.ts';
import { Background } from './background.ts';
import { Closing, isAtWork } from './closing.ts';
import { desktopWords } from './desktop-words.ts';
import { Dialogs } from './dialogs.ts';
import type { ElectronParts, HostedStudio, HostOptions } from './host-parts.ts';
import { JsonFile } from './json-file.ts';
import { type Opened, withoutHome } from './launch.ts';
import { menuTemplate } from './menu.ts';
import { noticeOf, Notices } from './notices.ts';
import { answerPages } from './page-answers.ts';
import { PageEvents } from './page-events.ts';
import { RecentWorkspaces } from './recent-workspaces.ts';
import { PagePort } from './rpc.ts';
import type { SettingsStore } from './settings-store.ts';
import { StudioWindow } from './studio-window.ts';
import { Taskbar } from './taskbar.ts';
import { CHECK_EVERY_MS, checkForUpdate } from './updates.ts';
import { windowStateSchema } from './window-state.ts';
import { nextZoom } from './zoom.ts';

/** After what goes on could not be followed, it is tried again so much later. */
const FOLLOW_AGAIN_MS = 5000;

/** The running program: joins the window, the menu, the tray and the dialogs with the studio. */
export class DesktopHost {
  readonly #electron: ElectronParts;
  readonly #options: HostOptions;
  readonly #studio: HostedStudio;
  readonly #platform: NodeJS.Platform;
  readonly #settings: SettingsStore;
  readonly #recent: RecentWorkspaces;
  readonly #window: StudioWindow;
  readonly #events = new PageEvents();
  readonly #port: PagePort;
  readonly #dialogs: Dialogs;
  readonly #notices: Notices;
  readonly #taskbar: Taskbar;
  readonly #background: Background;
  readonly #closing: Closing;
  readonly #ending = new AbortController();
  #say: Words;

  constructor(electron: ElectronParts, options: HostOptions, parts: { studio: HostedStudio; settings: SettingsStore; say: Words }) {
    const { studio, settings, say } = parts;
    const { app, dialog, MessageChannelMain, Notification, powerSaveBlocker } = electron;
    const { log } = options;
    const folder = app.getPath('userData');
    this.#electron = electron;
    this.#options = options;
    this.#studio = studio;
    this.#platform = options.platform ?? process.platform;
    this.#settings = settings;
    this.#say = say;
    this.#recent = new RecentWorkspaces(join(folder, 'recent.json'), log, existsSync);
    this.#window = new StudioWindow(electron, {
      preloadPath: options.preloadPath,
      place: new JsonFile(join(folder, 'window.json'), windowStateSchema, log),
      zoom: () => settings.get().zoom,
      say: () => this.#say,
      log,
      onClose: (event) => this.#onClose(event),
      onOpened: () => {
        this.#background.leave();
        this.#taskbar.show();
      },
      onClosed: () => this.#events.lose(),
      onLoading: () => this.#events.lose(),
      onSessionEnd: () => void this.#end(),
      onPageDied: (details) => this.#report('the page', { ...details }),
    });
    const current = (): Electron.BrowserWindow | null => this.#window.current;
    this.#port = new PagePort(MessageChannelMain, studio.router);
    this.#dialogs = new Dialogs(dialog, current, studio);
    this.#notices = new Notices(Notification, () => settings.get().notifications);
    this.#taskbar = new Taskbar(powerSaveBlocker, current);
    const show = (): void => this.#window.show();
    this.#background = new Background(electron, {
      iconPath: options.iconPath,
      platform: this.#platform,
      say: () => this.#say,
      open: show,
      quit: () => app.quit(),
    });
    this.#closing = new Closing({
      dialog,
      settings: () => settings.get(),
      say: () => this.#say,
      remember: (closing) => void settings.change({ closing }),
    });
  }

  /** Opens the window and begins to follow what goes on. */
  begin(): void {
    const { app, ipcMain, powerMonitor, shell } = this.#electron;
    this.#recent.add(this.#studio.home);
    this.#settings.onChange((settings) => {
      this.#window.setZoom(settings.zoom);
      this.#events.send({ type: 'settings', settings });
      void this.#speak();
    });
    answerPages(ipcMain, {
      dialogs: this.#dialogs,
      grantPaths: (paths) => this.#studio.grantPaths(paths),
      settings: this.#settings,
      recent: this.#recent,
      connect: (frame) => this.#port.connect(frame),
      listen: (page) => this.#events.listen(page),
      showProgress: (fraction) => this.#taskbar.showPage(fraction),
      notify: (notice) => this.#notices.show(notice, () => this.#window.show()),
      openWorkspace: (home) => this.#openWorkspace(home),
      showLogs: () => void shell.openPath(app.getPath('logs')),
      checkForUpdate: () => this.#checkForUpdate(true),
    });
    this.#makeMenu();
    app.on('activate', () => this.#window.show());
    app.on('window-all-closed', () => {
      if (this.#platform !== 'darwin') app.quit();
    });
    app.on('before-quit', (event) => {
      if (this.#ending.signal.aborted) return; // a second attempt always gets through
      event.preventDefault();
      void this.#quit();
    });
    app.on('child-process-gone', (_event, details) => {
      if (details.reason !== 'clean-exit' && !this.#ending.signal.aborted) this.#report(details.name ?? details.type, { ...details });
    });
    // The system ends: nobody is asked any more.
    const endBefore = (event: Pick<Electron.Event, 'preventDefault'>): void => {
      event.preventDefault();
      void this.#end();
    };
    powerMonitor.on('shutdown', endBefore as () => void); // the types do not know that it can be held up
    this.#window.show();
    void this.#follow();
    const look = (): void => void this.#checkForUpdate(false);
    look();
    setInterval(look, CHECK_EVERY_MS).unref();
  }

  /** Shows what a link, a file or a second start asks for; without anything, the window alone. */
  open(opened: Opened | null): void {
    this.#window.show();
    if (opened?.kind === 'run') this.#events.send({ type: 'run', run: opened.run });
    else if (opened) void this.#importPack(opened.path);
  }

  /** A double click may be one too many, and a pack comes from elsewhere: the person says so. */
  async #importPack(path: string): Promise<void> {
    const window = this.#window.current;
    if (!window) return;
    const { response } = await this.#electron.dialog.showMessageBox(window, {
      type: 'question',
      message: this.#say('desktop.importPack', { file: basename(path) }),
      detail: this.#say('desktop.importPackNote'),
      buttons: [this.#say('desktop.import'), this.#say('desktop.cancel')],
      defaultId: 0,
      cancelId: 1,
      noLink: true,
    });
    if (response !== 0) return;
    await this.#studio.grantPaths([path]);
    this.#events.send({ type: 'import', kind: 'model', paths: [path] });
  }

  #makeMenu(): void {
    const { app, Menu, shell } = this.#electron;
    const importFrom = async (kind: 'data' | 'model'): Promise<void> => {
      const paths = await this.#dialogs.pick('files-or-folder');
      if (paths.length > 0) this.#events.send({ type: 'import', kind, paths });
    };
    const template = menuTemplate(
      { platform: this.#platform, say: this.#say, recentWorkspaces: this.#recent.list() },
      {
        command: (command) => this.#sendToPage({ type: 'command', command }),
        goTo: (page) => this.#sendToPage({ type: 'page', page }),
        importData: () => void importFrom('data'),
        importModel: () => void importFrom('model'),
        openWorkspace: (folder) => void this.#openWorkspace(folder),
        openWorkspaceFolder: () => void shell.openPath(this.#studio.home),
        showLogs: () => void shell.openPath(app.getPath('logs')),
        zoom: (direction) => {
          const { zoom } = this.#settings.get();
          this.#settings.change({ zoom: direction === null ? 1 : nextZoom(zoom, direction) });
        },
      },
    );
    Menu.setApplicationMenu(Menu.buildFromTemplate(template));
  }

  /** On macOS the menu is there without a window. */
  #sendToPage(event: Parameters<PageEvents['send']>[0]): void {
    this.#window.show();
    this.#events.send(event);
  }

  async #speak(): Promise<void> {
    this.#say = await desktopWords(this.#settings.get().language, this.#electron.app.getLocale());
    this.#makeMenu();
  }

  /** Tells the taskbar, the tray and the person what goes on, for as long as the program runs. */
  async #follow(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      try {
        for await (const event of this.#studio.activities.follow(signal)) {
          if (event.kind === 'now') {
            this.#taskbar.showTraining(event.activity);
            this.#background.show(event.activity);
          } else {
            const notice = this.#window.isLookedAt ? null : noticeOf(event.run, this.#say);
            if (notice) this.#notices.show(notice, () => this.open({ kind: 'run', run: event.run.id }));
          }
        }
      } catch (error) {
        this.#options.log(`what goes on could not be followed: ${describe(error)}`);
      }
      await delay(FOLLOW_AGAIN_MS, undefined, { signal }).catch(() => undefined); // aborted: the loop ends
    }
  }

  /** On macOS a program goes on without its window anyway; elsewhere closing the last one ends it. */
  #onClose(event: Electron.Event): void {
    if (this.#platform === 'darwin' || this.#ending.signal.aborted || !isAtWork(this.#studio.activities.now())) return;
    event.preventDefault();
    void this.#quit();
  }

  async #quit(): Promise<void> {
    const activity = this.#studio.activities.now();
    const decision = isAtWork(activity) ? await this.#closing.decide(this.#window.current, activity) : 'stop';
    if (decision === 'stop') return this.#end();
    if (decision === 'background') {
      this.#window.hide();
      this.#background.enter(activity);
    }
  }

  /** Ends once the studio has saved what runs. */
  async #end(): Promise<void> {
    if (this.#ending.signal.aborted) return;
    this.#ending.abort();
    await this.#studio.close().catch((error: unknown) => this.#options.log(`the studio did not close well: ${describe(error)}`));
    this.#electron.app.exit(0);
  }

  /** The program starts again with the other workspace, once this one is saved. @param folder null asks which. */
  async #openWorkspace(folder: string | null): Promise<boolean> {
    const home = folder ?? (await this.#dialogs.pick('folder'))[0];
    if (home === undefined || home === this.#studio.home) return false;
    const activity = this.#studio.activities.now();
    if (isAtWork(activity) && (await this.#closing.decide(this.#window.current, activity)) !== 'stop') return false;
    const { app } = this.#electron;
    const args = [...withoutHome(this.#options.commandLine ?? process.argv).slice(1), `--home=${home}`];
    // An AppImage is mounted anew at each start: what runs now lies where nothing will be.
    app.relaunch({ args, ...(process.env.APPIMAGE ? { execPath: process.env.APPIMAGE } : {}) });
    await this.#end();
    return true;
  }

  async #checkForUpdate(isAsked: boolean): Promise<UpdateReport> {
    const { app } = this.#electron;
    const { updates } = this.#settings.get();
    const report = await checkForUpdate(app.getVersion(), updates, { fetch: this.#options.fetch ?? fetch, isAsked });
    if (report.sent !== '') this.#options.log(`looked for a newer version: ${report.problem ?? report.latest}; sent: ${report.sent}`);
    if (report.isNewer && !isAsked) {
      const title = this.#say('desktop.newerVersion', { version: report.latest! });
      const body = this.#say('desktop.newerVersionNote', { current: report.current });
      this.#notices.show({ title, body }, () => this.#window.show());
    }
    return report;
  }

  #report(what: string, details: Record<string, unknown>): void {
    const path = this.#options.crashes.write(what, details);
    this.#options.log(`${what} ended unexpectedly (${JSON.stringify(details)}); report: ${path ?? 'could not be written'}`);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
