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
  // Electron tells a page that the other end of its port is closed; Chromium does not: so the page's own ends are known here, as they arrive.
  const arriving = [];
  const arrived = new Map();
  addEventListener('message', ({ ports: [port] }) => port && arrived.set(arriving.shift(), port), { capture: true });
  const electron = {
    contextBridge: { exposeInMainWorld: (name, value) => Object.defineProperty(window, name, { value, enumerable: true }) },
    ipcRenderer: {
      send: (channel, ...values) => void window.__strataSend(channel, values),
      invoke: (channel, ...values) => window.__strataInvoke(channel, values),
      on: (channel, listener) => listeners.set(channel, [...(listeners.get(channel) ?? []), listener]),
    },
    webUtils: { getPathForFile: () => '' }, // a file that a page made has none
  };
  const tell = (channel, event, ...values) => {
    for (const listener of listeners.get(channel) ?? []) listener(event, ...values);
  };
  window.__strataBridge = {
    value: (channel, value) => tell(channel, {}, value),
    port: (channel, number) => {
      const { port1, port2 } = new MessageChannel();
      ports.set(number, port2);
      arriving.push(number);
      port2.onmessage = ({ data }) => void window.__strataPort(number, data);
      tell(channel, { ports: [port1] });
    },
    portMessage: (number, data) => ports.get(number)?.postMessage(data),
    portClosed: (number) => {
      ports.get(number)?.close();
      arrived.get(number)?.dispatchEvent(new Event('close'));
    },
  };
  const module = { exports: {} };
  ((require, module, exports) => {
    /* PRELOAD */
  })(() => electron, module, module.exports);
})();`;
