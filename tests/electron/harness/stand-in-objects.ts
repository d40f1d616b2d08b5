import { EventEmitter } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';

/** What the `electron` module hands out, as far as the host uses it. Nothing is shown; a test looks at what was done to it. */

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

export class ChannelStandIn {
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
