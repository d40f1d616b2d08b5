import { type ClientLink, mapEventIterator, ORPCError } from '@orpc/client';
import { StrataError } from '../../shared/errors.ts';

/** No context goes with calls. */
type Context = Record<never, never>;
type Options = Parameters<ClientLink<Context>['call']>[2];

/** One connection to the studio, as long as it lasts. */
export interface Connection {
  link: ClientLink<Context>;
  /** False as soon as nothing can be sent any more, which may be before anybody is told of it. */
  isOpen(): boolean;
}

/**
 * The way to the studio over all connections: what is asked while there is none waits for the next, and is then asked once. What was being
 * answered when a connection ended may have been done or not: it fails, and says so.
 */
export class LastingLink implements ClientLink<Context> {
  #connection: Connection | null = null;
  #next = Promise.withResolvers<void>();

  /** What waits is asked now, and what follows too, over this connection. */
  open(connection: Connection): void {
    this.#connection = connection;
    this.#next.resolve();
    this.#next = Promise.withResolvers();
  }

  /** @throws AbortError where it was given up while it waited; StrataError where the connection ended before the answer. */
  async call(path: readonly string[], input: unknown, options: Options): Promise<unknown> {
    const connection = await this.#opened(options.signal);
    const failed = (error: unknown): unknown => {
      const isOfStudio = error instanceof ORPCError || options.signal?.aborted;
      return isOfStudio || (connection === this.#connection && connection.isOpen()) ? error : lost(error);
    };
    try {
      const answer = await connection.link.call(path, input, options);
      return isEvents(answer)
        ? mapEventIterator(answer, { value: (value) => Promise.resolve(value), error: (error) => Promise.resolve(failed(error)) })
        : answer;
    } catch (error) {
      throw failed(error);
    }
  }

  async #opened(signal: AbortSignal | undefined): Promise<Connection> {
    while (!this.#connection?.isOpen()) {
      const given = Promise.withResolvers<never>();
      const giveUp = (): void => given.reject(signal?.reason);
      if (signal?.aborted) giveUp();
      signal?.addEventListener('abort', giveUp, { once: true });
      await Promise.race([this.#next.promise, given.promise]).finally(() => signal?.removeEventListener('abort', giveUp));
    }
    return this.#connection;
  }
}

function isEvents(answer: unknown): answer is AsyncIteratorObject<unknown, unknown, void> {
  return typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer;
}

function lost(cause: unknown): StrataError {
  return new StrataError('NETWORK', 'The connection to the studio ended before it had answered.', {
    hint: 'When it answers again, look whether what you asked for was done; if not, ask for it again.',
    cause,
  });
}
