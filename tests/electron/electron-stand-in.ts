import { EventEmitter } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { ElectronParts } from '../../main/electron/host.ts';

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

export interface MenuItemStandIn {
  label?: string;
  role?: string;
  accelerator?: string;
  enabled?: boolean;
  submenu?: MenuItemStandIn[];
  click?: () => void;
}

/** A window with the page's contents, without anything shown. */
export class WindowStandIn extends EventEmitter {
  readonly options: Record<string, unknown>;
  readonly webContents = new ContentsStandIn();
  readonly shown: string[] = [];
  readonly progress: number[] = [];
  loadedUrl: string | null = null;
  isMinimizedNow = false;
  isFocusedNow = false;
  bounds = { x: 10, y: 20, width: 1000, height: 700 };
  #isVisible = false;
  #isDestroyed = false;

  constructor(options: unknown) {
    super();
    this.options = options as Record<string, unknown>;
  }
  loadURL(url: string): Promise<void> {
    this.loadedUrl = url;
    return Promise.resolve();
  }
  show(): void {
    this.#isVisible = true;
    this.shown.push('show');
  }
  hide(): void {
    this.#isVisible = false;
    this.shown.push('hide');
  }
  focus(): void {
    this.shown.push('focus');
  }
  restore(): void {
    this.shown.push('restore');
  }
  reload(): void {
    this.shown.push('reload');
  }
  maximize(): void {
    this.shown.push('maximize');
  }
  setFullScreen(): void {
    this.shown.push('full screen');
  }
  getNormalBounds(): object {
    return this.bounds;
  }
  isMaximized(): boolean {
    return false;
  }
  isFullScreen(): boolean {
    return false;
  }
  isMinimized(): boolean {
    return this.isMinimizedNow;
  }
  isVisible(): boolean {
    return this.#isVisible;
  }
  isFocused(): boolean {
    return this.isFocusedNow;
  }
  isDestroyed(): boolean {
    return this.#isDestroyed;
  }
  /** As the person does; whoever listens may prevent it. */
  close(): void {
    let isPrevented = false;
    this.emit('close', { preventDefault: () => (isPrevented = true) });
    if (!isPrevented) this.destroy();
  }
  destroy(): void {
    this.#isDestroyed = true;
    this.emit('closed');
  }
  setProgressBar(value: number): void {
    this.progress.push(value);
  }
}

export class ContentsStandIn extends EventEmitter {
  readonly sent: unknown[][] = [];
  zoom = 1;
  windowOpenHandler: ((details: { url: string }) => { action: string }) | null = null;
  send(...values: unknown[]): void {
    this.sent.push(values);
  }
  setZoomFactor(factor: number): void {
    this.zoom = factor;
  }
  setWindowOpenHandler(handler: (details: { url: string }) => { action: string }): void {
    this.windowOpenHandler = handler;
  }
  /** Plays an event that can be prevented; true when it was. */
  isPrevented(name: string, details: Record<string, unknown> = {}): boolean {
    let prevented = false;
    this.emit(name, { ...details, preventDefault: () => (prevented = true) });
    return prevented;
  }
}

export class TrayStandIn extends EventEmitter {
  readonly image: unknown;
  toolTip = '';
  menu: MenuItemStandIn[] = [];
  isDestroyedNow = false;
  constructor(image: unknown) {
    super();
    this.image = image;
  }
  setToolTip(text: string): void {
    this.toolTip = text;
  }
  setContextMenu(menu: MenuItemStandIn[]): void {
    this.menu = menu;
  }
  destroy(): void {
    this.isDestroyedNow = true;
  }
}

export class NotificationStandIn extends EventEmitter {
  readonly options: { title: string; body: string };
  isShown = false;
  constructor(options: { title: string; body: string }) {
    super();
    this.options = options;
  }
  show(): void {
    this.isShown = true;
  }
}

/** Electron's ports are event emitters whose messages carry `data`; Node's ports do the carrying. */
export class PortStandIn extends EventEmitter {
  readonly #port: MessagePort;
  constructor(port: MessagePort) {
    super();
    this.#port = port;
    port.unref();
    port.on('close', () => this.emit('close'));
  }
  postMessage(message: unknown): void {
    this.#port.postMessage(message);
  }
  start(): void {
    this.#port.on('message', (data: unknown) => this.emit('message', { data }));
  }
  close(): void {
    this.#port.close();
  }
}

class ChannelStandIn {
  readonly port1: PortStandIn;
  readonly port2: PortStandIn;
  constructor() {
    const { port1, port2 } = new MessageChannel();
    this.port1 = new PortStandIn(port1);
    this.port2 = new PortStandIn(port2);
  }
}

/** A frame that sends messages; by default the studio's own page. */
export function senderFrame(
  url = 'strata://app/',
  parent: unknown = null,
): { url: string; parent: unknown; received: unknown[][]; postMessage(...values: unknown[]): void } {
  const received: unknown[][] = [];
  return { url, parent, received, postMessage: (...values) => received.push(values) };
}
