import { type AnyRouter } from '@orpc/server';
import { RPCHandler } from '@orpc/server/ws';
import type { MessageChannelMain, MessageEvent, MessagePortMain, WebFrameMain } from 'electron';
import { CHANNELS } from './channels.ts';

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

/** The page's way to the contract. There is one page and so one port: a page that asks again, as after a loss, gets a new one for the old. */
export class PagePort {
  readonly #Channel: typeof MessageChannelMain;
  readonly #router: AnyRouter;
  #port: MessagePortMain | null = null;

  constructor(Channel: typeof MessageChannelMain, router: AnyRouter) {
    this.#Channel = Channel;
    this.#router = router;
  }

  connect(frame: Pick<WebFrameMain, 'postMessage'>): void {
    this.close();
    const { port1, port2 } = new this.#Channel();
    servePort(this.#router, port1);
    frame.postMessage(CHANNELS.port, null, [port2]);
    this.#port = port1;
  }

  /** The page hears of it, and asks for another one. */
  close(): void {
    this.#port?.close();
    this.#port = null;
  }
}
