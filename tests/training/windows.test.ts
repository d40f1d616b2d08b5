import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTokenShard, trainingWindows, writeTokenShard } from '../../main/datasets/token-shard.ts';
import type { EncodedDocument } from '../../main/datasets/token-shard-writer.ts';
import {
  evaluationWindows,
  heldOutWindows,
  microBatches,
  type RunShards,
  tokensByDataset,
  trainingBatch,
  weightOf,
} from '../../main/training/windows.ts';
import { MixtureStream } from '../../shared/domain/mixture-stream.ts';
import type { MixtureSource } from '../../shared/domain/mixture.ts';
import { prepareTinyTraining, type TinyTraining } from '../support/train-jobs.ts';

const CONTEXT = 32;
let tiny: TinyTraining;
let shards: RunShards[];
beforeAll(async () => {
  tiny = await prepareTinyTraining();
  shards = await Promise.all(
    tiny.job('any').shards.map(async ({ datasetId, role, trainPath, heldOutPath }) => ({
      datasetId,
      role,
      train: await openTokenShard(trainPath),
      heldOut: await openTokenShard(heldOutPath),
    })),
  );
});
afterAll(async () => {
  for (const { train, heldOut } of shards) await Promise.all([train.close(), heldOut.close()]);
  await tiny.remove();
});

/** A mixture with a constant replay share, each role of one dataset. */
const mixtureOf = (sources: readonly MixtureSource[], share: number, seed: number): MixtureStream => {
  const curve = [0, 1].map((at) => ({ at, share }));
  const weights = Object.fromEntries(sources.map(({ datasetId }) => [datasetId, 1]));
  const definition = {
    version: 2 as const,
    weighting: 'size' as const,
    temperature: 1,
    maxRepeats: null,
    schedule: 'constant',
    curve,
    weights,
  };
  return new MixtureStream(sources, definition, 1000, seed);
};

const sourcesOf = (): { datasetId: string; role: 'new' | 'old'; windows: number }[] =>
  shards.map(({ datasetId, role, train }) => ({ datasetId, role, windows: trainingWindows(train.length, CONTEXT) }));

/** Token sequences of a dataset's documents, made by hand: start, bytes, end. */
async function documentsOf(role: 'new' | 'old', heldOut: boolean): Promise<number[][]> {
  const lines = (await readFile(join(tiny.datasets[role], 'documents.jsonl'), 'utf8')).trimEnd().split('\n');
  return lines
    .map((line) => JSON.parse(line) as { content: { text: string }; heldOut: boolean })
    .filter((document) => document.heldOut === heldOut)
    .map(({ content }) => [256, ...Buffer.from(content.text), 257]);
}

async function* streamOf(documents: readonly EncodedDocument[]): AsyncGenerator<EncodedDocument> {
  for (const document of documents) yield await Promise.resolve(document);
}

describe('held-out windows', () => {
  it('hold the held-out documents of their role, in order, and nothing that is trained on', async () => {
    for (const role of ['new', 'old'] as const) {
      const held = (await documentsOf(role, true)).flat();
      const windows = heldOutWindows(shards, role, CONTEXT, 1e9);
      expect(windows.flatMap(({ tokens }) => [...tokens])).toEqual(held);
      expect(windows.slice(0, -1).every(({ tokens }) => tokens.length === CONTEXT)).toBe(true);
      // No document is on both sides, so no held-out window can be in a training window.
      const trained = new Set((await documentsOf(role, false)).map(String));
      expect((await documentsOf(role, true)).filter((document) => trained.has(String(document)))).toEqual([]);
    }
  });

  it('stop once enough tokens are reached, and are the same every time', () => {
    const few = heldOutWindows(shards, 'new', CONTEXT, 100);
    expect(few.map(({ tokens }) => tokens.length)).toEqual([32, 32, 32, 32]);
    expect(heldOutWindows(shards, 'new', CONTEXT, 100)).toEqual(few);
    expect(heldOutWindows(shards, 'new', CONTEXT, 1e9).slice(0, 4)).toEqual(few);
  });

  it('spread over the whole part are the same windows in another order: few of them are of many documents', () => {
    const [code] = shards as [RunShards];
    const all = heldOutWindows([code], 'new', CONTEXT, 1e9);
    const spread = heldOutWindows([code], 'new', CONTEXT, 1e9, 'spread');
    const inOrder = (windows: typeof all): string[] =>
      windows.map(({ tokens, documents }) => `${tokens.join()} ${documents.join()}`).sort();
    expect(inOrder(spread)).toEqual(inOrder(all));
    for (const tokens of [40, 100, 200]) {
      const few = heldOutWindows([code], 'new', CONTEXT, tokens, 'spread');
      expect(spread.slice(0, few.length), 'fewer tokens give the first of more').toEqual(few);
      const places = few.map((window) =>
        all.findIndex((each) => each.documents[0] === window.documents[0] && `${each.tokens}` === `${window.tokens}`),
      );
      places.sort((a, b) => a - b);
      const gaps = places.map((place, index) => (places[index + 1] ?? all.length) - place);
      // As even as halving makes it: no gap is more than twice another, but for what the last power of two leaves.
      expect(Math.max(...gaps)).toBeLessThanOrEqual(2 * Math.ceil(all.length / few.length) + 1);
    }
    const documentsOf = (windows: typeof all): number => new Set(windows.flatMap(({ documents }) => [...documents])).size;
    const [first, apart] = (['first', 'spread'] as const).map((order) => heldOutWindows([code], 'new', CONTEXT, 4 * CONTEXT, order));
    expect(documentsOf(apart!)).toBeGreaterThan(documentsOf(first!));
  });

  it('are taken from several datasets of a role in turn, so that a long one does not drown a short one', () => {
    const [code, stories] = shards as [RunShards, RunShards];
    const both = [code, { ...stories, role: 'new' as const }];
    const windows = heldOutWindows(both, 'new', CONTEXT, 3 * CONTEXT);
    expect(windows.map(({ tokens }) => tokens)).toEqual([
      code.heldOut.read(0, CONTEXT),
      stories.heldOut.read(0, CONTEXT),
      code.heldOut.read(CONTEXT, CONTEXT),
    ]);
  });

  async function withHeldOut(documents: readonly EncodedDocument[], see: (shards: RunShards[]) => void): Promise<void> {
    const path = join(tiny.directory, 'masked.tokens');
    await writeTokenShard(path, streamOf(documents), 300);
    const heldOut = await openTokenShard(path);
    see([{ datasetId: 'masked', role: 'new', train: heldOut, heldOut }]);
    await heldOut.close();
  }

  it('know what is to be learned, and leave windows out in which nothing is', async () => {
    const question = { ids: [1, 2, 3, 4, 5, 6, 7, 8], learned: Uint8Array.of(0, 0, 0, 0, 1, 0, 0, 0) }; // nothing: a window's first is not predicted
    const answer = { ids: [9, 10, 11, 12, 13], learned: Uint8Array.of(0, 0, 1, 1, 1) };
    await withHeldOut([question, answer], (masked) => {
      expect(heldOutWindows(masked, 'new', 4, 1e9)).toEqual([
        { source: 0, tokens: Int32Array.of(9, 10, 11, 12), learned: Uint8Array.of(0, 0, 1, 1), documents: Int32Array.of(1, 1, 1, 1) },
      ]);
    });
    await withHeldOut([question], (masked) => {
      expect(() => heldOutWindows(masked, 'new', 4, 1e9)).toThrow(/data to learn has nothing to measure/);
    });
  });

  it('of a role without datasets are none', () => {
    expect(heldOutWindows(shards.slice(0, 1), 'old', CONTEXT, 1000)).toEqual([]);
  });
});

describe('a training batch', () => {
  it('follows the mixture: each row is a window, each target the token after its input', () => {
    const mixture = mixtureOf(sourcesOf(), 0.3, 5);
    for (const step of [0, 7]) {
      const { batch, time, inputs, targets } = trainingBatch(mixture, shards, { first: step * 4, count: 4 }, CONTEXT, 'plain');
      expect({ batch, time }).toEqual({ batch: 4, time: CONTEXT });
      for (let row = 0; row < 4; row++) {
        const { datasetId, window } = mixture.at(step * 4 + row);
        const { train } = shards.find((shard) => shard.datasetId === datasetId)!;
        const tokens = [...train.read(window * CONTEXT, CONTEXT + 1)];
        expect([...inputs.subarray(row * CONTEXT, (row + 1) * CONTEXT)]).toEqual(tokens.slice(0, -1));
        expect([...targets.subarray(row * CONTEXT, (row + 1) * CONTEXT)]).toEqual(tokens.slice(1));
      }
    }
  });

  it('reads training documents only, and over one pass each of their windows once', async () => {
    const { windows } = sourcesOf()[0]!;
    const mixture = mixtureOf(sourcesOf().slice(0, 1), 0, 5);
    const tokens = (await documentsOf('new', false)).flat();
    const wanted = Array.from({ length: windows }, (_, index) => tokens.slice(index * CONTEXT, (index + 1) * CONTEXT).join());
    const got = Array.from({ length: windows }, (_, step) =>
      trainingBatch(mixture, shards, { first: step, count: 1 }, CONTEXT, 'plain').inputs.join(),
    );
    expect(got.sort()).toEqual(wanted.sort());
  });
});

describe('a batch of documents', () => {
  const DOCUMENTS: EncodedDocument[] = [{ ids: [1, 2, 3] }, { ids: [4, 5, 6, 7], learned: Uint8Array.of(0, 0, 1, 1) }, { ids: [8, 9] }];

  /** Windows of four: [1 2 3 4] -> [2 3 4 5], and [5 6 7 8] -> [6 7 8 9]. */
  async function batchOf(documents: readonly EncodedDocument[], packing: 'plain' | 'documents'): Promise<ReturnType<typeof trainingBatch>> {
    const path = join(tiny.directory, `packed-${packing}.tokens`);
    await writeTokenShard(path, streamOf(documents), 300);
    const train = await openTokenShard(path);
    const packed: RunShards = { datasetId: 'packed', role: 'new', train, heldOut: train };
    const mixture = mixtureOf([{ datasetId: 'packed', role: 'new', windows: trainingWindows(train.length, 4) }], 0, 1);
    const order = [0, 1].sort((a, b) => mixture.at(a).window - mixture.at(b).window);
    const parts = order.map((first) => trainingBatch(mixture, [packed], { first, count: 1 }, 4, packing));
    await train.close();
    const joined = <T extends Int32Array | Float32Array>(pick: (part: (typeof parts)[number]) => T | undefined): number[] =>
      parts.flatMap((part) => [...(pick(part) ?? [])]);
    expect(joined(({ inputs }) => inputs)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(joined(({ targets }) => targets)).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
    const [one, two] = parts as [ReturnType<typeof trainingBatch>, ReturnType<typeof trainingBatch>];
    return {
      ...one,
      ...(one.weights ? { weights: Float32Array.of(...one.weights, ...two.weights!) } : {}),
      ...(one.documents ? { documents: Int32Array.of(...one.documents, ...two.documents!) } : {}),
    };
  }

  it('says which document each token is of, and predicts no token from another document', async () => {
    const { weights, documents } = await batchOf([{ ids: [1, 2, 3] }, { ids: [4, 5, 6, 7] }, { ids: [8, 9] }], 'documents');
    expect([...documents!]).toEqual([0, 0, 0, 1, 0, 0, 0, 1]);
    expect([...weights!]).toEqual([1, 1, 0, 1, 1, 1, 0, 1]);
  });

  it('counts what is to be learned only', async () => {
    expect([...(await batchOf(DOCUMENTS, 'plain')).weights!]).toEqual([1, 1, 0, 0, 1, 1, 1, 1]);
    expect([...(await batchOf(DOCUMENTS, 'documents')).weights!]).toEqual([1, 1, 0, 0, 1, 1, 0, 1]);
  });

  it('has neither weights nor documents where windows are plain and everything is learned', async () => {
    const { weights, documents } = await batchOf([{ ids: [1, 2, 3, 4] }, { ids: [5, 6, 7, 8, 9] }], 'plain');
    expect([weights, documents]).toEqual([undefined, undefined]);
  });

  it('weighs as many targets as count', () => {
    expect(weightOf({ targets: new Int32Array(5) })).toBe(5);
    expect(weightOf({ targets: new Int32Array(5), weights: Float32Array.of(1, 0, 0, 1, 1) })).toBe(3);
  });
});

describe('micro-batches', () => {
  it.each([
    [8, 8, [[16, 8]]],
    [8, 4, [[16, 4], [20, 4]]], // prettier-ignore
    [7, 3, [[14, 3], [17, 3], [20, 1]]], // prettier-ignore
    [3, 1, [[6, 1], [7, 1], [8, 1]]], // prettier-ignore
  ])('of a batch of %i in pieces of %i are the windows of the step, each once', (batch, microBatch, wanted) => {
    expect(microBatches(2, { batch, microBatch }).map(({ first, count }) => [first, count])).toEqual(wanted);
  });
});

describe('tokens by dataset', () => {
  it('are those of the windows that were trained on, to the token', () => {
    const mixture = mixtureOf(sourcesOf(), 0.3, 5);
    for (const windows of [0, 1, 3, 4, 33, 250]) {
      const counted: Record<string, number> = { code: 0, stories: 0 };
      for (let position = 0; position < windows; position++) counted[mixture.at(position).datasetId]! += CONTEXT;
      expect(tokensByDataset(mixture, windows, CONTEXT)).toEqual(counted);
      expect(Math.abs(counted.stories! / CONTEXT - windows * 0.3)).toBeLessThan(1);
    }
  });
});

describe('evaluation windows', () => {
  it.each([
    [10, 4, [4, 4, 2]],
    [8, 4, [4, 4]],
    [9, 4, [4, 4]], // one token alone predicts nothing
    [3, 512, [3]],
    [1, 4, []],
    [0, 4, []],
  ])('of %i tokens in a context of %i have the lengths %j, and none is lost between them', (length, context, wanted) => {
    const tokens = Int32Array.from({ length }, (_, index) => index);
    const windows = evaluationWindows(tokens, context);
    expect(windows.map(({ tokens }) => tokens.length)).toEqual(wanted);
    expect(windows.flatMap(({ tokens }) => [...tokens])).toEqual(
      [...tokens].slice(
        0,
        wanted.reduce((sum, each) => sum + each, 0),
      ),
    );
  });
});
