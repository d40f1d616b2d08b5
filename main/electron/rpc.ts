import { type AnyRouter } from '@orpc/server';
import { RPCHandler } from '@orpc/server/message-port';
import type { MessageChannelMain, MessagePortMain, WebFrameMain } from 'electron';
import { CHANNELS } from './channels.ts';

/**
 * Answers the contract's calls on one end of a message channel; the page holds the other. The page closing or reloading closes the port,
 * which ends the event streams that it followed.
 */
export function servePort(router: AnyRouter, port: Pick<MessagePortMain, 'on' | 'postMessage' | 'start'>): void {
  // The library knows Electron's ports by shape; its type asks for a wider `postMessage` than Electron declares.
  new RPCHandler(router).upgrade(port as Parameters<RPCHandler<Record<never, never>>['upgrade']>[0]);
  port.start();
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
