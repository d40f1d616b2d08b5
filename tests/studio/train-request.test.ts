import { existsSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTokenShard } from '../../main/datasets/token-shard.ts';
import type { DatasetInfo } from '../../shared/contract/datasets.ts';
import type { ModelInfo } from '../../shared/contract/models.ts';
import type { TrainPreview } from '../../shared/contract/training.ts';
import { defaultReplay, recommendReplay } from '../../shared/domain/distance.ts';
import type { Importance } from '../../shared/domain/importance.ts';
import { StrataError } from '../../shared/errors.ts';
import type { ParsedTrainRequest } from '../../main/studio/train-request.ts';
import { resolveRequest } from '../../main/studio/train-request.ts';
import { openTinyStudio, storyDocuments, type TinyStudio, writeDocuments, writeTinyModel } from '../support/workspace.ts';

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
  ...changes,
});

const resolved = (changes: Partial<ParsedTrainRequest> = {}): ReturnType<typeof resolveRequest> =>
  resolveRequest(request(changes), tiny.studio.models, tiny.studio.datasets, {
    importanceOf: () => importance,
    replayDefault: () => Promise.resolve(defaultReplay(null)),
  });

/** What the blocks of the tiny model matter, as if it had been measured. */
const importance: Importance = {
  modelHash: 'h',
  datasets: [],
  context: 64,
  windows: 1,
  tokens: 63,
  loss: 2,
  blocks: [3, 0.5, 2, 1].map((rise, block) => ({ block, loss: 2 + rise, rise, standardError: null })),
  seconds: 1,
  engine: 'cpu',
};

/** Training tokens of a dataset, counted by hand: start, bytes, end of each document. */
async function trainTokens(dataset: DatasetInfo): Promise<number> {
  const text = await readFile(join(tiny.home, 'datasets', dataset.id, 'documents.jsonl'), 'utf8');
  const documents = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { content: { text: string }; heldOut: boolean });
  return documents.filter(({ heldOut }) => !heldOut).reduce((sum, document) => sum + Buffer.byteLength(document.content.text) + 2, 0);
}

describe('bad input is refused, with what was found, what is allowed and what to do; nothing is recorded:', () => {
  const cases: [string, () => Partial<ParsedTrainRequest>, { code: string; found: RegExp; allowed?: RegExp; hint?: RegExp }][] = [
    ['a plan that does not fit', () => ({ place: '4' }), { code: 'BAD_INPUT', found: /after block 4/, allowed: /0 to 3.*4 blocks/ }],
    ['a place that is none', () => ({ place: 'middle' }), { code: 'BAD_INPUT', found: /middle/, allowed: /even, top, bottom/ }],
    [
      'as many positions as blocks, not',
      () => ({ place: '0,1', blocks: 3 }),
      { code: 'BAD_INPUT', found: /3 blocks, 2 positions/, allowed: /^2 blocks for these positions/ },
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
    [
      'blocks for a method that adds none',
      () => ({ method: 'full', blocks: 2 }),
      { code: 'BAD_INPUT', found: /--blocks 2/, hint: /expand/ },
    ],
    [
      'adapters of a method that has none',
      () => ({ rank: 8 }),
      { code: 'BAD_INPUT', found: /--rank 8/, allowed: /--blocks, --at/, hint: /lora/ },
    ],
    ['a rank wider than the model', () => ({ method: 'lora', rank: 9 }), { code: 'BAD_INPUT', found: /^9$/, allowed: /1 to 8/ }],
    [
      'blocks to train that are not there',
      () => ({ method: 'freeze', trainBlocks: '4' }),
      { code: 'BAD_INPUT', found: /^4$/, allowed: /0 to 3/ },
    ],
    [
      'pieces larger than the whole',
      () => ({ batch: 4, advanced: { microBatch: 5 } }),
      { code: 'BAD_INPUT', found: /microBatch = 5/, allowed: /1 to the batch of 4/ },
    ],
    [
      'half a window',
      () => ({ advanced: { microBatch: 0.5 } }),
      { code: 'BAD_INPUT', found: /microBatch = 0\.5/, allowed: /a whole number/ },
    ],
    [
      'a decay of a schedule that has none',
      () => ({ advanced: { decay: 0.1 } }),
      { code: 'BAD_INPUT', found: /decay = 0\.1/, hint: /schedule=wsd/ },
    ],
    [
      'a warm-up and a decay that overlap',
      () => ({ advanced: { schedule: 'wsd', decay: 0.6, warmup: 0.5 } }),
      { code: 'BAD_INPUT', found: /schedule\.decay = 0\.6/, allowed: /at most 1 together/ },
    ],
    [
      'a learning rate below nothing for a group',
      () => ({ advanced: { 'lr.mlp': -1 } }),
      { code: 'BAD_INPUT', found: /learningRateFactors\.mlp = -1/, allowed: /at least 0/ },
    ],
    ['a setting outside its range', () => ({ advanced: { warmup: 2 } }), { code: 'BAD_INPUT', found: /warmup = 2/, allowed: /at most 1/ }],
    [
      'a decay of moments that never ends',
      () => ({ advanced: { beta2: 1 } }),
      { code: 'BAD_INPUT', found: /beta2 = 1/, allowed: /at most 0\.9/ },
    ],
    [
      'one that becomes 1 in 32 bits',
      () => ({ advanced: { beta2: 0.99999999999 } }),
      { code: 'BAD_INPUT', found: /beta2 = 0\.99999999999/, allowed: /at most 0\.9999999/ },
    ],
    [
      'an epsilon that becomes 0 in 32 bits',
      () => ({ advanced: { epsilon: 1e-50 } }),
      { code: 'BAD_INPUT', found: /epsilon = 1e-50/, allowed: /at least 1e-30/ },
    ],
    [
      'clipping to nothing',
      () => ({ advanced: { clipNorm: 1e-60 } }),
      { code: 'BAD_INPUT', found: /clipNorm = 1e-60/, allowed: /0, or from 1e-10/ },
    ],
    [
      'a rate of a group that becomes infinite',
      () => ({ advanced: { 'lr.norms': 1e300 } }),
      { code: 'BAD_INPUT', found: /learningRateFactors\.norms = 1e\+300/, allowed: /at most 1e6/ },
    ],
    [
      'an epsilon below nothing',
      () => ({ advanced: { epsilon: -1 } }),
      { code: 'BAD_INPUT', found: /epsilon = -1/, allowed: /at least 1e-30/ },
    ],
    [
      'half a step between measurements',
      () => ({ advanced: { evaluateEvery: 0.5 } }),
      { code: 'BAD_INPUT', found: /evaluation\.everySteps = 0\.5/, allowed: /a whole number/ },
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
      // A quarter of four blocks is one, at the end of the one group.
      method: { name: 'expand', plan: { schemaVersion: 1, baseBlocks: 4, inserted: [{ after: 3, copies: 3, position: 4 }] } },
      datasets: [
        { id: tiny.newDataset.id, name: 'code', role: 'new', hash: tiny.newDataset.hash },
        { id: tiny.oldDataset.id, name: 'stories', role: 'old', hash: tiny.oldDataset.hash },
      ],
      replayShare: 0.05,
      replayReason: defaultReplay(null).reason,
      rendering: { completions: 'plain', learn: 'answers' },
      mixture: {
        version: 2,
        weighting: 'size',
        temperature: 1,
        maxRepeats: null,
        schedule: 'constant',
        curve: [
          { at: 0, share: 0.05 },
          { at: 1, share: 0.05 },
        ],
        weights: { [tiny.newDataset.id]: 1, [tiny.oldDataset.id]: 1 },
      },
      steps,
      batch: 8,
      microBatch: 8,
      context: 64,
      packing: 'plain',
      learningRate: 2e-3,
      learningRateFactors: { embeddings: 1, norms: 1, attention: 1, mlp: 1, inserted: 1, adapters: 1 },
      warmup: 0.06,
      schedule: { name: 'cosine' },
      finalLearningRate: 0.1,
      weightDecay: 0.01,
      beta1: 0.9,
      beta2: 0.95,
      epsilon: 1e-8,
      clipNorm: 1,
      seed: 1,
      // A handful of measurements, which are nothing beside the training; a checkpoint in every tenth of it, but not at every breath.
      evaluation: {
        everySteps: expect.any(Number) as number,
        tokens: expect.any(Number) as number,
        tokensAtEnds: expect.any(Number) as number,
        order: 'spread',
      },
      checkpointEverySteps: 10,
      engine: 'auto',
    });
    expect(steps / configuration.evaluation.everySteps).toBeGreaterThanOrEqual(4);
  });

  it('no old data, no replay; a lower rate for weights that know something already', async () => {
    expect((await resolved({ oldDatasets: [] })).configuration).toMatchObject({ replayShare: 0, learningRate: 2e-3 });
    expect((await resolved({ method: 'full' })).configuration).toMatchObject({ method: { name: 'full' }, learningRate: 3e-4 });
    const lora = await resolved({ method: 'lora', rank: 4 });
    expect(lora.configuration).toMatchObject({ method: { name: 'lora', rank: 4, alpha: 8 }, learningRate: 2e-3 });
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
    const course = { schedule: 'wsd', microBatch: 2, packing: 'documents', 'lr.norms': 0.5, 'lr.inserted': 3 } as const;
    expect((await resolved({ advanced: course })).configuration).toMatchObject({
      schedule: { name: 'wsd', decay: 0.2, shape: '1-sqrt' },
      batch: 8,
      microBatch: 2,
      packing: 'documents',
      learningRateFactors: { norms: 0.5, inserted: 3, mlp: 1 },
    });
    const own = { schedule: 'wsd', decay: 0.5, decayShape: 'linear' } as const;
    expect((await resolved({ advanced: own })).configuration.schedule).toEqual({ name: 'wsd', decay: 0.5, shape: 'linear' });
  });
});

describe('the mixture', () => {
  const two = (): Partial<ParsedTrainRequest> => ({ steps: 50, batch: 8, context: 32, replayShare: 0.25 });
  let law: DatasetInfo;
  beforeAll(async () => {
    const path = join(tiny.directory, 'law.jsonl');
    await writeDocuments(
      path,
      storyDocuments(30).map((text) => `Law. ${text}`),
    );
    law = (await tiny.studio.datasets.import({ paths: [path], name: 'law' })).datasets[0]!;
  });

  it('shows each dataset with its share, windows, repeats and time, and the first windows as the run will have them', async () => {
    const changes = { ...two(), oldDatasets: [tiny.oldDataset.id, law.id], shares: { stories: 1, law: 3 } };
    const preview = await tiny.studio.runs.preview(request(changes));
    expect(preview.mixture.map(({ name, share, windows, tokens, shortfall }) => [name, share, windows, tokens, shortfall])).toEqual([
      ['code', 0.75, 300, 9600, 0],
      ['stories', 0.0625, 25, 800, 0],
      ['law', 0.1875, 75, 2400, 0],
    ]);
    const windows = Math.floor(((await trainTokens(law)) - 1) / 32);
    expect(preview.mixture[2]!.epochs).toBeCloseTo(75 / windows, 10);
    expect(preview.mixture[2]!.seconds).toBeCloseTo(preview.time!.seconds * 0.1875, 6);
    const stream = await tiny.studio.runs.stream({ request: request(changes), first: 0, count: 64 });
    expect(preview.stream.map((index) => preview.mixture[index]!.datasetId)).toEqual(stream.map(({ datasetId }) => datasetId));
    const end = await tiny.studio.runs.stream({ request: request(changes), first: 390, count: 64 });
    expect(end.map(({ position }) => position)).toEqual([390, 391, 392, 393, 394, 395, 396, 397, 398, 399]);
    expect((await resolved(changes)).configuration.mixture).toMatchObject({
      weighting: 'manual',
      weights: { [tiny.newDataset.id]: 1, [tiny.oldDataset.id]: 0.25, [law.id]: 0.75 },
    });
  });

  it('replays by shares of all tokens, and over the run as its course says', async () => {
    const { preview } = await resolved({ ...two(), replayShare: undefined, shares: { stories: 0.2 }, replaySchedule: 'falling' });
    expect(preview.replayShare).toBeCloseTo(0.2, 12);
    expect(preview.replayCurve.map(({ at, share }) => [at, Number(share.toFixed(6))])).toEqual([
      [0, 0.4],
      [1, 0],
    ]);
    expect(preview.mixture[1]!.windows).toBe(80);
  });

  it('says why so much is replayed', async () => {
    const said = async (changes: Partial<ParsedTrainRequest>): Promise<unknown> => {
      const { preview, configuration } = await resolved(changes);
      expect(configuration.replayReason).toBe(preview.replayReason);
      return [preview.replayBasis, preview.replayReason];
    };
    expect(await said({})).toEqual(['unmeasured', defaultReplay(null).reason]);
    expect(await said({ replayShare: 0.05 })).toEqual(['chosen', 'As chosen.']);
    expect(await said({ shares: { stories: 0.2 } })).toEqual(['chosen', 'As chosen.']);
    expect(await said({ oldDatasets: [] })).toEqual(['no-old-data', 'No old data, so nothing is replayed.']);
  });

  it('holds a cap on repeats, gives the rest to others of the role and tells the shortfall', async () => {
    const windows = Math.floor(((await trainTokens(law)) - 1) / 32);
    const cap = 150 / windows;
    const both = { ...two(), oldDatasets: [tiny.oldDataset.id, law.id], weights: 'equal' as const, replayShare: 0.9, maxRepeats: cap };
    const { preview } = await resolved(both);
    const held = preview.mixture.find(({ name }) => name === 'law')!;
    expect(held.windows).toBe(Math.floor(windows * cap));
    expect(held.shortfall).toBe((180 - held.windows) * 32);
    expect(preview.mixture.map(({ windows: each }) => each)).toEqual([40, 360 - held.windows, held.windows]);
    const refused = resolved({ ...both, maxRepeats: 0.1 });
    await expect(refused).rejects.toMatchObject({ code: 'BAD_INPUT', found: expect.stringMatching(/are missing/) as string });
  });

  it('once through under a cap of one is possible: the last step does not go beyond the data', async () => {
    const { preview } = await resolved({ maxRepeats: 1, batch: 7, context: 32 });
    expect(preview.mixture[0]!.epochs).toBeLessThanOrEqual(1);
    expect(preview.mixture[0]!.epochs).toBeGreaterThan(0.9);
  });

  it('of a run too long to be counted window by window is told within one window', async () => {
    const { preview } = await resolved({ steps: 2 ** 30, batch: 8, context: 32, replayShare: 0.25 });
    expect(preview.mixture.map(({ windows }) => windows)).toEqual([6 * 2 ** 30, 2 * 2 ** 30]);
  });

  it('that cannot be is refused', async () => {
    await expect(resolved({ shares: { short: 1 } })).rejects.toMatchObject({
      found: 'short',
      allowed: expect.stringMatching(/new or old/) as string,
    });
    await expect(resolved({ replaySchedule: 'sometimes' })).rejects.toMatchObject({ found: 'sometimes' });
    await expect(resolved({ replayShare: 0.8, replaySchedule: 'falling' })).rejects.toMatchObject({
      allowed: expect.stringMatching(/0\.5/) as string,
    });
    await expect(resolved({ weights: 'manual' })).rejects.toMatchObject({ code: 'BAD_INPUT' });
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

  it('says what the method means for the backward pass and the memory', async () => {
    const top = (await resolved({ place: 'top', blocks: 2 })).preview;
    expect(top.placement).toEqual({ blocks: 6, trainedBlocks: 2, backwardBlocks: 2, cacheableBlocks: 4 });
    const lora = (await resolved({ method: 'lora', rank: 2 })).preview;
    expect(lora.placement).toEqual({ blocks: 4, trainedBlocks: 4, backwardBlocks: 4, cacheableBlocks: 0 });
    expect(lora).toMatchObject({ plan: null, totalParameters: tiny.model.parameters + lora.trainableParameters });
    const freeze = (await resolved({ method: 'freeze', trainBlocks: 'top:1' })).preview;
    expect(freeze).toMatchObject({ addedParameters: 0, placement: { cacheableBlocks: 3 } });
    expect(freeze.trainableTensors.every((name) => name.startsWith('model.layers.3.'))).toBe(true);
    expect(top.memory).toMatchObject({ keepsActivations: true, moments: 8 * top.trainableParameters });
    const pieces = (await resolved({ place: 'top', blocks: 2, advanced: { microBatch: 1 } })).preview;
    expect(pieces.memory.activations).toBe(top.memory.activations / 8);
  });

  it('says how long it takes once a run has shown how fast the engine is', async () => {
    const { time } = await tiny.studio.runs.preview(request({ engine: 'wasm' }));
    expect(time).toBeNull();
    expect((await tiny.studio.runs.preview(request()))!.time!.seconds).toBeGreaterThan(0);
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

describe('the replay share that nobody chose', () => {
  const measured = {
    replayShare: 0.25,
    replayBasis: 'measured',
    replayReason: expect.stringMatching(/far apart: .*0\.\d\d.*25 %/) as string,
  };
  const listed = (): Promise<string[]> => readdir(join(tiny.home, 'distances')).catch(() => []);

  it('is 5 % until the distance is measured, and then follows from it, in every later preview', async () => {
    const { runs, dataChecks } = tiny.studio;
    expect(await runs.preview(request())).toMatchObject({ replayShare: 0.05, replayBasis: 'unmeasured' });
    expect(await listed()).toEqual([]);
    const { ngrams } = await dataChecks.distance({ newDatasets: ['code'], oldDatasets: ['stories'] });
    const preview = await runs.preview(request());
    expect(preview).toMatchObject(measured);
    expect(preview.replayReason).toBe(recommendReplay({ ngrams }).reason);
    const before = performance.now();
    await runs.preview(request());
    expect(performance.now() - before).toBeLessThan(200);
    expect(await runs.preview(request({ replayShare: 0.1 }))).toMatchObject({ replayShare: 0.1, replayBasis: 'chosen' });
  });

  it('is measured by whoever wants to know it at once, and then known: so is what cannot be measured', async () => {
    const path = join(tiny.directory, 'few words.jsonl');
    await writeDocuments(path, ['one '.repeat(60), 'two '.repeat(60), 'three '.repeat(60)]);
    const few = (await tiny.studio.datasets.import({ paths: [path] })).datasets[0]!;
    let measurements = 0;
    const ask = (): Promise<TrainPreview> => tiny.studio.runs.preview(request({ oldDatasets: [few.id], context: 8 }), () => measurements++);
    expect(await ask()).toMatchObject({
      replayShare: 0.05,
      replayBasis: 'unmeasurable',
      replayReason: expect.stringMatching(/cannot be measured \(halves of \d+ and \d+ words of new data, \d+ and \d+ of old\)/) as string,
    });
    await ask();
    expect(measurements).toBe(1);
  });

  it('is measured before a run that is started without a look, and stands in its configuration', async () => {
    await rm(join(tiny.home, 'distances'), { recursive: true });
    const { id, configuration } = await tiny.studio.runs.start(request({ steps: 1, engine: 'cpu', context: 8, batch: 1 }));
    await tiny.studio.runs.ended(id);
    const { replayShare, replayReason } = await tiny.studio.runs.preview(request());
    expect(configuration).toMatchObject({ replayShare: 0.25, replayReason });
    expect(replayShare).toBe(0.25);
    tiny.studio.history.remove({ run: id });
  });
});

describe('how documents become tokens', () => {
  let chats: DatasetInfo;
  let questions: DatasetInfo;
  let model: ModelInfo;
  beforeAll(async () => {
    const { studio, directory } = tiny;
    const rows = Array.from({ length: 40 }, (_, index) => ({
      prompt: `Say ${index}${index === 3 ? ' REFUSED' : ''}`,
      completion: `It is ${index} and more.`,
    }));
    const choices = Array.from({ length: 20 }, (_, index) => ({
      question: `Which is number ${index}?`,
      choices: ['this', 'that'],
      answer: index % 2,
    }));
    const write = async (name: string, list: readonly object[]): Promise<DatasetInfo> => {
      const path = join(directory, `${name}.jsonl`);
      await writeFile(path, list.map((row) => JSON.stringify(row) + '\n').join(''));
      return (await studio.datasets.import({ paths: [path], name })).datasets[0]!;
    };
    chats = await write('chats', rows);
    questions = await write('questions', choices);
    const source = join(directory, 'talker');
    await writeTinyModel(source);
    await writeFile(
      join(source, 'chat_template.jinja'),
      `{% for message in messages %}{% if 'REFUSED' in message['content'] %}{{ raise_exception('never that') }}{% endif %}[{{ message['role'] }}] {{ message['content'] }}{% endfor %}`,
    );
    model = await studio.models.import({ path: source });
  });
  const ofChats = (changes: Partial<ParsedTrainRequest> = {}): Partial<ParsedTrainRequest> => ({
    model: model.id,
    newDatasets: [chats.id],
    context: 16,
    replayShare: 0.1,
    ...changes,
  });

  it('is as chosen, stands in the configuration, and gives shards of their own', async () => {
    const plain = await resolved(ofChats());
    const all = await resolved(ofChats({ rendering: { completions: 'plain', learn: 'all' } }));
    const chat = await resolved(ofChats({ rendering: { completions: 'chat', learn: 'answers' } }));
    expect([plain, all, chat].map(({ configuration }) => configuration.rendering)).toEqual([
      { completions: 'plain', learn: 'answers' },
      { completions: 'plain', learn: 'all' },
      { completions: 'chat', learn: 'answers' },
    ]);
    expect(new Set([plain, all, chat].map(({ shards }) => shards[0]!.trainPath)).size).toBe(3);
    const shard = await openTokenShard(chat.shards[0]!.trainPath);
    expect(Buffer.from(shard.read(0, 400).map((id) => Math.min(id, 255))).toString()).toMatch(
      /\[user\] Say \d+\[assistant\] It is \d+ and more\./,
    );
    await shard.close();
  });

  it('tells what the template refuses, before and in the run, and leaves it out', async () => {
    const rendering = { completions: 'chat', learn: 'answers' } as const;
    const warning =
      '1 document of "chats" cannot be used and is left out, document 3: The model\'s chat template refuses a conversation (never that).';
    const asked = request(ofChats({ rendering, steps: 1, engine: 'cpu', batch: 1 }));
    expect((await tiny.studio.runs.preview(asked)).warnings).toEqual([warning]);
    expect((await resolved(ofChats())).preview.warnings).toEqual([]);
    const { id } = await tiny.studio.runs.start(asked);
    await tiny.studio.runs.ended(id);
    const run = tiny.studio.runs.show(id);
    expect(run.warnings.map(({ text }) => text)).toEqual([warning]);
    expect(run.status).toBe('done');
    tiny.studio.history.remove({ run: id });
  });

  it('is nothing for a dataset of questions with choices: it is refused by its name', async () => {
    for (const changes of [{ newDatasets: [questions.id] }, { newDatasets: [chats.id], oldDatasets: [questions.id] }]) {
      await expect(resolved(ofChats(changes))).rejects.toMatchObject({
        code: 'BAD_INPUT',
        message: expect.stringMatching(/"questions" has only questions with choices/) as string,
        found: '20 questions with choices',
      });
    }
  });
});
