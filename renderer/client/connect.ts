import { RPCLink as PortLink } from '@orpc/client/message-port';
import { RPCLink as SocketLink } from '@orpc/client/websocket';
import { PORT_MESSAGE } from '../../shared/contract/host.ts';
import type { Connection } from './lasting-link.ts';

/** Connects over the desktop's message port or the browser's WebSocket. `onClose` is called when the connection is lost. */
export async function connect(token: string, onClose: () => void): Promise<Connection> {
  if (window.strataHost) {
    const port = await requestPort(window.strataHost.requestPort);
    let isOpen = true;
    port.addEventListener('close', () => ((isOpen = false), onClose()), { once: true });
    port.start();
    return { link: new PortLink({ port }), isOpen: () => isOpen };
  }
  const address = new URL(`/rpc?token=${encodeURIComponent(token)}`, window.location.href);
  address.protocol = 'ws:';
  const websocket = new WebSocket(address);
  await new Promise<void>((resolve, reject) => {
    websocket.addEventListener('open', () => resolve(), { once: true });
    websocket.addEventListener('error', () => reject(new Error('The studio does not answer.')), { once: true });
  });
  websocket.addEventListener('close', onClose);
  return { link: new SocketLink({ websocket }), isOpen: () => websocket.readyState === WebSocket.OPEN };
}

/** The desktop answers at once; a page that waited for ever would look as if it were only slow. */
const PORT_LIMIT_MS = 5000;

/** @throws Error where no port comes in time. */
export function requestPort(request: () => void, limitMs = PORT_LIMIT_MS): Promise<MessagePort> {
  return new Promise((resolve, reject) => {
    const listen = (event: MessageEvent): void => {
      if (event.source !== window || event.data !== PORT_MESSAGE || !event.ports[0]) return;
      end();
      resolve(event.ports[0]);
    };
    const timer = setTimeout(() => {
      end();
      reject(new Error('The studio does not answer.'));
    }, limitMs);
    const end = (): void => {
      clearTimeout(timer);
      window.removeEventListener('message', listen);
    };
    window.addEventListener('message', listen);
    request();
  });
}
