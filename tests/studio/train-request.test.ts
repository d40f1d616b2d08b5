import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DatasetInfo } from '../../shared/contract/contract.ts';
import { StrataError } from '../../shared/errors.ts';
import type { ParsedTrainRequest } from '../../main/studio/train-request.ts';
import { resolveRequest } from '../../main/studio/train-request.ts';
import { openTinyStudio, storyDocuments, type TinyStudio, writeDocuments } from '../support/workspace.ts';

let tiny: TinyStudio;
let short: DatasetInfo;
beforeAll(async () => {
  tiny = await openTinyStudio();
  const path = join(tiny.directory, 'short.jsonl');
  await writeDocuments(path, ['One.', 'Two.']);
  short = (await tiny.studio.datasets.import({ paths: [path] })).datasets[0]!;
});
afterAll(() => tiny.remove());

/** The smallest request, and what a test is about. */
const request = (changes: Partial<ParsedTrainRequest> = {}): ParsedTrainRequest => ({
  model: tiny.model.id,
  newDatasets: [tiny.newDataset.id],
  oldDatasets: [tiny.oldDataset.id],
  method: 'expand',
  place: 'even',
  ...changes,
});

const resolved = (changes: Partial<ParsedTrainRequest> = {}): ReturnType<typeof resolveRequest> =>
  resolveRequest(request(changes), tiny.studio.models, tiny.studio.datasets);

/** Training tokens of a dataset, counted by hand: start, bytes, end of each document. */
async function trainTokens(dataset: DatasetInfo): Promise<number> {
  const text = await readFile(join(tiny.home, 'datasets', dataset.id, 'documents.jsonl'), 'utf8');
  const documents = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { text: string; heldOut: boolean });
  return documents.filter(({ heldOut }) => !heldOut).reduce((sum, document) => sum + Buffer.byteLength(document.text) + 2, 0);
}

describe('bad input is refused, with what was found, what is allowed and what to do; nothing is recorded:', () => {
  const cases: [string, () => Partial<ParsedTrainRequest>, { code: string; found: RegExp; allowed?: RegExp; hint?: RegExp }][] = [
    ['a plan that does not fit', () => ({ place: '4' }), { code: 'BAD_INPUT', found: /after block 4/, allowed: /0 to 3.*4 blocks/ }],
    ['a place that is none', () => ({ place: 'middle' }), { code: 'BAD_INPUT', found: /middle/, allowed: /even, top, bottom/ }],
    [
      'as many positions as blocks, not',
      () => ({ place: '0,1', blocks: 3 }),
      { code: 'BAD_INPUT', found: /3 blocks, 2 positions/, allowed: /as many/ },
    ],
    [
      'more memory than there is',
      () => ({ blocks: 512, batch: 4096 }),
      { code: 'BAD_INPUT', found: /about [\d.]+ GB for 516 blocks and 4096 windows of 64 tokens/, allowed: /GB/, hint: /smaller batch/ },
    ],
    ['no new block at all', () => ({ blocks: 0 }), { code: 'BAD_INPUT', found: /^0$/, allowed: /from 1/ }],
    [
      'replay without old data',
      () => ({ oldDatasets: [], replayShare: 0.1 }),
      { code: 'BAD_INPUT', found: /0\.1 and no old dataset/, hint: /--old/ },
    ],
    ['replay of everything', () => ({ replayShare: 1 }), { code: 'BAD_INPUT', found: /^1$/, allowed: /not including, 1/ }],
    ['replay below nothing', () => ({ replayShare: -0.1 }), { code: 'BAD_INPUT', found: /-0\.1/, allowed: /from 0/ }],
    ['replay that is no number', () => ({ replayShare: NaN }), { code: 'BAD_INPUT', found: /NaN/, allowed: /from 0/ }],
    [
      'a dataset twice as new',
      () => ({ newDatasets: [tiny.newDataset.id, 'code'] }),
      { code: 'BAD_INPUT', found: /code/, allowed: /each dataset once/ },
    ],
    [
      'a dataset as new and as old',
      () => ({ oldDatasets: [tiny.newDataset.id] }),
      { code: 'BAD_INPUT', found: /code/, allowed: /either as new or as old/ },
    ],
    [
      'new data too short for one window',
      () => ({ newDatasets: [short.id] }),
      { code: 'BAD_INPUT', found: /\d+ training tokens/, allowed: /more than 64/, hint: /shorter context/ },
    ],
    [
      'old data too short for one window',
      () => ({ oldDatasets: [short.id] }),
      { code: 'BAD_INPUT', found: /\d+ training tokens/, allowed: /more than 64/, hint: /shorter context/ },
    ],
    ['a context longer than the model’s', () => ({ context: 65 }), { code: 'BAD_INPUT', found: /65/, allowed: /2 to 64/ }],
    ['steps and tokens', () => ({ steps: 5, tokens: 1000 }), { code: 'BAD_INPUT', found: /steps and tokens/, allowed: /one of/ }],
    [
      'three lengths',
      () => ({ steps: 5, tokens: 1000, epochs: 1 }),
      { code: 'BAD_INPUT', found: /steps and tokens and epochs/, allowed: /one of/ },
    ],
    ['an unknown model', () => ({ model: 'gpt' }), { code: 'NOT_FOUND', found: /gpt/, allowed: /tiny/ }],
    ['an unknown new dataset', () => ({ newDatasets: ['nothing'] }), { code: 'NOT_FOUND', found: /nothing/, allowed: /code/ }],
    ['an unknown old dataset', () => ({ oldDatasets: ['nothing'] }), { code: 'NOT_FOUND', found: /nothing/, allowed: /stories/ }],
    ['an unknown engine', () => ({ engine: 'cuda' }), { code: 'BAD_INPUT', found: /cuda/, allowed: /wasm/ }],
    ['blocks for a method that adds none', () => ({ method: 'full', blocks: 2 }), { code: 'BAD_INPUT', found: /2 blocks/, hint: /expand/ }],
    ['a setting outside its range', () => ({ advanced: { warmup: 2 } }), { code: 'BAD_INPUT', found: /warmup = 2/, allowed: /<=1/ }],
    ['a decay of moments that never ends', () => ({ advanced: { beta2: 1 } }), { code: 'BAD_INPUT', found: /beta2 = 1/, allowed: /<1/ }],
    ['an epsilon below nothing', () => ({ advanced: { epsilon: -1 } }), { code: 'BAD_INPUT', found: /epsilon = -1/, allowed: />0/ }],
    [
      'half a step between measurements',
      () => ({ advanced: { evaluateEvery: 0.5 } }),
      { code: 'BAD_INPUT', found: /evaluation\.everySteps = 0\.5/, allowed: /int/ },
    ],
    [
      'more tokens than can be counted',
      () => ({ steps: 2 ** 52 }),
      { code: 'BAD_INPUT', found: /4503599627370496 steps/, allowed: /tokens/ },
    ],
  ];
  it.each(cases)('%s', async (_, changes, wanted) => {
    const { studio, home } = tiny;
    for (const attempt of [() => studio.runs.preview(request(changes())), () => studio.runs.start(request(changes()))]) {
      const error = (await attempt().then(
        () => undefined,
        (failure: unknown) => failure,
      )) as StrataError;
      expect(error).toBeInstanceOf(StrataError);
      expect(error).toMatchObject({ code: wanted.code, exitCode: 2 });
      expect(error.found).toMatch(wanted.found);
      if (wanted.allowed) expect(error.allowed).toMatch(wanted.allowed);
      if (wanted.hint) expect(error.hint).toMatch(wanted.hint);
    }
    expect(studio.runs.list()).toEqual([]);
    expect(existsSync(join(home, 'runs'))).toBe(false);
  });
});

describe('what is left out gets a default:', () => {
  it('everything', async () => {
    const windows = Math.floor(((await trainTokens(tiny.newDataset)) - 1) / 64);
    const steps = Math.ceil(windows / 0.95 / 8);
    const { configuration } = await resolved();
    expect(configuration).toEqual({
      baseModel: { id: tiny.model.id, name: 'tiny', hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
      method: 'expand',
      // A quarter of four blocks is one, at the end of the one group.
      plan: { schemaVersion: 1, baseBlocks: 4, inserted: [{ after: 3, copies: 3, position: 4 }] },
      datasets: [
        { id: tiny.newDataset.id, name: 'code', role: 'new', hash: tiny.newDataset.hash },
        { id: tiny.oldDataset.id, name: 'stories', role: 'old', hash: tiny.oldDataset.hash },
      ],
      replayShare: 0.05,
      steps,
      batch: 8,
      context: 64,
      learningRate: 2e-3,
      warmup: 0.06,
      finalLearningRate: 0.1,
      weightDecay: 0.01,
      beta1: 0.9,
      beta2: 0.95,
      epsilon: 1e-8,
      clipNorm: 1,
      seed: 1,
      // A handful of measurements, which are nothing beside the training; a checkpoint in every tenth of it, but not at every breath.
      evaluation: { everySteps: expect.any(Number) as number, tokens: expect.any(Number) as number },
      checkpointEverySteps: 10,
      engine: 'auto',
    });
    expect(steps / configuration.evaluation.everySteps).toBeGreaterThanOrEqual(4);
  });

  it('no old data, no replay; a lower rate for weights that know something already', async () => {
    expect((await resolved({ oldDatasets: [] })).configuration).toMatchObject({ replayShare: 0, learningRate: 2e-3 });
    expect((await resolved({ method: 'full' })).configuration).toMatchObject({ plan: null, learningRate: 3e-4 });
  });

  it('old data can be measured without being replayed', async () => {
    const { configuration, preview } = await resolved({ replayShare: 0 });
    expect(configuration.replayShare).toBe(0);
    expect(preview.mixture.find(({ role }) => role === 'old')).toMatchObject({ tokens: 0, epochs: 0 });
  });

  it('long data are gone through once, but not in more than 600 steps', async () => {
    expect((await resolved({ batch: 1, context: 8 })).configuration).toMatchObject({ steps: 600, checkpointEverySteps: 60 });
  });

  it('settings by name replace defaults', async () => {
    const advanced = { warmup: 0.5, finalLearningRate: 0, weightDecay: 0.2, beta1: 0.8, beta2: 0.9, epsilon: 1e-6, clipNorm: 0 };
    const { configuration } = await resolved({ advanced: { ...advanced, evaluateEvery: 7, evaluationTokens: 99, checkpointEvery: 3 } });
    expect(configuration).toMatchObject({ ...advanced, evaluation: { everySteps: 7, tokens: 99 }, checkpointEverySteps: 3 });
  });
});

describe('the length of a run', () => {
  it('in steps is that many', async () => {
    expect((await resolved({ steps: 7 })).configuration.steps).toBe(7);
  });

  it.each([
    [1, 1],
    [4 * 32, 1],
    [4 * 32 + 1, 2],
    [1000, 8],
  ])('in tokens is as many steps as have at least %i: %i', async (tokens, steps) => {
    expect((await resolved({ tokens, batch: 4, context: 32 })).configuration.steps).toBe(steps);
  });

  it.each([0.01, 0.5, 1, 2.5])('in epochs is %s times through the new data, whatever is replayed', async (epochs) => {
    const windows = Math.floor(((await trainTokens(tiny.newDataset)) - 1) / 32);
    for (const replayShare of [0, 0.25]) {
      const { configuration, preview } = await resolved({ epochs, replayShare, batch: 4, context: 32 });
      expect(configuration.steps).toBe(Math.max(1, Math.ceil((epochs * windows) / (1 - replayShare) / 4)));
      const gone = preview.mixture.find(({ role }) => role === 'new')!.epochs;
      expect(gone).toBeGreaterThanOrEqual(Math.min(epochs, gone));
      expect(Math.abs(gone - epochs) * windows).toBeLessThan(5); // less than a step and the rounding of replay
    }
  });
});

describe('a preview', () => {
  it('counts tokens, parameters and tensors', async () => {
    const block = 2 * 16 * 16 + 2 * 16 * 8 + 3 * 32 * 16 + 2 * 16;
    const base = 2 * 258 * 16 + 4 * block + 16;
    const { preview } = await resolved({ steps: 10, batch: 4, context: 32, replayShare: 0.25, place: '0,2,2' });
    expect(preview).toMatchObject({
      steps: 10,
      tokens: 1280,
      replayShare: 0.25,
      addedParameters: 3 * block,
      trainableParameters: 3 * block,
      totalParameters: base + 3 * block,
    });
    expect(tiny.model.parameters).toBe(base);
    expect(preview.mixture.map(({ name, role, tokens }) => [name, role, tokens])).toEqual([
      ['code', 'new', 960],
      ['stories', 'old', 320],
    ]);
    expect(preview.plan!.inserted.map(({ position }) => position)).toEqual([1, 4, 5]);
    expect(new Set(preview.trainableTensors.map((name) => /layers\.(\d+)\./.exec(name)![1]))).toEqual(new Set(['1', '4', '5']));
    expect(preview.trainableTensors).toHaveLength(27);
  });

  it('of the method full has every tensor, and nothing added', async () => {
    const { preview } = await resolved({ method: 'full' });
    expect(preview).toMatchObject({
      plan: null,
      addedParameters: 0,
      trainableParameters: tiny.model.parameters,
      totalParameters: tiny.model.parameters,
    });
    expect(preview.trainableTensors).toHaveLength(4 * 9 + 3);
  });

  it('of data that are too few says how often they are repeated', async () => {
    const path = join(tiny.directory, 'few.jsonl');
    await writeDocuments(path, storyDocuments(8));
    const few = (await tiny.studio.datasets.import({ paths: [path] })).datasets[0]!;
    const windows = Math.floor(((await trainTokens(few)) - 1) / 32);
    const { preview } = await resolved({ newDatasets: [few.id], oldDatasets: [], steps: 50, batch: 4, context: 32 });
    expect(preview.mixture[0]!.epochs).toBeCloseTo(200 / windows, 10);
  });
});
