/**
 * Runs in the page before anything else, around the built preload: what Electron gives a preload, over functions that the test exposes. It is
 * put together as a text: the content policy forbids the page to evaluate one.
 * @param preload text of the built preload.
 */
export function pageBridge(preload: string): string {
  return PAGE_BRIDGE.replace('/* PRELOAD */', () => preload);
}

const PAGE_BRIDGE = `(() => {
  const listeners = new Map();
  const ports = new Map();
  const paths = new Map();
  const electron = {
    contextBridge: { exposeInMainWorld: (name, value) => Object.defineProperty(window, name, { value, enumerable: true }) },
    ipcRenderer: {
      send: (channel, ...values) => void window.__strataSend(channel, values),
      invoke: (channel, ...values) => window.__strataInvoke(channel, values),
      on: (channel, listener) => listeners.set(channel, [...(listeners.get(channel) ?? []), listener]),
    },
    webUtils: { getPathForFile: (file) => paths.get(file.name) ?? '' },
  };
  const tell = (channel, event, ...values) => {
    for (const listener of listeners.get(channel) ?? []) listener(event, ...values);
  };
  window.__strataBridge = {
    setPaths: (given) => given.forEach(([name, path]) => paths.set(name, path)),
    value: (channel, value) => tell(channel, {}, value),
    port: (channel, number) => {
      const { port1, port2 } = new MessageChannel();
      ports.set(number, port2);
      port2.onmessage = ({ data }) => void window.__strataPort(number, data);
      port2.addEventListener('close', () => void window.__strataPortClosed(number));
      tell(channel, { ports: [port1] });
    },
    portMessage: (number, data) => ports.get(number)?.postMessage(data),
    portClosed: (number) => ports.get(number)?.close(),
  };
  const module = { exports: {} };
  ((require, module, exports) => {
    /* PRELOAD */
  })(() => electron, module, module.exports);
})();`;
