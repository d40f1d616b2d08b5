import { afterAll, describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import type { Engine } from '../../main/engine/engine.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { cutIntoLanes, laneValues, rowOfBatch } from '../../main/llama/lanes.ts';
import { lossAndGradients, type StepOptions } from '../../main/llama/gradients.ts';
import { type Batch, frozenPrefix, headChunks, hiddenStates } from '../../main/llama/model.ts';
import { tokenLosses } from '../../main/llama/score.ts';
import { disposeLlama, LINEAR_ROLES, type Llama, loadLlama, type LoadOptions, mergedWeight } from '../../main/llama/parameters.ts';
import { HEAD_CHUNK_ELEMENTS } from '../../shared/domain/memory.ts';
import { planExpansion } from '../../shared/domain/plan.ts';
import { engineNames } from '../support/engines.ts';
import { randomIds, randomWeights, readerOf, tinyConfig, variedConfig } from '../support/tiny-llama.ts';

const TIME = 80; // long enough for two stretches
const config = { ...tinyConfig, contextLength: TIME };
const weights = randomWeights(config);
const batchOf = (batch: number, more: Partial<Batch> = {}): Batch => ({
  batch,
  time: TIME,
  inputs: randomIds(config, batch * TIME, 5),
  targets: randomIds(config, batch * TIME, 6),
  ...more,
});

/** Loss and every gradient as plain numbers. */
async function step(engine: Engine, model: Llama, batch: Batch, options: StepOptions = {}): Promise<Map<string, Float32Array>> {
  const { loss, gradients } = lossAndGradients(engine, model, batch, options);
  const values = new Map([['loss', (await engine.read(loss)) as Float32Array]]);
  for (const [name, gradient] of gradients) values.set(name, (await engine.read(gradient)) as Float32Array);
  engine.dispose(loss, ...gradients.values());
  return values;
}

function expectClose(got: Map<string, Float32Array>, wanted: Map<string, Float32Array>, tolerance = 3e-5): void {
  expect([...got.keys()].sort()).toEqual([...wanted.keys()].sort());
  for (const [name, values] of wanted) {
    const size = Math.max(...values.map(Math.abs), 1e-6);
    const difference = Math.max(...values.map((value, index) => Math.abs(value - got.get(name)![index]!)));
    expect(difference / size, name).toBeLessThan(tolerance);
  }
}

describe('lanes', () => {
  it.each([
    [1, 512, 2],
    [1, 40, 8],
    [2, 512, 4],
    [3, 100, 2],
    [5, 64, 4],
    [16, 128, 2],
    [1, 511, 3],
    [8, 256, 2],
    [7, 300, 2],
    [1, 2048, 2],
  ])('of %i windows of %i tokens, %i wanted: every row once', (batch, time, wanted) => {
    const lanes = cutIntoLanes(batch, time, wanted, config);
    const every = Int32Array.from({ length: batch * time }, (_, row) => row);
    const rows = lanes.flatMap((lane) => [...laneValues(every, time, lane)]);
    expect(rows.toSorted((a, b) => a - b)).toEqual([...every]);
    expect(lanes.flatMap((lane) => Array.from({ length: lane.windows * lane.times }, (_, row) => rowOfBatch(lane, time, row)))).toEqual(
      rows,
    );
    expect(lanes.length).toBeGreaterThanOrEqual(Math.min(wanted, Math.floor((batch * time) / 32)));
  });

  it('of many windows are cut by time too, down to 128 positions', () => {
    const lanes = cutIntoLanes(8, 256, 2, config);
    expect(lanes.map(({ firstWindow, windows }) => [firstWindow, windows])).toEqual([
      [0, 4],
      [0, 4],
      [4, 4],
      [4, 4],
    ]);
    expect(cutIntoLanes(8, 128, 2, config).map(({ times }) => times)).toEqual([128, 128]);
  });

  it('are of about equal work: a later stretch looks at more keys and is shorter', () => {
    const lengths = cutIntoLanes(1, 2048, 2, { ...config, heads: 32, keyValueHeads: 8 }).map(({ times }) => times);
    expect(lengths).toEqual(lengths.toSorted((a, b) => b - a));
    expect(lengths[0]).toBeGreaterThan(lengths.at(-1)!);
    expect(lengths.reduce((sum, each) => sum + each, 0)).toBe(2048);
  });
});

describe('pieces of lanes at the head', () => {
  it.each([1, 4])('hold every row once, and no more logits than allowed when they are there %i times', (copies) => {
    const lanes = cutIntoLanes(3, 512, 2, config);
    const chunks = headChunks(lanes, 50_000, copies);
    for (const [index, { windows, times }] of lanes.entries()) {
      const rows = chunks.flatMap((chunk) => Array.from({ length: chunk[index]!.size }, (_, row) => chunk[index]!.begin + row));
      expect(rows).toEqual(Array.from({ length: windows * times }, (_, row) => row));
    }
    for (const chunk of chunks) {
      const rows = chunk.reduce((sum, { size }) => sum + size, 0);
      expect((rows - lanes.length) * 50_000 * copies).toBeLessThanOrEqual(HEAD_CHUNK_ELEMENTS); // each lane's size is rounded
    }
  });
});

describe.each(engineNames)('a step on %s', (engineName) => {
  const open: (() => void)[] = [];
  afterAll(() => open.forEach((close) => close()));

  async function load(options: Partial<LoadOptions>, lanes = '2'): Promise<{ engine: Engine; model: Llama }> {
    const before = process.env.TF_NUM_INTEROP_THREADS;
    process.env.TF_NUM_INTEROP_THREADS = lanes; // from which an engine takes how many lanes it has
    const engine = await loadEngine(engineName, engineDirectory());
    process.env.TF_NUM_INTEROP_THREADS = before;
    const model = await loadLlama(engine, { config, read: readerOf(weights), ...options });
    open.push(() => disposeLlama(model));
    return { engine, model };
  }

  it.skipIf(engineName !== 'tensorflow-cpu')('has the same loss and gradients however many lanes there are', async () => {
    const one = await load({ isTrainable: () => true }, '1');
    const wanted = await step(one.engine, one.model, batchOf(1));
    for (const lanes of ['2', '3']) {
      const { engine, model } = await load({ isTrainable: () => true }, lanes);
      expectClose(await step(engine, model, batchOf(1)), wanted);
    }
    const three = await load({ isTrainable: () => true }, '2');
    expectClose(await step(three.engine, three.model, batchOf(3)), await step(one.engine, one.model, batchOf(3)));
  });

  it.skipIf(engineName !== 'tensorflow-cpu')(
    'looks back from one stretch to another as far as the sliding window reaches, within documents',
    async () => {
      const varied = { ...variedConfig, contextLength: TIME, slidingWindow: 20 };
      const options = { config: varied, read: readerOf(randomWeights(varied)), isTrainable: () => true };
      const documents = Int32Array.from({ length: TIME }, (_, time) => (time < 30 ? 0 : 1));
      const [one, two] = [await load(options, '1'), await load(options, '2')];
      for (const batch of [batchOf(1), batchOf(1, { documents })]) {
        expectClose(await step(two.engine, two.model, batch), await step(one.engine, one.model, batch));
      }
      const whole = await load({ ...options, config: { ...varied, slidingWindow: null } });
      const loss = async ({ engine, model }: typeof one): Promise<number> => (await step(engine, model, batchOf(1))).get('loss')![0]!;
      expect(Math.abs((await loss(whole)) - (await loss(one)))).toBeGreaterThan(1e-4);
      const alone = await load({ ...options, config: { ...varied, slidingWindow: 30 } });
      const first = batchOf(1, { documents });
      // A document of 30 tokens fits into a window of 30: for it the window changes nothing.
      const weights = Float32Array.from({ length: TIME }, (_, time) => (time < 30 ? 1 : 0));
      const [windowed, open] = [
        await step(alone.engine, alone.model, { ...first, weights }),
        await step(whole.engine, whole.model, { ...first, weights }),
      ];
      expectClose(windowed, open);
    },
  );

  // Plain JavaScript takes a minute for it, one lane after the other, as the engine before it does.
  it.skipIf(engineName === 'cpu')('gives many long windows, which are cut by time too, what each has alone', async () => {
    const [windows, time] = [5, 256];
    const long = { ...config, contextLength: time };
    const { engine, model } = await load({ config: long, isTrainable: () => true });
    expect(cutIntoLanes(windows, time, engine.lanes, long).some((lane) => lane.windows > 1 && lane.times < time)).toBe(true);
    const documents = Int32Array.from({ length: windows * time }, (_, index) => Math.floor((index % time) / 100));
    const ids = { inputs: randomIds(config, windows * time, 7), targets: randomIds(config, windows * time, 8), documents };
    const alone = Array.from({ length: windows }, (_, window): Batch => {
      const part = (values: Int32Array): Int32Array => values.slice(window * time, (window + 1) * time);
      return { batch: 1, time, inputs: part(ids.inputs), targets: part(ids.targets), documents: part(documents) };
    });
    const together: Batch = { batch: windows, time, ...ids };

    const losses = await Promise.all(alone.map((batch) => tokenLosses(engine, model, batch)));
    expectClose(
      new Map([['losses', await tokenLosses(engine, model, together)]]),
      new Map([['losses', Float32Array.from(losses.flatMap((each) => [...each]))]]),
    );
    const hidden = async (batch: Batch): Promise<Float32Array> => (await engine.read(hiddenStates(engine, model, batch))) as Float32Array;
    const plain = { batch: windows, time, inputs: ids.inputs, targets: ids.targets };
    const wantedHidden = await Promise.all(alone.map(({ inputs, targets }) => hidden({ batch: 1, time, inputs, targets })));
    expectClose(
      new Map([['hidden', await hidden(plain)]]),
      new Map([['hidden', Float32Array.from(wantedHidden.flatMap((each) => [...each]))]]),
    );

    const sums = new Map<string, Float32Array>();
    for (const batch of alone) {
      for (const [name, values] of await step(engine, model, batch, { totalWeight: windows * time })) {
        sums.set(
          name,
          values.map((value, index) => value + (sums.get(name)?.[index] ?? 0)),
        );
      }
    }
    expectClose(await step(engine, model, together), sums, 1e-4);
  });

  it('is the same to the last bit with activations computed twice, and with the frozen blocks left out', async () => {
    const plan = planExpansion(config.blocks, 1, 'top');
    const { engine, model } = await load({ plan, isTrainable: (_, isInserted) => isInserted });
    const batch = batchOf(2);
    const wanted = await step(engine, model, batch);
    expect(await step(engine, model, batch, { recomputes: true })).toEqual(wanted);
    const prefix = frozenPrefix(engine, model, batch);
    expect(await step(engine, model, batch, { prefix })).toEqual(wanted);
    expect(await step(engine, model, batch, { prefix, recomputes: true })).toEqual(wanted);
    engine.dispose(...prefix);
  });

  it('frees everything but loss and gradients, with and without a prefix', async () => {
    const { engine, model } = await load({ isTrainable: (name) => name.includes('layers.2') });
    const batch = batchOf(1);
    await step(engine, model, batch); // keeps angles and masks
    const before = engine.liveTensors();
    await step(engine, model, batch);
    await step(engine, model, batch, { recomputes: true });
    expect(engine.liveTensors()).toBe(before);
    const prefix = frozenPrefix(engine, model, batch);
    await step(engine, model, batch, { prefix });
    engine.dispose(...prefix);
    expect(engine.liveTensors()).toBe(before);
  });

  it('weights its targets: the loss is their weighted mean, and parts of a step add up', async () => {
    const { engine, model } = await load({ isTrainable: (name) => name.includes('layers.1') });
    const mask = Float32Array.from({ length: 2 * TIME }, (_, index) => (index % 3 === 0 ? 0 : index % 2 === 0 ? 1 : 0.5));
    const total = mask.reduce((sum, weight) => sum + weight, 0);
    const whole = batchOf(2, { weights: mask });
    const losses = await tokenLosses(engine, model, batchOf(2));
    const mean = losses.reduce((sum, loss, index) => sum + loss * mask[index]!, 0) / total;
    const wanted = await step(engine, model, whole);
    expect(wanted.get('loss')![0]).toBeCloseTo(mean, 5);
    const half = (row: number): Batch => ({
      batch: 1,
      time: TIME,
      inputs: whole.inputs.slice(row * TIME, (row + 1) * TIME),
      targets: whole.targets.slice(row * TIME, (row + 1) * TIME),
      weights: mask.slice(row * TIME, (row + 1) * TIME),
    });
    const [first, second] = [
      await step(engine, model, half(0), { totalWeight: total }),
      await step(engine, model, half(1), { totalWeight: total }),
    ];
    expectClose(
      new Map([...first].map(([name, values]) => [name, values.map((value, index) => value + second.get(name)![index]!)])),
      wanted,
    );
  });

  it('keeps attention inside documents: the same as each document in a window of its own', async () => {
    const { engine, model } = await load({ isTrainable: () => true });
    const [cut, total] = [34, TIME];
    const documents = Int32Array.from({ length: TIME }, (_, time) => (time < cut ? 0 : 1));
    const packed = batchOf(1, { documents });
    const part = (begin: number, end: number): Batch => ({
      batch: 1,
      time: end - begin,
      inputs: packed.inputs.slice(begin, end),
      targets: packed.targets.slice(begin, end),
    });
    const [first, second] = [
      await step(engine, model, part(0, cut), { totalWeight: total }),
      await step(engine, model, part(cut, TIME), { totalWeight: total }),
    ];
    const sums = new Map([...first].map(([name, values]) => [name, values.map((value, index) => value + second.get(name)![index]!)]));
    expectClose(await step(engine, model, packed), sums, 1e-4);
    const plain = await step(engine, model, batchOf(1));
    expect(Math.abs(plain.get('loss')![0]! - sums.get('loss')![0]!)).toBeGreaterThan(1e-4);
  });

  it('gives an adapter the gradients that follow from those of its merged matrix', async () => {
    const [rank, alpha] = [2, 6];
    const { engine, model } = await load({ lora: { rank, alpha, targets: LINEAR_ROLES, seed: 3 } });
    const random = randomWeights(config, 9);
    for (const [index, block] of model.blocks.entries()) {
      for (const role of LINEAR_ROLES) {
        // B starts at zero, where its product with A would hide a mistake.
        const { b } = block[role].adapter!;
        const values = random
          .get(block[role].name)!
          .slice(0, b.shape[0]! * rank)
          .map((value) => value * 0.1 + index * 0.01);
        engine.scope(() => b.variable!.assign(engine.tensor(values, b.shape)));
      }
    }
    const merged = new Map(weights);
    const factors = new Map<string, { a: Float32Array; b: Float32Array }>();
    for (const block of model.blocks) {
      for (const role of LINEAR_ROLES) {
        const sum = mergedWeight(engine, block[role]);
        merged.set(block[role].name, (await engine.read(sum)) as Float32Array);
        const [a, b] = engine.scope(() => [engine.keep(block[role].adapter!.a.value()), engine.keep(block[role].adapter!.b.value())]);
        factors.set(block[role].name, { a: (await engine.read(a!)) as Float32Array, b: (await engine.read(b!)) as Float32Array });
        engine.dispose(sum, a!, b!);
      }
    }
    const full = await load({ read: readerOf(merged), isTrainable: () => true });
    const wanted = await step(full.engine, full.model, batchOf(1));
    const got = await step(engine, model, batchOf(1));
    expect(got.get('loss')![0]).toBeCloseTo(wanted.get('loss')![0]!, 4);
    for (const [name, { a, b }] of factors) {
      const dW = wanted.get(name)!; // [out, in]
      const [out, width] = [b.length / rank, a.length / rank];
      const at = (r: number, c: number): number => dW[r * width + c]!;
      const dA = Float32Array.from(
        { length: a.length },
        (_, i) => sumOver(out, (o) => b[o * rank + Math.floor(i / width)]! * at(o, i % width)) * (alpha / rank),
      );
      const dB = Float32Array.from(
        { length: b.length },
        (_, i) => sumOver(width, (c) => at(Math.floor(i / rank), c) * a[(i % rank) * width + c]!) * (alpha / rank),
      );
      const stem = name.replace(/weight$/, '');
      const only = (key: string, values: Float32Array): Map<string, Float32Array> => new Map([[key, values]]);
      for (const [key, values] of [
        [`${stem}lora_A.weight`, dA],
        [`${stem}lora_B.weight`, dB],
      ] as const) {
        expectClose(only(key, got.get(key)!), only(key, values), 2e-4);
      }
    }
  });
});

function sumOver(count: number, value: (index: number) => number): number {
  let sum = 0;
  for (let index = 0; index < count; index++) sum += value(index);
  return sum;
}
