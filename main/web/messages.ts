import type { WebSocket } from 'ws';
import { z } from 'zod';
import type { Clock } from './limits.ts';

/** What is read of a connection: calls and what belongs to them, as the library of the pages writes them. All else is counted, and not read. */

/** The connection's end where it sends nothing that could be a call: "policy violation". */
const POLICY_VIOLATION = 1008;
const TOLD_EVERY_MS = 60_000;

/** A call, an event for one, or its end: `i` names the call, `t` says which of these it is, and without it a call; `u` is the call's path. */
const messageSchema = z.union([
  z.object({
    i: z.string(),
    t: z.literal(1).optional(),
    p: z.object({
      u: z.string().refine((path) => path.startsWith('/') || URL.canParse(path)),
      h: z.record(z.string(), z.union([z.string(), z.array(z.string())])).optional(),
      m: z.string().optional(),
    }),
  }),
  z.object({ i: z.string(), t: z.literal(3), p: z.object({ e: z.string() }) }),
  z.object({ i: z.string(), t: z.literal(4) }),
]);

/** Whether a message is one of the pages' own kind. Their calls carry no files, so that it is always text. */
export function isMessage(data: unknown): boolean {
  if (typeof data !== 'string') return false;
  try {
    return messageSchema.safeParse(JSON.parse(data)).success;
  } catch {
    return false; // no JSON
  }
}

/** Tells of messages that are no calls, of all connections together, in one line and at most once a minute. */
export class MalformedNotes {
  readonly #log: (line: string) => void;
  readonly #now: Clock;
  #untold = 0;
  #toldAt = -Infinity;

  constructor(log: (line: string) => void, now: Clock = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  note(): void {
    this.#untold++;
    if (this.#now() - this.#toldAt < TOLD_EVERY_MS) return;
    this.#log(`${this.#untold === 1 ? 'A message that is no call was' : `${this.#untold} messages that are no calls were`} left unread.`);
    this.#toldAt = this.#now();
    this.#untold = 0;
  }
}

/**
 * A connection as the library of the calls shall see it: without what it cannot read, of which it would print a stack trace each.
 * @param most messages of one connection that are no calls, after which it is closed.
 */
export function onlyCalls(peer: WebSocket, most: number, notes: MalformedNotes): Pick<WebSocket, 'addEventListener' | 'send'> {
  let malformed = 0;
  const isRead = (data: unknown): boolean => {
    if (malformed >= most) return false;
    if (isMessage(data)) return true;
    notes.note();
    if (++malformed >= most) peer.close(POLICY_VIOLATION, 'These messages are no calls.');
    return false;
  };
  const addEventListener: WebSocket['addEventListener'] = (type, listener, options) => {
    const hears = listener as (event: { data?: unknown }) => void;
    const guarded = type === 'message' ? (event: { data?: unknown }) => void (isRead(event.data) && hears(event)) : hears;
    peer.addEventListener(type, guarded as typeof listener, options);
  };
  return { addEventListener, send: peer.send.bind(peer) };
}
