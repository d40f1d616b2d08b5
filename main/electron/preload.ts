import { contextBridge, ipcRenderer, webUtils } from 'electron';
import { createHostCapabilities } from './preload-api.ts';

/** The page's window, as far as a preload needs it: this side of the project is typed without the browser's names. */
declare const window: { postMessage(message: unknown, origin: string, transfer: readonly unknown[]): void; location: { origin: string } };

/** Runs in the sandboxed page's process, in a world of its own; bundled to one CommonJS file, the only form a sandbox loads. */
contextBridge.exposeInMainWorld(
  'strataHost',
  createHostCapabilities({
    send: (channel, ...values) => ipcRenderer.send(channel, ...values),
    invoke: (channel, ...values) => ipcRenderer.invoke(channel, ...values) as Promise<unknown>,
    onPorts: (channel, listener) => ipcRenderer.on(channel, ({ ports }) => listener(ports)),
    onValue: (channel, listener) => ipcRenderer.on(channel, (_event, value: unknown) => listener(value)),
    pathForFile: (file) => webUtils.getPathForFile(file),
    // A port cannot pass the bridge; a window message can carry it.
    postToPage: (message, ports) => window.postMessage(message, window.location.origin, ports),
  }),
);
