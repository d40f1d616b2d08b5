import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildTokenShards } from '../../main/datasets/token-shard.ts';
import { readExpansionFile } from '../../main/models/expansion/expansion-file.ts';
import { modelHash } from '../../main/models/model-folder.ts';
import { loadTokenizer } from '../../main/models/tokenizer.ts';
import type { TrainerEvent, TrainJob } from '../../main/training/messages.ts';
import { plainTextOf } from '../../shared/domain/content.ts';
import type { Expansion } from '../../shared/domain/expansion.ts';
import { planExpansion } from '../../shared/domain/plan.ts';
import { StrataError } from '../../shared/errors.ts';
import { engineNames } from '../support/engines.ts';
import { referenceLoss } from '../support/reference-llama.ts';
import { randomWeights, shapesOf } from '../support/tiny-llama.ts';
import {
  after,
  measurementsOf,
  prepareTinyTraining,
  tensorBytes,
  type TinyTraining,
  trainHere,
  weightsFile,
} from '../support/train-jobs.ts';
import { byteModelConfig, writeTinyModel } from '../support/workspace.ts';

let tiny: TinyTraining;
let whole: Awaited<ReturnType<typeof trainHere>>;
let wholeJob: TrainJob;
beforeAll(async () => {
  tiny = await prepareTinyTraining();
  wholeJob = tiny.job('whole');
  whole = await trainHere(wholeJob);
});
afterAll(() => tiny.remove());

/** The error that a training ends with. */
async function failureOf(job: TrainJob): Promise<StrataError> {
  const outcome: unknown = await trainHere(job).catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(StrataError);
  return outcome as StrataError;
}

/** Tokens of the held-out documents, made by hand: start, bytes, end, document after document. */
async function heldOutTokens(dataset: string): Promise<number[]> {
  const lines = (await readFile(join(dataset, 'documents.jsonl'), 'utf8')).trimEnd().split('\n');
  return lines
    .map((line) => JSON.parse(line) as { content: { text: string }; heldOut: boolean })
    .filter(({ heldOut }) => heldOut)
    .flatMap(({ content }) => [256, ...Buffer.from(content.text), 257]);
}

/** Mean loss of a plain LLaMA on the first tokens, in whole windows. */
function lossByReference(weights: ReadonlyMap<string, Float32Array>, tokens: readonly number[], windows: number): number {
  const cuts = Array.from({ length: windows }, (_, index) => tokens.slice(index * 32, (index + 1) * 32));
  return tf.tidy(() => {
    const shapes = shapesOf(byteModelConfig);
    const tensors = Object.fromEntries([...weights].map(([name, values]) => [name, tf.tensor(values, shapes.get(name))]));
    const inputs = cuts.map((cut) => cut.slice(0, -1));
    const targets = cuts.map((cut) => cut.slice(1));
    return referenceLoss(byteModelConfig, tensors, inputs, targets).dataSync()[0]!;
  });
}

describe('a whole run', () => {
  it('measures the base before step 1, on held-out text of both roles, as a plain LLaMA does', async () => {
    const baseline = whole.events.find((event) => event.type === 'baseline')!.evaluation;
    // 300 tokens are asked for: the tenth window of 32 goes past them.
    const wanted = { new: tiny.datasets.new, old: tiny.datasets.old };
    for (const role of ['new', 'old'] as const) {
      expect(baseline[role]!.tokens).toBe(10 * 31);
      const loss = lossByReference(randomWeights(byteModelConfig), await heldOutTokens(wanted[role]), 10);
      expect(Math.abs(baseline[role]!.loss - loss), role).toBeLessThan(1e-4);
    }
    expect(baseline.drift).toBeNull();
    const types = whole.events.map(({ type }) => type);
    expect(types.indexOf('baseline')).toBeLessThan(types.indexOf('progress'));
  });

  it('proves identity, and says exactly which tensors it trains', () => {
    const prepared = whole.events.find((event) => event.type === 'prepared')!;
    const perBlock = 9;
    expect(prepared).toMatchObject({ identityDifference: 0, step: 0, trainableParameters: 2 * 2336, addedParameters: 2 * 2336 });
    expect(prepared.trainableTensors).toHaveLength(2 * perBlock);
    expect(prepared.trainableTensors.every((name) => /^model\.layers\.(2|5)\./.test(name))).toBe(true);
  });

  it('measures every step once and both losses every third step and at the end', () => {
    const keys = Object.keys(measurementsOf(whole.events));
    for (const series of ['loss.train', 'learningRate', 'gradientNorm']) {
      expect(
        keys.filter((key) => key.endsWith(` ${series}`)),
        series,
      ).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((step) => `${step} ${series}`));
    }
    for (const series of ['loss.new', 'loss.old', 'drift']) {
      expect(
        keys.filter((key) => key.endsWith(` ${series}`)),
        series,
      ).toEqual([3, 6, 8].map((step) => `${step} ${series}`));
    }
    expect(whole.events.flatMap((event) => (event.type === 'checkpoint' ? [event.step] : []))).toEqual([3, 6, 8]);
  });

  it('counts tokens exactly: the replay share holds to the window', () => {
    const windows = 8 * 4;
    const old = Math.floor(windows * 0.3);
    expect(whole.result).toMatchObject({
      outcome: 'done',
      saved: true,
      stepsDone: 8,
      tokens: { total: windows * 32, byDataset: { code: (windows - old) * 32, stories: old * 32 } },
    });
  });

  it('learns: the loss on new falls, and the model drifts from its base', () => {
    const baseline = whole.events.find((event) => event.type === 'baseline')!.evaluation;
    expect(baseline.new.loss - whole.result.final!.new.loss).toBeGreaterThan(0.05);
    expect(whole.result.final!.drift).toBeGreaterThan(0);
  });

  it('saves a model whose old tensors are the base’s byte for byte, and whose inserted ones are all trained', async () => {
    const [base, trained] = [
      await tensorBytes(join(tiny.sources.model, 'model.safetensors')),
      await tensorBytes(join(wholeJob.modelDirectory, 'model.safetensors')),
    ];
    // Two copies in four blocks, evenly: after 1 and after 3.
    const sources = ['0', '1', null, '2', '3', null];
    expect(trained.size).toBe(base.size + 2 * 9);
    for (const [name, bytes] of trained) {
      const position = /layers\.(\d+)/.exec(name)?.[1];
      const source = position === undefined ? name : sources[Number(position)];
      if (source === null) continue;
      expect(bytes.equals(base.get(position === undefined ? name : name.replace(/layers\.\d+/, `layers.${source}`))!), name).toBe(true);
    }
    for (const [position, copied] of [
      [2, 1],
      [5, 3],
    ] as const) {
      const names = [...trained.keys()].filter((name) => name.includes(`layers.${position}.`));
      expect(names).toHaveLength(9);
      for (const name of names) {
        const before = base.get(name.replace(`layers.${position}`, `layers.${copied}`))!;
        const isZeroed = /o_proj|down_proj/.test(name);
        expect(trained.get(name)!.equals(isZeroed ? Buffer.alloc(before.length) : before), name).toBe(false);
      }
    }
  });

  it('saves plan, outcome and tokenizer with the model', async () => {
    const expansion = JSON.parse(await readFile(join(wholeJob.modelDirectory, 'expansion.json'), 'utf8')) as Expansion;
    const baseline = whole.events.find((event) => event.type === 'baseline')!.evaluation;
    const final = whole.result.final!;
    const { total, byDataset } = whole.result.tokens;
    const base = { name: 'tiny', hash: wholeJob.configuration.baseModel.hash };
    expect(expansion).toEqual({
      schemaVersion: 3,
      base,
      line: [
        {
          id: null,
          name: null,
          base,
          method: { name: 'expand', plan: planExpansion(4, 2, 'even') },
          importance: null,
          training: {
            run: null,
            datasets: wholeJob.configuration.datasets.map(({ id, name, role, hash }) => {
              const tokens = byDataset[id]!;
              return { name, role, hash, tokens, share: tokens / total };
            }),
            replayShare: 0.3,
            steps: 8,
            tokens: total,
            gain: baseline.new.loss - final.new.loss,
            forgetting: final.old!.loss - baseline.old!.loss,
          },
        },
      ],
      frozen: expect.anything() as object,
      changed: expect.anything() as object,
    });
    // What was frozen is what the base has, and nothing of the new blocks.
    const base32 = await tensorBytes(join(tiny.sources.model, 'model.safetensors'));
    expect(Object.values(expansion.frozen!).sort()).toEqual(
      [...base32.values()].map((bytes) => `F32 ${createHash('sha256').update(bytes).digest('hex')}`).sort(),
    );
    expect(Object.keys(expansion.frozen!).filter((name) => /layers\.(2|5)\./.test(name))).toEqual([]);
    const written = await tensorBytes(join(wholeJob.modelDirectory, 'model.safetensors'));
    for (const [name, hash] of Object.entries(expansion.changed!)) {
      expect(hash, name).toBe(`F32 ${createHash('sha256').update(written.get(name)!).digest('hex')}`);
    }
    expect(Object.keys(expansion.changed!)).toHaveLength(18);
    const config = JSON.parse(await readFile(join(wholeJob.modelDirectory, 'config.json'), 'utf8')) as Record<string, unknown>;
    expect(config).toMatchObject({ num_hidden_layers: 6, vocab_size: 258, torch_dtype: 'float32' });
    for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
      expect(await readFile(join(wholeJob.modelDirectory, name))).toEqual(await readFile(join(tiny.sources.model, name)));
    }
  });

  it('is the same to the last bit when it is done again, and leaves the base as it was', async () => {
    const again = tiny.job('again');
    const { events } = await trainHere(again);
    expect((await weightsFile(again)).equals(await weightsFile(wholeJob))).toBe(true);
    expect(measurementsOf(events)).toEqual(measurementsOf(whole.events));
    expect(await modelHash(tiny.sources.model)).toBe(wholeJob.configuration.baseModel.hash);
    const other = tiny.job('other-seed', { seed: 2 });
    await trainHere(other);
    expect((await weightsFile(other)).equals(await weightsFile(wholeJob))).toBe(false);
  });
});

describe('a run that was ended and resumed', () => {
  it.each(['pause', 'interrupt'] as const)('after %s equals one that was not, in every weight and measurement', async (control) => {
    const job = tiny.job(`resumed after ${control}`);
    const outcome = control === 'pause' ? 'paused' : 'interrupted';
    const first = await trainHere(
      job,
      after(({ type }) => type === 'prepared', control),
    );
    expect(first.result).toMatchObject({ outcome, stepsDone: 0, saved: false, final: null });
    const second = await trainHere(
      job,
      after((event) => event.type === 'progress' && event.step === 1, control),
    );
    expect(second.result).toMatchObject({ outcome, stepsDone: 1 });
    expect(existsSync(job.modelDirectory)).toBe(false);
    const third = await trainHere(
      job,
      after((event) => event.type === 'evaluation' && event.step === 6, control),
    );
    expect(third.result).toMatchObject({ outcome, stepsDone: 6 });
    const last = await trainHere(job);
    expect(last.result).toMatchObject({ outcome: 'done', stepsDone: 8, tokens: whole.result.tokens, final: whole.result.final });

    expect((await weightsFile(job)).equals(await weightsFile(wholeJob))).toBe(true);
    const events = [first, second, third, last].flatMap((session) => session.events);
    expect(measurementsOf(events)).toEqual(measurementsOf(whole.events));
    // Measured and proved once, before step 1; later sessions repeat it, and say from where they go on.
    const baselines = events.filter((event) => event.type === 'baseline').map(({ evaluation }) => evaluation);
    expect(baselines).toEqual([1, 2, 3, 4].map(() => baselines[0]));
    expect(events.filter((event) => event.type === 'activity' && event.text === 'measuring the base')).toHaveLength(1);
    expect(events.flatMap((event) => (event.type === 'prepared' ? [[event.step, event.identityDifference]] : []))).toEqual([
      [0, 0],
      [0, 0],
      [1, 0],
      [6, 0],
    ]);
    expect(last.result.seconds).toBeGreaterThan(third.result.seconds);
  });

  it('trains every weight: the same holds for the method full, which moves all of them and adds none', async () => {
    const full = { method: { name: 'full' as const }, learningRate: 1e-3 };
    const [once, twice] = [tiny.job('full', full), tiny.job('full-resumed', full)];
    const { result, events } = await trainHere(once);
    const paused = await trainHere(
      twice,
      after((event) => event.type === 'evaluation' && event.step === 3, 'pause'),
    );
    expect(paused.result).toMatchObject({ outcome: 'paused', stepsDone: 3 });
    await trainHere(twice);
    expect((await weightsFile(twice)).equals(await weightsFile(once))).toBe(true);

    const [base, trained] = [
      await tensorBytes(join(tiny.sources.model, 'model.safetensors')),
      await tensorBytes(join(once.modelDirectory, 'model.safetensors')),
    ];
    expect([...trained.keys()].sort()).toEqual([...base.keys()].sort());
    for (const [name, bytes] of trained) expect(bytes.equals(base.get(name)!), name).toBe(false);
    const prepared = events.find((event) => event.type === 'prepared')!;
    expect(prepared).toMatchObject({ addedParameters: 0, identityDifference: null });
    expect(prepared.trainableTensors).toHaveLength(base.size);
    expect(result.final!.drift).toBeGreaterThan(0); // against a frozen copy of the base
    expect(await readExpansionFile(once.modelDirectory)).toMatchObject({
      line: [{ method: { name: 'full' }, training: { steps: 8 } }],
      frozen: {},
    });
  });

  it('trains low-rank adapters, merges them into the matrices that carry them, and saves them as peft does', async () => {
    const lora = { method: { name: 'lora' as const, rank: 3, alpha: 6, targets: ['q_proj' as const, 'down_proj' as const] } };
    const [once, twice] = [tiny.job('lora', lora), tiny.job('lora-resumed', lora)];
    const { result, events } = await trainHere(once);
    await trainHere(
      twice,
      after((event) => event.type === 'evaluation' && event.step === 3, 'pause'),
    );
    await trainHere(twice);
    expect((await weightsFile(twice)).equals(await weightsFile(once))).toBe(true);
    const prepared = events.find((event) => event.type === 'prepared')!;
    expect(prepared).toMatchObject({ identityDifference: 0, trainableParameters: 4 * 3 * (16 + 16 + 32 + 16) });
    expect(prepared.addedParameters).toBe(prepared.trainableParameters);
    expect(result.final!.new.loss).toBeLessThan(events.find((event) => event.type === 'baseline')!.evaluation.new.loss);

    const base = await tensorBytes(join(tiny.sources.model, 'model.safetensors'));
    const merged = await tensorBytes(join(once.modelDirectory, 'model.safetensors'));
    const adapter = await tensorBytes(join(once.modelDirectory, 'adapter/adapter_model.safetensors'));
    expect([...merged.keys()]).toEqual([...base.keys()]);
    expect(adapter.size).toBe(4 * 2 * 2);
    for (const [name, bytes] of merged) {
      const stem = `base_model.model.${name.replace(/weight$/, '')}`;
      const [a, b] = [adapter.get(`${stem}lora_A.weight`), adapter.get(`${stem}lora_B.weight`)];
      expect(a !== undefined).toBe(/q_proj|down_proj/.test(name));
      if (!a || !b) expect(bytes.equals(base.get(name)!), name).toBe(true);
      else expectMerged(floatsOf(bytes), floatsOf(base.get(name)!), floatsOf(a), floatsOf(b), { rank: 3, scale: 2 });
    }
    expect(JSON.parse(await readFile(join(once.modelDirectory, 'adapter/adapter_config.json'), 'utf8'))).toMatchObject({
      peft_type: 'LORA',
      task_type: 'CAUSAL_LM',
      r: 3,
      lora_alpha: 6,
      target_modules: ['q_proj', 'down_proj'],
    });
    expect(await readExpansionFile(once.modelDirectory)).toMatchObject({ line: [{ method: lora.method }] });
  });

  it('trains chosen blocks and leaves every other tensor as it was, byte by byte', async () => {
    const job = tiny.job('freeze', { method: { name: 'freeze', blocks: [1, 3] }, learningRate: 1e-3 });
    const { result, events } = await trainHere(job);
    const base = await tensorBytes(join(tiny.sources.model, 'model.safetensors'));
    const trained = await tensorBytes(join(job.modelDirectory, 'model.safetensors'));
    for (const [name, bytes] of trained) expect(bytes.equals(base.get(name)!), name).toBe(!/layers\.[13]\./.test(name));
    const prepared = events.find((event) => event.type === 'prepared')!;
    expect(prepared).toMatchObject({ addedParameters: 0, identityDifference: null });
    expect(prepared.trainableTensors).toHaveLength(2 * 9);
    expect(result.final!.drift).toBeGreaterThan(0); // against a frozen copy of the base
  });

  it('in micro-batches takes the same steps as all windows at once, but for rounding', async () => {
    const job = tiny.job('micro', { microBatch: 3 }); // of 4: the last one is smaller
    const { events } = await trainHere(job);
    const [pieces, once] = [measurementsOf(events), measurementsOf(whole.events)];
    expect(Object.keys(pieces)).toEqual(Object.keys(once));
    for (const [point, value] of Object.entries(once)) expect(pieces[point], point).toBeCloseTo(value, 3);
  });

  it('with attention inside documents learns other weights than from plain windows', async () => {
    const { events } = await trainHere(tiny.job('documents', { packing: 'documents' }));
    const loss = (all: readonly TrainerEvent[]): number => measurementsOf(all)['1 loss.train']!;
    expect(loss(events)).not.toBeCloseTo(loss(whole.events), 3);
  });

  it('with a learning rate of 0 for a group leaves its tensors as they were copied', async () => {
    const job = tiny.job('still-attention', {
      learningRateFactors: { embeddings: 1, norms: 1, attention: 0, mlp: 1, inserted: 1, adapters: 1 },
    });
    await trainHere(job);
    const base = await tensorBytes(join(tiny.sources.model, 'model.safetensors'));
    const trained = await tensorBytes(join(job.modelDirectory, 'model.safetensors'));
    const inserted = trained.get('model.layers.2.self_attn.q_proj.weight')!;
    expect(inserted.equals(base.get('model.layers.1.self_attn.q_proj.weight')!)).toBe(true);
    expect(trained.get('model.layers.2.mlp.down_proj.weight')!.every((byte) => byte === 0)).toBe(false);
  });

  it.each(engineNames.slice(1))('equals an uninterrupted one on the engine %s, too', async (engine) => {
    const small = { engine, steps: 4, batch: 1, context: 16, evaluation: { everySteps: 100, tokens: 32 } };
    const [once, twice] = [tiny.job(`${engine}-once`, small), tiny.job(`${engine}-twice`, small)];
    await trainHere(once);
    await trainHere(
      twice,
      after((event) => event.type === 'checkpoint' && event.step === 3, 'pause'),
    );
    expect((await trainHere(twice)).events.find((event) => event.type === 'prepared')!.step).toBe(3);
    expect((await weightsFile(twice)).equals(await weightsFile(once))).toBe(true);
  });

  it('equals an uninterrupted one also where several threads share a matrix', async () => {
    const config = { ...byteModelConfig, hiddenSize: 128, intermediateSize: 512, heads: 8, keyValueHeads: 4, headSize: 16, blocks: 2 };
    const directory = join(tiny.directory, 'bases', 'wide');
    await writeTinyModel(directory, { config });
    const wide = {
      method: { name: 'expand' as const, plan: planExpansion(2, 1, 'top') },
      batch: 16,
      microBatch: 16,
      context: 64,
      steps: 5,
      evaluation: { everySteps: 100, tokens: 64 },
    };
    const [once, twice] = ['once', 'twice'].map((name) => ({ ...tiny.job(`wide-${name}`, wide), baseModelDirectory: directory })) as [
      TrainJob,
      TrainJob,
    ];
    await trainHere(once);
    await trainHere(
      twice,
      after((event) => event.type === 'checkpoint' && event.step === 3, 'pause'),
    );
    await trainHere(twice);
    expect((await weightsFile(twice)).equals(await weightsFile(once))).toBe(true);
  });
});

describe('a run that is stopped', () => {
  it('measures and keeps what was learned so far', async () => {
    const isTime = (event: { type: string; step?: number }): boolean => event.type === 'evaluation' && event.step === 3;
    const [stopped, paused] = [tiny.job('stopped'), tiny.job('paused')];
    const { result, events } = await trainHere(stopped, after(isTime, 'stop'));
    await trainHere(paused, after(isTime, 'pause'));
    expect(result).toMatchObject({ outcome: 'stopped', saved: true, stepsDone: 3, tokens: { total: 3 * 4 * 32 } });
    const { evaluation } = events.findLast((event) => event.type === 'evaluation')!;
    expect(evaluation).toEqual(result.final);
    // The weights at that step are those of a checkpoint at that step.
    const [saved, checkpoint] = [
      await tensorBytes(join(stopped.modelDirectory, 'model.safetensors')),
      await tensorBytes(join(paused.runDirectory, 'checkpoint', 'tensors.safetensors')),
    ];
    const trained = [...checkpoint.keys()].filter((name) => !/\.(first|second)$/.test(name));
    expect(trained).toHaveLength(18);
    for (const name of trained) expect(saved.get(name)!.equals(checkpoint.get(name)!), name).toBe(true);
  });

  it('before its first step keeps the identity that it was', async () => {
    const job = tiny.job('stopped-at-once');
    const { result, events } = await trainHere(
      job,
      after(({ type }) => type === 'prepared', 'stop'),
    );
    const baseline = events.find((event) => event.type === 'baseline')!.evaluation;
    expect(result).toMatchObject({ outcome: 'stopped', stepsDone: 0, saved: true, tokens: { total: 0 } });
    const itself = { agreement: { value: 1, error: 0 }, drift: { value: 0, error: 0 }, shift: { unshifted: 1, marginal: 0, shifted: 0 } };
    expect(result.final).toEqual({ ...baseline, drift: 0, datasets: baseline.datasets!.map((measure) => ({ ...measure, ...itself })) });
  });
});

describe('a run that cannot be trained', () => {
  /** A job on a base of its own, whose weights were changed by name. */
  async function jobOn(name: string, change: (weights: Map<string, Float32Array>) => void): Promise<TrainJob> {
    const weights = randomWeights(byteModelConfig);
    change(weights);
    const directory = join(tiny.directory, 'bases', name);
    await writeTinyModel(directory, { weights });
    return { ...tiny.job(name), baseModelDirectory: directory };
  }

  async function expectNothingLeft({ runDirectory, modelDirectory }: TrainJob): Promise<void> {
    expect(existsSync(runDirectory)).toBe(false);
    const models = await readdir(join(modelDirectory, '..'));
    expect(models.filter((name) => modelDirectory.endsWith(name) || name.endsWith('.partial'))).toEqual([]);
  }

  it.each([
    ['NaN', NaN],
    ['infinite', Infinity],
  ])('because a weight of its base is %s says which, before step 1', async (name, value) => {
    const job = await jobOn(
      name,
      (weights) => (weights.get('model.layers.1.mlp.down_proj.weight')![byteModelConfig.intermediateSize + 7] = value),
    );
    const error = await failureOf(job);
    expect(error).toMatchObject({ code: 'DIVERGED', exitCode: 1, message: 'A held-out loss could not be measured before step 1.' });
    const elements = byteModelConfig.intermediateSize * byteModelConfig.hiddenSize;
    expect(error.found).toMatch(/^loss on new code NaN/);
    expect(error.found).toContain(
      `the weight model.layers.1.mlp.down_proj.weight holds ${value} in 1 of ${elements} values, the first at [1, 7]`,
    );
    expect(error.hint).toMatch(/The base itself.*import it again/);
    await expectNothingLeft(job);
  });

  it('because a weight that only its training text needs is infinite says which, at the step that needs it', async () => {
    const rare = 1; // a byte that no document has
    const job = await jobOn('rare', (weights) => (weights.get('model.embed_tokens.weight')![rare * byteModelConfig.hiddenSize] = Infinity));
    const tokenizer = await loadTokenizer(tiny.sources.model);
    const { trainPath } = await buildTokenShards(tiny.datasets.new, {
      hash: 'rare tokens now and then',
      vocabularySize: tokenizer.vocabularySize,
      encode: (content) => ({
        ids: tokenizer.encodeDocument(plainTextOf(content)).map((token, index) => (index % 50 === 49 ? rare : token)),
      }),
    });
    const error = await failureOf({ ...job, shards: job.shards.map((shard) => (shard.role === 'new' ? { ...shard, trainPath } : shard)) });
    expect(error).toMatchObject({ code: 'DIVERGED', message: 'Training diverged at step 1: the loss is not finite.' });
    const { vocabularySize, hiddenSize } = byteModelConfig;
    expect(error.found).toBe(
      `a training loss of NaN; the weight model.embed_tokens.weight holds Infinity in 1 of ${vocabularySize * hiddenSize} values, the first at [1, 0]`,
    );
    expect(error.hint).toMatch(/The base itself/);
    await expectNothingLeft(job);
  });

  it('because its gradients are too large to be squared says so, although the loss is finite, and updates nothing', async () => {
    const scale = 1e25; // that of the head, and the opposite of the norm before it: logits as they were
    const job = await jobOn('steep', (weights) => {
      for (const [name, factor] of [
        ['lm_head.weight', scale],
        ['model.norm.weight', 1 / scale],
      ] as const) {
        weights.set(
          name,
          weights.get(name)!.map((value) => value * factor),
        );
      }
    });
    const full = { ...job, configuration: { ...job.configuration, method: { name: 'full' as const } } };
    const error = await failureOf(full);
    expect(error).toMatchObject({ code: 'DIVERGED', message: 'Training diverged at step 1: the gradients are not finite.' });
    expect(error.found).toBe(
      'a gradient norm of Infinity; every weight and every gradient is finite, so values in between became too large',
    );
    await expectNothingLeft(full);
  });

  it('because its expansion is no identity is refused', async () => {
    // A channel that is zero before block 3 and not after it: only the copy of block 3 multiplies it with a weight that overflows.
    const channel = 5;
    const { hiddenSize: width, intermediateSize, blocks } = byteModelConfig;
    const job = await jobOn('overflow', (weights) => {
      const clear = (name: string, isRow: boolean): void => {
        const values = weights.get(name)!;
        const stride = isRow ? values.length / width : width;
        for (let index = 0; index < (isRow ? stride : values.length / width); index++) {
          values[isRow ? channel * stride + index : index * stride + channel] = 0;
        }
      };
      clear('model.embed_tokens.weight', false);
      for (let block = 0; block < blocks; block++) {
        clear(`model.layers.${block}.self_attn.o_proj.weight`, true);
        if (block < blocks - 1) clear(`model.layers.${block}.mlp.down_proj.weight`, true);
      }
      for (const role of ['gate_proj', 'up_proj']) {
        const values = weights.get(`model.layers.${blocks - 1}.mlp.${role}.weight`)!;
        for (let row = 0; row < intermediateSize; row++) values[row * width + channel] = 3e38;
      }
    });
    const error = await failureOf(job);
    expect(error).toMatchObject({ code: 'INTERNAL', found: 'a largest logit difference of Infinity', allowed: '0' });
    expect(error.message).toMatch(/nothing was trained/);
    await expectNothingLeft(job);
  });

  it('because its plan is for another model is refused', async () => {
    const job = tiny.job('misfit', { method: { name: 'expand', plan: planExpansion(7, 1, 'top') } });
    const error = await failureOf(job);
    expect(error).toMatchObject({ code: 'BAD_INPUT', exitCode: 2, message: 'The plan does not fit the model.' });
    expect(error.found).toBe('a plan for 7 blocks; the model has 4');
    await expectNothingLeft(job);
  });

  it('because its learning rate is absurd ends with the step, the tensor and a way out, and keeps what it measured and saved', async () => {
    const absurd = { learningRate: 1e5, clipNorm: 0, warmup: 0, steps: 40, checkpointEverySteps: 2 };
    const job = tiny.job('diverged', { ...absurd, evaluation: { everySteps: 100, tokens: 300 } });
    const events: TrainerEvent[] = [];
    const error = (await trainHere(job, (event) => void events.push(event)).catch((failure: unknown) => failure)) as StrataError;
    expect(error).toMatchObject({ code: 'DIVERGED', exitCode: 1 });
    expect(error.found).toMatch(
      /^a training loss of NaN; the gradient of model\.layers\.[25]\.\S+ holds NaN in \d+ of \d+ values.*; every weight is finite$/,
    );
    expect(error.hint).toMatch(/learning rate that is too high.*learning rate is 100000, and its gradients are not clipped/);
    const step = Number(/Training diverged at step (\d+)/.exec(error.message)![1]);
    expect(step).toBeGreaterThan(2); // not the first, which is reported at once
    const trained = Object.keys(measurementsOf(events)).filter((key) => key.endsWith(' loss.train'));
    expect(trained).toHaveLength(step - 1);
    const models = await readdir(join(job.modelDirectory, '..'));
    expect(models.filter((name) => name.startsWith('diverged'))).toEqual([]);

    // The last good checkpoint is there, as it was before that step, and whoever resumes it meets the same.
    const saved = events.flatMap((event) => (event.type === 'checkpoint' ? [event.step] : [])).at(-1)!;
    expect(saved).toBe(step % 2 === 0 ? step - 2 : step - 1);
    const again: TrainerEvent[] = [];
    const same = (await trainHere(job, (event) => void again.push(event)).catch((failure: unknown) => failure)) as StrataError;
    expect(again.find((event) => event.type === 'prepared')!.step).toBe(saved);
    expect(same.toRecord()).toEqual(error.toRecord());
  });
});

function floatsOf(bytes: Buffer): Float32Array {
  return new Float32Array(Uint8Array.from(bytes).buffer);
}

/** `W + scale B A`, in 64-bit floats. */
function expectMerged(
  merged: Float32Array,
  base: Float32Array,
  a: Float32Array,
  b: Float32Array,
  { rank, scale }: { rank: number; scale: number },
): void {
  const width = a.length / rank;
  let moved = 0;
  for (const [index, value] of merged.entries()) {
    const [row, column] = [Math.floor(index / width), index % width];
    let sum = 0;
    for (let inner = 0; inner < rank; inner++) sum += b[row * rank + inner]! * a[inner * width + column]!;
    expect(value).toBeCloseTo(base[index]! + scale * sum, 5);
    moved = Math.max(moved, Math.abs(sum));
  }
  expect(moved).toBeGreaterThan(1e-3);
}
