import { type ClientLink, createORPCClient, ORPCError } from '@orpc/client';
import { expect, test } from 'vitest';
import { failureOf } from '../../../renderer/client/failure.ts';
import { type Connection, LastingLink } from '../../../renderer/client/lasting-link.ts';

interface Studio {
  ask(question: string, options?: { signal: AbortSignal }): Promise<string>;
  watch(): Promise<AsyncIterable<string>>;
}

/** A connection that answers with its name and the question until it is cut; then it fails as a closed socket does. */
function connection(name: string, call?: ClientLink<object>['call']): Connection & { cut(): void; asked: unknown[] } {
  let isOpen = true;
  const asked: unknown[] = [];
  const answer: ClientLink<object>['call'] = (_path, question) => {
    asked.push(question);
    return Promise.resolve(`${name}: ${String(question)}`);
  };
  return { link: { call: call ?? answer }, isOpen: () => isOpen, cut: () => void (isOpen = false), asked };
}

function studioOver(link: LastingLink): Studio {
  return createORPCClient(link) as unknown as Studio;
}

test('what is asked without a connection waits for the next one and is asked once, unless it was given up', async () => {
  const link = new LastingLink();
  const studio = studioOver(link);
  const early = studio.ask('before any');
  const [first, second] = [connection('first'), connection('second')];
  link.open(first);
  expect(await early).toBe('first: before any');
  first.cut();
  const waiting = studio.ask('while it is lost');
  const givenUp = new AbortController();
  const left = studio.ask('of a page that was left', { signal: givenUp.signal });
  givenUp.abort();
  await expect(left).rejects.toThrow('aborted');
  link.open(second);
  expect(await waiting).toBe('second: while it is lost');
  expect([first.asked, second.asked]).toEqual([['before any'], ['while it is lost']]);
});

test('what was being answered when the connection ended says so in words of ours, events too; what the studio refuses stays as it is', async () => {
  const link = new LastingLink();
  const studio = studioOver(link);
  const ending = connection('ending', async (path) => {
    const closed = new Error('[AsyncIdQueue] Queue[1] was closed');
    async function* events(): AsyncGenerator<string> {
      yield 'begun';
      ending.cut();
      throw closed;
    }
    if (path[0] === 'watch') return events();
    ending.cut();
    throw closed;
  });
  const words = { code: 'NETWORK', message: 'The connection to the studio ended before it had answered.', hint: expect.any(String) };
  link.open(ending);
  const seen: string[] = [];
  const watching = (async () => {
    for await (const event of await studio.watch()) seen.push(event);
  })();
  expect(await watching.catch(failureOf)).toEqual(words);
  expect(seen).toEqual(['begun']);
  link.open({ ...ending, isOpen: () => true });
  const answering = studio.ask('anything');
  link.open(connection('next'));
  expect(await answering.catch(failureOf)).toEqual(words);
  const refusal = new ORPCError('STRATA', { data: { code: 'CONFLICT', message: 'It trains.' } });
  link.open(connection('refusing', () => Promise.reject(refusal)));
  expect(await studio.ask('anything').catch(failureOf)).toEqual({ code: 'CONFLICT', message: 'It trains.' });
});
