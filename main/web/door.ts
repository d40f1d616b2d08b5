import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WrongTokens } from './limits.ts';

/** Who may come in: a page that this server gave out, with the token of this start. */

/**
 * Names of this machine, with any port: a tunnel may end at another one. A page of elsewhere can make its own name mean this machine (DNS
 * rebinding), but not have one of these.
 */
const OWN_NAME = /^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/i;

/** The Host header must name this machine, and a page's Origin must be just that address: what else runs here, on another port, is not us. */
export function isLocal({ headers: { host = '', origin } }: IncomingMessage): boolean {
  return OWN_NAME.test(host) && (origin === undefined || origin === `http://${host}`);
}

/** What keeps a request out: an HTTP status, and when it may try again. */
export interface Refusal {
  status: 401 | 429 | 503;
  retryAfterSeconds?: number;
}

/** Looks at a token, unless too many were wrong. @returns null for the right one. */
export function refuseToken(given: unknown, token: string, wrong: WrongTokens): Refusal | null {
  if (wrong.secondsShut > 0) return { status: 429, retryAfterSeconds: wrong.secondsShut };
  if (typeof given === 'string' && isSame(given, token)) return null;
  if (typeof given === 'string' && given !== '') wrong.note(given);
  return { status: 401 };
}

function isSame(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)];
  return a.length === b.length && timingSafeEqual(a, b);
}

const REASONS = { 401: 'Unauthorized', 429: 'Too Many Requests', 503: 'Service Unavailable' };

/** Answers a handshake that is refused. */
export function refuseUpgrade(socket: Duplex, { status, retryAfterSeconds }: Refusal): void {
  const retry = retryAfterSeconds === undefined ? '' : `Retry-After: ${retryAfterSeconds}\r\n`;
  // Destroyed, because a peer that keeps its half of the connection open would keep the server from closing.
  socket.end(`HTTP/1.1 ${status} ${REASONS[status]}\r\n${retry}Connection: close\r\n\r\n`, () => socket.destroy());
}
