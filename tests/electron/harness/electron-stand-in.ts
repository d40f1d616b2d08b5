import { EventEmitter } from 'node:events';
import type { ElectronParts } from '../../../main/electron/host-parts.ts';
import { ChannelStandIn, type MenuItemStandIn, NotificationStandIn, TrayStandIn, WindowStandIn } from './stand-in-objects.ts';

/** What a dialog is answered with, by the dialog's name. */
export interface DialogAnswers {
  showOpenDialog: { canceled: boolean; filePaths: string[] };
  showSaveDialog: { canceled: boolean; filePath: string };
  showMessageBox: { response: number; checkboxChecked: boolean };
}

export interface StandInOptions {
  /** Folders of the program, by Electron's names for them. */
  paths?: Readonly<Record<string, string>>;
  locale?: string;
  isPackaged?: boolean;
}

/**
 * As much of the `electron` module as the host touches: it records what it was told and lets a test play the events. Its message channels
 * are real ones, so the contract's calls really travel.
 */
export class ElectronStandIn {
  readonly calls: [what: string, ...values: unknown[]][] = [];
  readonly app = new EventEmitter();
  readonly ipcMain = new EventEmitter();
  readonly powerMonitor = new EventEmitter();
  readonly windows: WindowStandIn[] = [];
  readonly trays: TrayStandIn[] = [];
  readonly notifications: NotificationStandIn[] = [];
  readonly handlers = new Map<string, (event: unknown, ...values: unknown[]) => unknown>();
  readonly sessionHandlers: Record<string, (...values: never[]) => unknown> = {};
  readonly session = new EventEmitter();
  isFirstInstance = true;
  displays = [{ workArea: { x: 0, y: 0, width: 1920, height: 1040 } }];
  dialogAnswers: DialogAnswers = {
    showOpenDialog: { canceled: true, filePaths: [] },
    showSaveDialog: { canceled: true, filePath: '' },
    showMessageBox: { response: 0, checkboxChecked: false },
  };
  /** The last application menu. */
  menu: MenuItemStandIn[] = [];
  /** Told of every window that opens. */
  onWindow: (window: WindowStandIn) => void = () => undefined;

  readonly parts: ElectronParts;

  constructor({ paths = {}, locale = 'en-GB', isPackaged = false }: StandInOptions = {}) {
    const record =
      <T>(what: string, result?: T) =>
      (...values: unknown[]): T => {
        this.calls.push([what, ...values]);
        return result as T;
      };
    const asked =
      <Name extends keyof DialogAnswers>(name: Name) =>
      (...values: unknown[]): Promise<DialogAnswers[Name]> => {
        this.calls.push([`dialog.${name}`, values.at(-1)]); // the window comes first where there is one
        return Promise.resolve(this.dialogAnswers[name]);
      };
    const { windows, trays, notifications, sessionHandlers, session } = this;
    const opened = (window: WindowStandIn): void => {
      windows.push(window);
      window.on('closed', () => {
        windows.splice(windows.indexOf(window), 1);
        if (windows.length === 0) this.app.emit('window-all-closed');
      });
      this.onWindow(window);
    };
    const parts = {
      app: Object.assign(this.app, {
        isPackaged,
        enableSandbox: record('app.enableSandbox'),
        requestSingleInstanceLock: () => this.isFirstInstance,
        setAsDefaultProtocolClient: record('app.setAsDefaultProtocolClient'),
        whenReady: () => Promise.resolve(),
        getPath: (name: string) => paths[name] ?? `/nowhere/${name}`,
        getLocale: () => locale,
        getVersion: () => '1.2.3',
        relaunch: record('app.relaunch'),
        quit: record('app.quit'),
        exit: record('app.exit'),
      }),
      BrowserWindow: class extends WindowStandIn {
        constructor(options: unknown) {
          super(options);
          opened(this);
        }
      },
      crashReporter: { start: record('crashReporter.start') },
      dialog: {
        showErrorBox: record('dialog.showErrorBox'),
        showOpenDialog: asked('showOpenDialog'),
        showSaveDialog: asked('showSaveDialog'),
        showMessageBox: asked('showMessageBox'),
      },
      ipcMain: Object.assign(this.ipcMain, {
        handle: (channel: string, handler: (event: unknown, ...values: unknown[]) => unknown) => this.handlers.set(channel, handler),
      }),
      Menu: {
        buildFromTemplate: (template: MenuItemStandIn[]) => template,
        setApplicationMenu: (menu: MenuItemStandIn[]) => {
          this.calls.push(['Menu.setApplicationMenu', menu]);
          this.menu = menu;
        },
      },
      MessageChannelMain: ChannelStandIn,
      nativeImage: { createFromPath: (path: string) => ({ path }) },
      Notification: class extends NotificationStandIn {
        static isSupported = (): boolean => true;
        constructor(options: { title: string; body: string }) {
          super(options);
          notifications.push(this);
        }
      },
      powerMonitor: this.powerMonitor,
      powerSaveBlocker: { start: record('powerSaveBlocker.start', 7), stop: record('powerSaveBlocker.stop') },
      protocol: { handle: record('protocol.handle'), registerSchemesAsPrivileged: record('protocol.registerSchemesAsPrivileged') },
      screen: { getPrimaryDisplay: () => this.displays[0], getAllDisplays: () => this.displays },
      session: {
        defaultSession: new Proxy(session, {
          get: (_target, name) => {
            if (name === 'on') return session.on.bind(session);
            return (handler: (...values: never[]) => unknown) => (sessionHandlers[String(name)] = handler);
          },
        }),
      },
      shell: { openExternal: record('shell.openExternal', Promise.resolve()), openPath: record('shell.openPath', Promise.resolve('')) },
      Tray: class extends TrayStandIn {
        constructor(image: unknown) {
          super(image);
          trays.push(this);
        }
      },
    };
    this.parts = parts as unknown as ElectronParts;
  }

  called(what: string): unknown[][] {
    return this.calls.filter(([name]) => name === what).map(([, ...values]) => values);
  }

  /** Chooses an item of the menu by the words on the way to it. */
  choose(...labels: string[]): void {
    let items = this.menu;
    for (const label of labels.slice(0, -1)) items = items.find((item) => item.label === label)?.submenu ?? [];
    const item = items.find(({ label }) => label === labels.at(-1));
    if (!item?.click) throw new Error(`The menu has no ${labels.join(' > ')}.`);
    item.click();
  }
}
