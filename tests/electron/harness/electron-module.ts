import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { join } from 'node:path';
import { type DialogAnswers, ElectronStandIn } from './electron-stand-in.ts';
import type { FromProgram, Questions, ToProgram } from './messages.ts';
import type { PortStandIn, WindowStandIn } from './stand-in-objects.ts';

/**
 * The `electron` module of the program under test: the stand-in, joined by messages with a test that has a real browser. Requests of the
 * page reach the handler that the program registered, its messages the program's listeners, and the program's ports the page.
 */
const user = process.env.STRATA_HARNESS_FOLDER!;
/** Of a packaged program: the folder beside which its archive lies. */
const packaged = process.env.STRATA_HARNESS_RESOURCES;
const standIn = new ElectronStandIn({
  paths: { userData: join(user, 'settings'), logs: join(user, 'logs'), downloads: join(user, 'downloads') },
  isPackaged: packaged !== undefined,
});
if (packaged) Object.assign(process, { resourcesPath: packaged });
const tell = (message: FromProgram): void => void process.send?.(message);
const ports = new Map<number, PortStandIn>();
let answerRequest: ((request: Request) => Promise<Response>) | null = null;

Object.assign(standIn.app, {
  getAppPath: () => process.cwd(),
  commandLine: {
    getSwitchValue: (name: string) => process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3) ?? '',
  },
  quit: () => {
    let isPrevented = false;
    standIn.app.emit('before-quit', { preventDefault: () => (isPrevented = true) });
    if (!isPrevented) process.exit(0);
  },
  exit: (code: number) => process.exit(code),
});
Object.assign(standIn.parts.protocol, {
  handle: (_scheme: string, handler: (request: Request) => Promise<Response>) => (answerRequest = handler),
});

standIn.onWindow = (window) => {
  standIn.app.emit('web-contents-created', {}, window.webContents);
  window.loadURL = (url) => {
    tell({ type: 'load', url });
    return Promise.resolve();
  };
  window.reload = () => tell({ type: 'reload' });
  window.on('closed', () => tell({ type: 'closed' }));
  window.webContents.send = (...[channel, value]) => tell({ type: 'send', channel: channel as string, value });
};

/** The page's frame, as far as the program uses it. */
function frameOf(url: string): object {
  const postMessage = (channel: string, _value: unknown, [port]: PortStandIn[]): void => {
    const number = ports.size;
    ports.set(number, port!);
    port!.on('message', ({ data }: { data: unknown }) => tell({ type: 'port-message', port: number, data }));
    port!.on('close', () => tell({ type: 'port-closed', port: number }));
    port!.start();
    tell({ type: 'port', channel, port: number });
  };
  return { url, parent: null, postMessage };
}

const window = (): WindowStandIn => {
  const [first] = standIn.windows;
  if (!first) throw new Error('There is no window.');
  return first;
};
const eventFrom = (frame: string): object => ({ senderFrame: frameOf(frame), sender: window().webContents });

const answers: { [What in keyof Questions]: (asked: Questions[What]['asked']) => unknown } = {
  fetch: async ({ method, url }) => {
    const response = await answerRequest!(new Request(url, { method }));
    const body = new Uint8Array(await response.arrayBuffer());
    return { status: response.status, headers: Object.fromEntries(response.headers), body };
  },
  invoke: ({ channel, values, frame }) => standIn.handlers.get(channel)?.(eventFrom(frame), ...values),
  send: ({ channel, values, frame }) => void standIn.ipcMain.emit(channel, eventFrom(frame), ...values),
  navigate: ({ url }) => !window().webContents.isPrevented('will-navigate', { url }),
  openWindow: ({ url }) => window().webContents.windowOpenHandler!({ url }).action !== 'deny',
  contents: ({ event }) => void window().webContents.emit(event),
  readyToShow: () => void window().emit('ready-to-show'),
  answerDialog: ({ name, answer }) => void Object.assign(standIn.dialogAnswers, { [name]: answer as DialogAnswers[keyof DialogAnswers] }),
  called: ({ what }) => standIn.called(what).map((values) => JSON.parse(JSON.stringify(values)) as unknown[]),
  menu: ({ labels }) => standIn.choose(...labels),
  closeWindow: () => window().close(),
  emit: ({ event, values }) => void standIn.app.emit(event, { preventDefault: () => undefined }, ...values),
  state: () => ({
    windows: standIn.windows.map((each) => ({ isVisible: each.isVisible(), progress: each.progress, zoom: each.webContents.zoom })),
    tray: standIn.trays.find(({ isDestroyedNow }) => !isDestroyedNow)?.toolTip ?? null,
    notifications: standIn.notifications.map(({ options }) => options),
  }),
};

process.on('message', (message: ToProgram) => {
  if (message.type === 'port-message') ports.get(message.port)?.postMessage(message.data);
  else if (message.type === 'port-closed') ports.get(message.port)?.close();
  else {
    const { number, what, asked } = message;
    Promise.resolve()
      .then(() => answers[what](asked as never))
      .then((value) => tell({ type: 'answer', number, value: value ?? null }))
      .catch((error: unknown) => tell({ type: 'failed', number, message: String(error) }));
  }
});
process.on('disconnect', () => process.exit(1)); // the test is gone

/** A utility process is a child process with another way to talk. */
class UtilityStandIn extends EventEmitter {
  readonly #child: ChildProcess;
  readonly stderr: ChildProcess['stderr'];
  constructor(entry: string, environment: Record<string, string>) {
    super();
    this.#child = fork(entry, [], { env: environment, serialization: 'advanced', stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    this.stderr = this.#child.stderr;
    this.#child.on('message', (message) => this.emit('message', message));
    this.#child.on('exit', (code) => {
      if (code !== 0)
        standIn.app.emit(
          'child-process-gone',
          {},
          { type: 'Utility', name: 'Strata trainer', reason: code === null ? 'killed' : 'crashed', exitCode: code ?? 0 },
        );
      this.emit('exit', code ?? 1);
    });
  }
  get pid(): number | undefined {
    return this.#child.pid;
  }
  postMessage(message: object): void {
    if (this.#child.connected) this.#child.send(message);
  }
  kill(): boolean {
    return this.#child.kill();
  }
}
export const utilityProcess = {
  fork: (entry: string, _args: string[], { env }: { env: Record<string, string> }): UtilityStandIn => new UtilityStandIn(entry, env),
};

export const {
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
} = standIn.parts;
