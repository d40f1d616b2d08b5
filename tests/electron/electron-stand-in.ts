import { EventEmitter } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { ElectronParts } from '../../main/electron/host.ts';

/**
 * As much of the `electron` module as the host touches: it records what it was told and lets a test play the events. Its message channels
 * are real ones, so the contract's calls really travel.
 */
export class ElectronStandIn {
  readonly calls: [what: string, ...values: unknown[]][] = [];
  readonly app = new EventEmitter();
  readonly ipcMain = new EventEmitter();
  readonly windows: WindowStandIn[] = [];
  readonly handlers = new Map<string, (event: unknown, ...values: unknown[]) => unknown>();
  readonly sessionHandlers: Record<string, (...values: never[]) => unknown> = {};
  isFirstInstance = true;
  pickedPaths: { canceled: boolean; filePaths: string[] } = { canceled: false, filePaths: [] };

  readonly parts: ElectronParts;

  constructor() {
    const record =
      <T>(what: string, result?: T) =>
      (...values: unknown[]): T => {
        this.calls.push([what, ...values]);
        return result as T;
      };
    const { windows } = this;
    const parts = {
      app: Object.assign(this.app, {
        requestSingleInstanceLock: () => this.isFirstInstance,
        whenReady: () => Promise.resolve(),
        quit: record('app.quit'),
        exit: record('app.exit'),
      }),
      BrowserWindow: class extends WindowStandIn {
        constructor(options: unknown) {
          super(options);
          windows.push(this);
        }
      },
      dialog: {
        showErrorBox: record('dialog.showErrorBox'),
        showOpenDialog: (_window: unknown, options: unknown) => {
          this.calls.push(['dialog.showOpenDialog', options]);
          return Promise.resolve(this.pickedPaths);
        },
      },
      ipcMain: Object.assign(this.ipcMain, {
        handle: (channel: string, handler: (event: unknown, ...values: unknown[]) => unknown) => this.handlers.set(channel, handler),
      }),
      Menu: { buildFromTemplate: record('Menu.buildFromTemplate', 'menu'), setApplicationMenu: record('Menu.setApplicationMenu') },
      MessageChannelMain: ChannelStandIn,
      powerSaveBlocker: { start: record('powerSaveBlocker.start', 7), stop: record('powerSaveBlocker.stop') },
      protocol: { handle: record('protocol.handle') },
      session: {
        defaultSession: new Proxy(this.sessionHandlers, {
          get: (handlers, name) => (handler: (...values: never[]) => unknown) => (handlers[String(name)] = handler),
        }),
      },
      shell: { openExternal: record('shell.openExternal', Promise.resolve()), openPath: record('shell.openPath', Promise.resolve('')) },
    };
    this.parts = parts as unknown as ElectronParts;
  }

  called(what: string): unknown[][] {
    return this.calls.filter(([name]) => name === what).map(([, ...values]) => values);
  }
}

/** A window with the page's contents, without anything shown. */
export class WindowStandIn extends EventEmitter {
  readonly options: Record<string, unknown>;
  readonly webContents = new ContentsStandIn();
  readonly shown: string[] = [];
  readonly progress: number[] = [];
  loadedUrl: string | null = null;
  isMinimizedNow = false;

  constructor(options: unknown) {
    super();
    this.options = options as Record<string, unknown>;
  }
  loadURL(url: string): Promise<void> {
    this.loadedUrl = url;
    return Promise.resolve();
  }
  show(): void {
    this.shown.push('show');
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
  isMinimized(): boolean {
    return this.isMinimizedNow;
  }
  isDestroyed(): boolean {
    return false;
  }
  setProgressBar(value: number): void {
    this.progress.push(value);
  }
}

export class ContentsStandIn extends EventEmitter {
  windowOpenHandler: ((details: { url: string }) => { action: string }) | null = null;
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
