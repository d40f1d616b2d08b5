import { type AnyRouter } from '@orpc/server';
import { RPCHandler } from '@orpc/server/message-port';
import type { MessagePortMain } from 'electron';

/**
 * Answers the contract's calls on one end of a message channel; the page holds the other. The page closing or reloading closes the port,
 * which ends the event streams that it followed.
 */
export function servePort(router: AnyRouter, port: Pick<MessagePortMain, 'on' | 'postMessage' | 'start'>): void {
  // The library knows Electron's ports by shape; its type asks for a wider `postMessage` than Electron declares.
  new RPCHandler(router).upgrade(port as Parameters<RPCHandler<Record<never, never>>['upgrade']>[0]);
  port.start();
}
