import { isDefinedError } from '@orpc/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunEvent } from '../../shared/contract/runs.ts';
import type { Runs } from '../../main/studio/runs.ts';
import { fastEngine } from '../support/engines.ts';
import { type Client, connectClient, startTinyServer, type TinyServer } from '../support/web-client.ts';

/** The contract over the web host's socket, with a real studio and trainer behind it. */

let web: TinyServer;
let client: Client;
/** Streams of events that the studio is producing now. */
let followed = 0;

beforeAll(async () => {
  web = await startTinyServer();
  ({ client } = await connectClient(web));
  countFollowers(web.studio.runs);
});
afterAll(() => web.remove());

function countFollowers(runs: Runs): void {
  const watch = runs.watch.bind(runs);
  runs.watch = (input, signal) => {
    const events = watch(input, signal);
    followed++;
    return (async function* () {
      try {
        yield* events;
      } finally {
        followed--;
      }
    })();
  };
}

function request(length: { steps: number }): Parameters<Client['training']['start']>[0] {
  return { model: 'tiny', newDatasets: ['code'], oldDatasets: ['stories'], replayShare: 0.1, batch: 2, engine: fastEngine, ...length };
}

test('lists what the workspace holds', async () => {
  expect(await client.models.list()).toEqual([web.model]);
  expect(await client.datasets.list()).toEqual([web.newDataset, web.oldDataset]);
});

describe('a mistake arrives as the typed error', () => {
  async function failureOf(call: Promise<unknown>): Promise<unknown> {
    const error: unknown = await call.then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(isDefinedError(error)).toBe(true);
    return (error as { data: unknown }).data;
  }

  test('of a name that nothing has', async () => {
    expect(await failureOf(client.models.show({ model: 'tinny' }))).toMatchObject({
      code: 'NOT_FOUND',
      found: 'tinny',
      allowed: expect.stringContaining('(tiny)') as string,
    });
  });

  test('of arguments that the schema refuses, saying which', async () => {
    const wrong = { ...request({ steps: 0 }), newDatasets: 'code' } as unknown as Parameters<Client['training']['start']>[0];
    expect(await failureOf(client.training.start(wrong))).toMatchObject({
      code: 'BAD_INPUT',
      found: expect.stringMatching(/newDatasets: .*; steps: /) as string,
    });
  });

  test('of a plan that does not fit', async () => {
    expect(await failureOf(client.training.preview({ ...request({ steps: 1 }), place: '9' }))).toMatchObject({
      code: 'BAD_INPUT',
      found: 'a new block after block 9',
    });
  });

  test('of a run to follow that does not exist', async () => {
    const follow = async (): Promise<void> => {
      for await (const _ of await client.runs.watch({ run: 'none' })) expect.fail('there is nothing to follow');
    };
    expect(await failureOf(follow())).toMatchObject({ code: 'NOT_FOUND', found: 'none' });
  });
});

describe('a run', () => {
  test('is started, followed to its end by its events, and shown with its figures', async () => {
    const started = await client.training.start(request({ steps: 40 }));
    const events: RunEvent[] = [];
    for await (const event of await client.runs.watch({ run: started.id })) events.push(event);
    const ended = events.at(-1)!;
    const run = await client.runs.show({ run: started.id });
    expect(ended).toMatchObject({ run: run.id, status: 'done', step: 40, steps: 40, evaluation: run.final });
    expect(events.map(({ step }) => step)).toEqual(events.map(({ step }) => step).sort((a, b) => a - b));
    expect(run).toMatchObject({ status: 'done', identityDifference: 0, gain: run.baseline!.new.loss - run.final!.new.loss });
    const points = await client.runs.metrics({ run: run.id, series: ['loss.train'] });
    expect(points.map(({ step }) => step)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
  });

  test('is no longer followed once a page stops, or is gone; and is paused by another page', async () => {
    const { id } = await client.training.start(request({ steps: 1_000_000 }));
    const first = await client.runs.watch({ run: id });
    await first.next();
    const second = await connectClient(web);
    await (await second.client.runs.watch({ run: id })).next();
    expect(followed).toBe(2);
    await first.return!();
    await expect.poll(() => followed).toBe(1);
    second.socket.terminate();
    await expect.poll(() => followed).toBe(0);
    expect(await client.runs.show({ run: id })).toMatchObject({ status: expect.stringMatching(/preparing|running/) as string });
    const third = await connectClient(web);
    expect(await third.client.runs.pause({ run: id })).toMatchObject({ status: 'paused' });
  });
});
