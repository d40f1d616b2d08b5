import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createORPCClient, isDefinedError, ORPCError, safe } from '@orpc/client';
import { RPCLink } from '@orpc/client/message-port';
import type { ContractRouterClient } from '@orpc/contract';
import { RPCHandler } from '@orpc/server/message-port';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Contract } from '../../shared/contract/contract.ts';
import { type TrainRequest, trainRequestSchema } from '../../shared/contract/training.ts';
import { errorRecordSchema } from '../../shared/contract/errors.ts';
import type { ErrorRecord } from '../../shared/errors.ts';
import { insertModel } from '../../main/store/models.ts';
import { deleteFromBin, putIntoBin } from '../../main/store/item-bins.ts';
import { openStore } from '../../main/store/open-store.ts';
import { PathGrants } from '../../main/studio/path-grants.ts';
import { createRouter } from '../../main/studio/router.ts';
import { fastEngine } from '../support/engines.ts';
import { modelRecord } from '../support/run-records.ts';
import { openTinyStudio, type TinyStudio } from '../support/workspace.ts';

const channel = new MessageChannel();
let tiny: TinyStudio;
let client: ContractRouterClient<Contract>;
beforeAll(async () => {
  tiny = await openTinyStudio();
  new RPCHandler(createRouter(tiny.studio, new PathGrants(tiny.home, { typed: [tiny.directory] }))).upgrade(channel.port1);
  client = createORPCClient(new RPCLink({ port: channel.port2 }));
  channel.port1.start();
  channel.port2.start();
});
afterAll(async () => {
  channel.port1.close();
  await tiny.remove();
});

const request = (changes: Partial<TrainRequest> = {}): TrainRequest => ({
  model: 'tiny',
  newDatasets: ['code'],
  oldDatasets: ['stories'],
  steps: 20,
  batch: 2,
  context: 32,
  engine: fastEngine,
  ...changes,
});

/** The record that an error brings over the port. */
async function recordOf(call: Promise<unknown>): Promise<ErrorRecord> {
  const { error } = await safe(call);
  expect(error).toBeInstanceOf(ORPCError);
  expect((error as ORPCError<string, unknown>).code).toBe('STRATA');
  expect(isDefinedError(error)).toBe(true);
  return errorRecordSchema.parse((error as ORPCError<string, unknown>).data) as ErrorRecord;
}

describe('a call', () => {
  it('brings what the studio says, in the shape of the contract', async () => {
    expect(await client.workspace.info()).toEqual(tiny.studio.info());
    expect(await client.models.list()).toEqual([tiny.model]);
    expect(await client.models.show({ model: 'tiny' })).toEqual(tiny.model);
    expect(await client.datasets.list()).toEqual([tiny.newDataset, tiny.oldDataset]);
    expect(await client.datasets.show({ dataset: 'code' })).toMatchObject({ ...tiny.newDataset, duplicates: 0, runs: [] });
    const { total, documents } = await client.datasets.documents({ dataset: 'code' });
    expect([total, documents.length]).toEqual([60, 20]); // the contract's default
    expect(await client.datasets.search({ dataset: 'code', query: '// UNIT 7' })).toMatchObject({ documents: [{ number: 7 }], next: null });
    expect(await client.datasets.tokenCounts({ model: 'tiny' })).toHaveLength(2);
    expect(await client.datasets.inspect({ paths: [tiny.sources.newText] })).toMatchObject({ name: 'code', files: 1, isComplete: true });
    expect(await client.datasets.imports.list()).toEqual([]);
    expect(await client.runs.list()).toEqual([]);
    expect(await client.catalogue.list()).toEqual(tiny.studio.downloads.catalogue());
    expect(await client.downloads.list()).toEqual([]);
    const preview = await client.training.preview(request());
    expect(preview).toEqual(await tiny.studio.runs.preview(trainRequestSchema.parse(request())));
  });

  it('starts a run, which is followed to its end; its numbers arrive as they are', async () => {
    const { id } = await client.training.start(request({ name: 'over the port' }));
    const events = await Array.fromAsync(await client.runs.watch({ run: id }));
    expect(events.at(-1)).toMatchObject({ run: id, status: 'done', step: 20, evaluationStep: 20 });
    expect(await client.runs.show({ run: id })).toEqual(tiny.studio.runs.show(id));
    expect(await client.runs.metrics({ run: id, series: ['loss.train'] })).toHaveLength(20);
    expect((await client.runs.note({ run: id, note: 'seen' })).note).toBe('seen');
    expect(await client.runs.remove({ run: id })).toEqual({ removed: id });
  });
});

describe('a download', () => {
  it('is followed to its end over the port', async () => {
    const { id } = await client.downloads.start({ source: 'catalogue:base' });
    const ended = (await Array.fromAsync(await client.downloads.watch({ download: id }))).at(-1)!;
    expect(ended).toMatchObject({ id, state: 'done', error: null });
    expect(await client.models.remove({ model: ended.model! })).toEqual({ removed: ended.model });
    expect(await client.downloads.remove({ download: id })).toEqual({ removed: id });
  });
});

describe('an error', () => {
  it('travels as STRATA with its whole record', async () => {
    expect(await recordOf(client.training.start(request({ replayShare: 1.5 })))).toEqual({
      code: 'BAD_INPUT',
      message: 'The replay share is outside its range.',
      found: '1.5',
      allowed: 'a number from 0 up to, but not including, 1: the fraction of trained tokens that are old (0.1 is 10 %)',
    });
    expect(await recordOf(client.models.import({ path: join(tiny.directory, 'nowhere') }))).toMatchObject({
      code: 'NOT_FOUND',
      found: join(tiny.directory, 'nowhere'),
    });
  });

  it('of a name that nothing has is told, also where events are asked for', async () => {
    for (const call of [
      client.models.show({ model: 'x' }),
      client.runs.show({ run: 'x' }),
      client.runs.watch({ run: 'x' }),
      client.datasets.remove({ dataset: 'x' }),
      client.downloads.watch({ download: 'x' }),
      client.downloads.cancel({ download: 'x' }),
      client.downloads.remove({ download: 'x' }),
    ]) {
      expect(await recordOf(call)).toMatchObject({ code: 'NOT_FOUND', found: 'x' });
    }
  });

  it('of a file that was damaged meanwhile travels in the same way', async () => {
    const config = join(tiny.home, 'models', tiny.model.id, 'config.json');
    const before = await readFile(config);
    await writeFile(config, '{"architectures": ["LlamaForCausalLM"]');
    expect(await recordOf(client.training.preview(request()))).toMatchObject({ code: 'CORRUPT' });
    await writeFile(config, before);
  });
});

describe('an answer that breaks the contract', () => {
  it('is a fault of Strata, not of who asked', async () => {
    const store = openStore(join(tiny.home, 'strata.db'));
    insertModel(store, modelRecord({ parameters: 2 ** 60 })); // more than a whole number of JSON can say
    expect(await recordOf(client.models.list())).toMatchObject({ code: 'INTERNAL' });
    putIntoBin(store, 'models', modelRecord().id, '2026-05-01T00:00:00.000Z');
    deleteFromBin(store, 'models', modelRecord().id);
    store.close();
  });
});

describe('wrong arguments are stopped at the door, each by name:', () => {
  const cases: [string, () => Promise<unknown>, RegExp][] = [
    ['no model', () => client.training.start({ ...request(), model: '' }), /model/],
    ['no new data', () => client.training.start({ ...request(), newDatasets: [] }), /newDatasets/],
    ['no steps', () => client.training.start({ ...request(), steps: 0 }), /steps/],
    ['half a window', () => client.training.start({ ...request(), batch: 1.5 }), /batch/],
    ['a batch for a data centre', () => client.training.start({ ...request(), batch: 5000 }), /batch/],
    ['a context that predicts nothing', () => client.training.start({ ...request(), context: 1 }), /context/],
    ['a learning rate of nothing', () => client.training.start({ ...request(), learningRate: 0 }), /learningRate/],
    ['a negative seed', () => client.training.start({ ...request(), seed: -1 }), /seed/],
    ['an unknown method', () => client.training.start({ ...request(), method: 'magic' as never }), /method/],
    ['a preview of the same', () => client.training.preview({ ...request(), epochs: -1 }), /epochs/],
    ['a number for a name', () => client.models.show({ model: 7 as never }), /model/],
    ['no place to fetch from', () => client.downloads.start({ source: '' }), /source/],
    ['a token like a novel', () => client.downloads.start({ source: 'hub:a/b', token: 'x'.repeat(5001) }), /token/],
    ['no paths', () => client.datasets.imports.start({ paths: [] }), /paths/],
    ['a list that is none', () => client.datasets.imports.start({ paths: '/etc/passwd' as never }), /paths/],
    ['a cleaning that is none', () => client.datasets.imports.start({ paths: ['/x'], cleaning: { soap: 1 } as never }), /cleaning/],
    ['too many documents', () => client.datasets.documents({ dataset: 'code', count: 5000 }), /count/],
    ['an unknown series', () => client.runs.metrics({ run: 'x', series: ['luck' as never] }), /series/],
    ['one run to compare', () => client.runs.compare({ runs: ['x'] }), /runs/],
    ['an empty name', () => client.runs.rename({ run: 'x', name: '' }), /name/],
    ['a note like a novel', () => client.runs.note({ run: 'x', note: 'x'.repeat(20_001) }), /note/],
    ['text without end', () => client.text.generate({ model: 'tiny', prompt: '', maxTokens: 1e9 }), /maxTokens/],
    ['a negative temperature', () => client.text.generate({ model: 'tiny', prompt: '', temperature: -1 }), /temperature/],
    ['a format that is none', () => client.models.export({ model: 'tiny', format: 'onnx' as never, destination: '/tmp/x' }), /format/],
    ['nothing at all', () => client.runs.show(undefined as never), /./],
  ];
  it.each(cases)('%s', async (_, call, found) => {
    const record = await recordOf(call());
    expect(record).toMatchObject({ code: 'BAD_INPUT', message: 'The request is not possible.' });
    expect(record.found).toMatch(found);
    expect(tiny.studio.runs.list()).toEqual([]);
  });
});
