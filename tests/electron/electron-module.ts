/**
 * Text of an `electron` module under which the bundled host runs in plain Node: it plays one trusted page, which asks for a port, and gives the
 * answer of `workspace.info` on stdout. What it does not need answers anything with nothing.
 * @param names that the bundle imports
 */
export function electronModule(names: readonly string[], { home, connect }: { home: string; connect: string }): string {
  const played = ['app', 'ipcMain', 'MessageChannelMain', 'utilityProcess'];
  const others = names.filter((name) => !played.includes(name)).map((name) => `export const ${name} = anything();`);
  return `
import { EventEmitter } from 'node:events';
import { fork } from 'node:child_process';
import { MessageChannel } from 'node:worker_threads';
import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/message-port';

const symbols = { [Symbol.iterator]: function* () {}, [Symbol.toPrimitive]: () => 0 };
const anything = () => new Proxy(function () {}, { get: (_, key) => (key === 'then' || typeof key === 'symbol' ? symbols[key] : anything()), apply: () => anything(), construct: () => anything(), set: () => true });
const orAnything = (known) => new Proxy(known, { get: (object, key) => (key in object ? object[key] : anything()) });
${others.join('\n')}
export const app = orAnything(Object.assign(new EventEmitter(), {
  isPackaged: true,
  getAppPath: () => process.cwd(),
  getPath: () => ${JSON.stringify(home)},
  getVersion: () => '9.9.9',
  getLocale: () => 'en-GB',
  requestSingleInstanceLock: () => true,
  whenReady: () => Promise.resolve(),
  isReady: () => true,
  exit: (code) => process.exit(code),
  quit: () => process.exit(0),
  commandLine: { getSwitchValue: (name) => ({ home: ${JSON.stringify(home)}, sample: 'none' })[name] ?? '', hasSwitch: () => false, appendSwitch: () => undefined },
}));
export const ipcMain = orAnything(Object.assign(new EventEmitter(), { handle: () => undefined }));
export const utilityProcess = { fork: (entry, values, options) => fork(entry, values, { ...options, execArgv: [] }) };
class Port extends EventEmitter {
  constructor(port) { super(); this.port = port; }
  postMessage(message) { this.port.postMessage(message); }
  start() { this.port.on('message', (data) => this.emit('message', { data })); }
  close() { this.port.close(); }
}
export class MessageChannelMain {
  constructor() { const { port1, port2 } = new MessageChannel(); this.port1 = new Port(port1); this.port2 = { port: port2 }; }
}
const ask = setInterval(() => {
  if (ipcMain.listenerCount(${JSON.stringify(connect)}) === 0) return;
  clearInterval(ask);
  const frame = { url: 'strata://app/', parent: null, postMessage: async (_channel, _message, [{ port }]) => {
    const client = createORPCClient(new RPCLink({ port }));
    process.stdout.write(JSON.stringify({ info: await client.workspace.info(), packs: (await client.engines.packs.list()).length }) + '\\n');
    process.exit(0);
  } };
  ipcMain.emit(${JSON.stringify(connect)}, { senderFrame: frame, sender: anything() });
}, 20);
`;
}
