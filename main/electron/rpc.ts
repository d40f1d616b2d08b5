import { type AnyRouter } from '@orpc/server';
import { RPCHandler } from '@orpc/server/ws';
import type { MessageEvent, MessagePortMain } from 'electron';

/**
 * Answers the contract's calls on one end of a message channel; the page holds the other. The page closing or reloading closes the port,
 * which ends the event streams that it followed.
 */
export function servePort(router: AnyRouter, port: Pick<MessagePortMain, 'on' | 'postMessage' | 'start'>): void {
  // The library's own handler for ports lets a message that is no call end the program; the one for sockets, of the same form, does not.
  const socket = {
    send: (message: unknown) => port.postMessage(message),
    addEventListener: (name: 'message' | 'close', listen: (event: { data: unknown }) => void) => {
      if (name === 'close') port.on('close', () => listen({ data: null }));
      else port.on('message', ({ data }: MessageEvent) => isMessage(data) && listen({ data }));
    },
  };
  void new RPCHandler(router).upgrade(socket as unknown as Parameters<RPCHandler<Record<never, never>>['upgrade']>[0]);
  port.start();
}

/** What the page's side of the contract sends; a port carries anything else as well. */
function isMessage(data: unknown): data is string | ArrayBuffer | Uint8Array {
  return typeof data === 'string' || data instanceof ArrayBuffer || data instanceof Uint8Array;
}
