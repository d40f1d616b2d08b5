import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunEvent, runEventSchema } from '../../shared/contract/runs.ts';
import { type Evaluation, METRIC_SERIES, type RunSummary, runSummarySchema } from '../../shared/domain/run.ts';
import { StrataError } from '../../shared/errors.ts';
import type { Studio } from '../../main/studio/studio.ts';
import type { ParsedTrainRequest } from '../../main/studio/train-request.ts';
import { fastEngine } from '../support/engines.ts';
import { metricsOf, until, weightsOf } from '../support/studio-runs.ts';
import { openStudioAt, openTinyStudio, type TinyStudio } from '../support/workspace.ts';

let tiny: TinyStudio;
let studio: Studio;
/** A run to its end, and what a page saw of it. */
let whole: RunSummary;
let events: RunEvent[];
beforeAll(async () => {
  tiny = await openTinyStudio();
  studio = tiny.studio;
  const { id } = await studio.runs.start(request({ name: 'whole' }));
  events = await Array.fromAsync(studio.runs.watch({ run: id }));
  await studio.runs.ended(id);
  whole = studio.runs.show(id);
});
afterAll(() => tiny.remove());

/** Long enough to be met while it trains. */
/** How much an evaluation was made of, in tokens. */
const textOf = (evaluation: Evaluation | null): { new: number; old: number } | null =>
  evaluation && { new: evaluation.new.tokens, old: evaluation.old!.tokens };

const request = (changes: Partial<ParsedTrainRequest> = {}): ParsedTrainRequest => ({
  model: tiny.model.id,
  newDatasets: [tiny.newDataset.id],
  oldDatasets: [tiny.oldDataset.id],
  method: 'expand',
  place: 'even',
  steps: 200,
  batch: 2,
  context: 32,
  replayShare: 0.25,
  engine: fastEngine,
  advanced: { evaluateEvery: 100, evaluationTokens: 64, checkpointEvery: 10 },
  ...changes,
});

async function refusal(attempt: () => unknown): Promise<StrataError> {
  try {
    await attempt();
  } catch (error) {
    expect(error).toBeInstanceOf(StrataError);
    return error as StrataError;
  }
  throw new Error('It was allowed.');
}

describe('a run', () => {
  it('is done with everything the contract promises', () => {
    expect(runSummarySchema.parse(whole)).toEqual(whole);
    expect(whole).toMatchObject({
      name: 'whole',
      status: 'done',
      error: null,
      steps: 200,
      stepsDone: 200,
      identityDifference: 0,
      engine: fastEngine,
      baseModel: { id: tiny.model.id, name: 'tiny' },
    });
    expect(whole.gain).toBe(whole.baseline!.new.loss - whole.final!.new.loss);
    expect(whole.forgetting).toBe(whole.final!.old!.loss - whole.baseline!.old!.loss);
    expect(whole.drift).toBe(whole.final!.drift);
    for (const figure of [whole.tokensPerSecond, whole.seconds, whole.peakMemory, whole.drift]) expect(figure).toBeGreaterThan(0);
    expect(Date.parse(whole.finishedAt!)).toBeGreaterThanOrEqual(Date.parse(whole.createdAt));
  });

  it('tells the next preview how fast the engine is here', async () => {
    const { time } = await studio.runs.preview(request());
    expect(time!.basis).toBe(`the speed of the run "${whole.name}" on ${fastEngine}`);
    // The same work again: the speed it was taken from.
    expect(time!.tokensPerSecond).toBeCloseTo(whole.tokensPerSecond!, 6);
    expect(time!.seconds).toBeGreaterThan(whole.tokens.total / whole.tokensPerSecond!);
  });

  it('does what its preview said', async () => {
    const preview = await studio.runs.preview(request());
    const { method, plan, steps, batch, context, learningRate, replayShare } = preview;
    expect(whole.configuration).toMatchObject({ method, steps, batch, context, learningRate, replayShare });
    expect(whole.plan).toEqual(plan);
    expect(whole.method).toBe('expand');
    expect(whole.trainableTensors).toEqual(preview.trainableTensors);
    expect(whole).toMatchObject({ trainableParameters: preview.trainableParameters, addedParameters: preview.addedParameters });
    expect(whole.tokens).toEqual({
      total: preview.tokens,
      byDataset: Object.fromEntries(preview.mixture.map(({ datasetId, tokens }) => [datasetId, tokens])),
    });
  });

  it('adds its model to the workspace, with where it came from', () => {
    const model = studio.models.show(whole.model!);
    expect(model).toMatchObject({
      name: 'whole',
      run: whole.id,
      baseModel: tiny.model.id,
      plan: whole.plan,
      path: whole.modelPath,
      blocks: 5,
      parameters: tiny.model.parameters + whole.addedParameters!,
    });
    expect(existsSync(join(model.path, 'model.safetensors'))).toBe(true);
  });

  it('is followed from its present state to its end by small events, never back', () => {
    for (const event of events) expect(runEventSchema.parse(event)).toEqual(event);
    const order = ['preparing', 'running', 'done'];
    const places = events.map(({ status }) => order.indexOf(status));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(events[0]!.status).toBe('preparing');
    const steps = events.map(({ step }) => step);
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    const last = studio.runs.metrics({ run: whole.id, afterStep: 199, series: ['loss.train'] })[0]!.value;
    expect(events.at(-1)).toEqual({
      run: whole.id,
      status: 'done',
      step: 200,
      steps: 200,
      trainLoss: last,
      evaluation: whole.final,
      evaluationStep: 200,
      tokensPerSecond: whole.tokensPerSecond,
      secondsLeft: null,
      memory: studio.runs.metrics({ run: whole.id, afterStep: -1, series: ['memory'] }).at(-1)!.value,
      windows: studio.runs.windows({ run: whole.id }),
      sampledStep: null,
      activity: '',
    });
    expect(events.at(-1)!.windows!.total).toBe(200 * 2);
  });

  it('keeps what the base made of the text that is measured on the way', () => {
    const onTheWay = events.filter(({ status, evaluationStep }) => status !== 'done' && evaluationStep !== null && evaluationStep > 0);
    expect(onTheWay.length).toBeGreaterThan(0);
    const [onNew, onOld] = (['loss.new', 'loss.old'] as const).map((series) =>
      studio.runs.metrics({ run: whole.id, afterStep: -1, series: [series] }).find(({ step }) => step === 0),
    );
    const { baseline, watchedBaseline, final } = whole;
    expect(watchedBaseline).toMatchObject({ new: { loss: onNew!.value }, old: { loss: onOld!.value } });
    for (const { evaluation } of onTheWay) expect(textOf(evaluation)).toEqual(textOf(watchedBaseline));
    expect(textOf(final)).toEqual(textOf(baseline));
  });

  it('that is over is followed by one event', async () => {
    expect(await Array.fromAsync(studio.runs.watch({ run: 'whole' }))).toEqual([events.at(-1)]);
  });

  it('is followed until the follower goes away', async () => {
    const { id } = await studio.runs.start(request({ name: 'followed', steps: 1_000_000 }));
    const page = new AbortController();
    for await (const { status } of studio.runs.watch({ run: id }, page.signal)) if (status === 'running') page.abort();
    expect(studio.runs.show(id).status).toBe('running'); // the run does not mind
    expect((await studio.runs.stop({ run: id })).status).toBe('stopped');
  });

  it('has every step’s metrics, and gives those that are asked for', () => {
    const all = studio.runs.metrics({ run: whole.id, afterStep: -1 });
    const count = (series: string): number => all.filter((point) => point.series === series).length;
    expect(METRIC_SERIES.map((series) => [series, count(series)])).toEqual([
      ['loss.train', 200],
      ['loss.new', 3], // before step 1, at 100, at the end
      ['loss.old', 3],
      ['drift', 2],
      ['learningRate', 200],
      ['gradientNorm', 200],
      ['tokensPerSecond', 200],
      ['memory', count('memory')], // now and then
    ]);
    expect(count('memory')).toBeGreaterThan(0);
    expect(
      studio.runs.metrics({ run: 'whole', afterStep: 198, series: ['learningRate', 'drift'] }).map(({ step, series }) => [step, series]),
    ).toEqual([
      [200, 'drift'],
      [199, 'learningRate'],
      [200, 'learningRate'],
    ]);
  });

  it('gives its metrics thinned, ends and extremes kept, to who asks for few points', () => {
    const all = studio.runs.metrics({ run: whole.id, afterStep: -1, series: ['loss.train', 'drift'] });
    const few = studio.runs.metrics({ run: whole.id, afterStep: -1, series: ['loss.train', 'drift'], points: 20 });
    const [dense, thinned] = [all, few].map((points) => points.filter(({ series }) => series === 'loss.train')) as [typeof all, typeof all];
    expect(thinned.length).toBeLessThanOrEqual(20);
    expect([thinned[0], thinned.at(-1)]).toEqual([dense[0], dense.at(-1)]);
    const extremes = (points: typeof all): number[] => [
      Math.min(...points.map(({ value }) => value)),
      Math.max(...points.map(({ value }) => value)),
    ];
    expect(extremes(thinned)).toEqual(extremes(dense));
    const drift = ({ series }: (typeof all)[number]): boolean => series === 'drift';
    expect(few.filter(drift)).toEqual(all.filter(drift));
  });

  it('gives its measurements by dataset from a step on', () => {
    const steps = (afterStep?: number): number[] =>
      studio.runs.measurements({ run: whole.id, ...(afterStep === undefined ? {} : { afterStep }) }).map(({ step }) => step);
    expect(steps()).toEqual([0, 100, 200]);
    expect(steps(0)).toEqual([100, 200]);
    expect(steps(200)).toEqual([]);
  });
});

describe('a run that is paused', () => {
  let paused: RunSummary;
  beforeAll(async () => {
    const { id } = await studio.runs.start(request({ name: 'paused' }));
    await until(studio, id, ({ stepsDone }) => stepsDone > 0);
    paused = await studio.runs.pause({ run: id });
  });

  it('says so, and keeps what it needs', async () => {
    expect(paused).toMatchObject({ status: 'paused', error: null, model: null, final: null, finishedAt: null });
    expect(paused.stepsDone).toBeGreaterThan(0);
    expect(paused.stepsDone).toBeLessThan(200);
    expect(paused.tokens.total).toBe(paused.stepsDone * 64);
    for (const attempt of [
      () => studio.models.remove({ model: tiny.model.id }),
      () => studio.datasets.remove({ dataset: 'code' }),
      () => studio.datasets.remove({ dataset: 'stories' }),
    ]) {
      const error = await refusal(attempt);
      expect(error).toMatchObject({ code: 'CONFLICT', exitCode: 2, found: 'run paused (paused)' });
      expect(error.hint).toMatch(/finish or delete/);
    }
    expect((await refusal(() => studio.runs.pause({ run: paused.id }))).code).toBe('CONFLICT');
    expect((await refusal(() => studio.runs.stop({ run: paused.id }))).found).toBe('run "paused" is paused');
  });

  it('whose trainer was killed while it saved the model leaves nothing of that once it is deleted for good', async () => {
    const { id } = await studio.runs.start(request({ name: 'killed while saving', steps: 1_000_000 }));
    await studio.runs.pause({ run: id });
    const folders = [join(tiny.home, 'models', id), join(tiny.home, 'models', `${id}.partial`)];
    for (const folder of folders) await mkdir(folder);
    studio.history.remove({ run: id });
    expect(folders.every(existsSync)).toBe(true);
    await studio.history.purge({ run: id });
    expect(folders.filter(existsSync)).toEqual([]);
  });

  it('is not resumed on a base that was changed on the disk', async () => {
    const weights = join(tiny.model.path, 'model.safetensors');
    const before = await readFile(weights);
    const changed = Buffer.from(before);
    changed[changed.length - 1]! ^= 1;
    await writeFile(weights, changed);
    try {
      for (const attempt of [() => studio.runs.resume({ run: paused.id }), () => studio.runs.start(request())]) {
        const error = await refusal(attempt);
        expect(error).toMatchObject({ code: 'CONFLICT', exitCode: 2 });
        expect(error.message).toMatch(/"tiny" were changed/);
        expect(error.hint).toMatch(/Put the original files back/);
      }
      expect(studio.runs.show(paused.id)).toEqual(paused);
    } finally {
      await writeFile(weights, before);
    }
  });

  it('is resumed once, also when it is asked for twice, and ends as an uninterrupted one does, to the last bit', async () => {
    const half = join(tiny.home, 'models', `${paused.id}.partial`); // an earlier session was killed while it saved
    await mkdir(half);
    const twice = await Promise.allSettled([studio.runs.resume({ run: paused.id }), studio.runs.resume({ run: paused.id })]);
    const failed = twice.find(({ status }) => status === 'rejected') as PromiseRejectedResult;
    expect(twice.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(failed.reason).toMatchObject({ code: 'CONFLICT', found: expect.stringMatching(/is (preparing|running)/) as string });
    const resumed = await until(studio, paused.id, ({ status }) => status === 'done');
    expect(resumed).toMatchObject({
      stepsDone: 200,
      tokens: whole.tokens,
      final: whole.final,
      baseline: whole.baseline,
      configuration: whole.configuration,
    });
    expect(resumed.seconds).toBeGreaterThan(paused.seconds!);
    expect(existsSync(half)).toBe(false);
    expect((await weightsOf(resumed)).equals(await weightsOf(whole))).toBe(true);
    expect(metricsOf(studio, resumed.id)).toEqual(metricsOf(studio, whole.id));
    const error = await refusal(() => studio.runs.resume({ run: resumed.id }));
    expect(error).toMatchObject({
      code: 'CONFLICT',
      found: 'run "paused" is done',
      allowed: 'a run that is paused, interrupted or failed',
    });
  });
});

describe('a run that is stopped', () => {
  it('keeps a model of what it has learned, and cannot go on', async () => {
    const { id } = await studio.runs.start(request({ name: 'stopped' }));
    await until(studio, id, ({ stepsDone }) => stepsDone > 0);
    const stopped = await studio.runs.stop({ run: id });
    expect(stopped).toMatchObject({ status: 'stopped', error: null });
    expect(stopped.stepsDone).toBeLessThan(200);
    expect(stopped.final!.new.tokens).toBe(whole.final!.new.tokens);
    expect(studio.models.show(stopped.model!)).toMatchObject({ name: 'stopped', run: id });
    expect((await refusal(() => studio.runs.resume({ run: id }))).code).toBe('CONFLICT');
  });
});

describe('a run that fails', () => {
  it('says why, keeps its measurements and leaves no model', async () => {
    const models = studio.models.list().length;
    const { id } = await studio.runs.start(
      request({ name: 'diverged', learningRate: 1e30, advanced: { clipNorm: 0, warmup: 0, evaluationTokens: 64 } }),
    );
    await studio.runs.ended(id);
    const failed = studio.runs.show(id);
    expect(failed).toMatchObject({ status: 'failed', model: null, final: null, gain: null, error: { code: 'DIVERGED' } });
    expect(failed.error!.message).toMatch(/diverged at step 2/);
    expect(failed.finishedAt).not.toBeNull();
    expect(studio.runs.metrics({ run: id, afterStep: 0, series: ['loss.train'] })).toHaveLength(1);
    expect(studio.models.list()).toHaveLength(models);
    expect(studio.models.show(tiny.model.id)).toEqual(tiny.model);
    const refused = await refusal(() => studio.runs.resume({ run: id }));
    expect(refused).toMatchObject({
      code: 'CONFLICT',
      found: 'run "diverged" diverged',
      hint: expect.stringContaining('learning rate') as string,
    });
  });
});

describe('closing the studio', () => {
  it('saves a checkpoint of what is being trained; the next studio goes on from it, to the same end', async () => {
    const closing = openStudioAt(tiny.home);
    const { id } = await closing.runs.start(request({ name: 'closed' }));
    await until(closing, id, ({ stepsDone }) => stepsDone > 0);
    await closing.close();
    const interrupted = studio.runs.show(id);
    expect(interrupted).toMatchObject({ status: 'interrupted', error: null, model: null });
    expect(interrupted.stepsDone).toBeGreaterThan(0);
    expect(interrupted.stepsDone).toBeLessThan(200);
    await studio.runs.resume({ run: id });
    const resumed = await until(studio, id, ({ status }) => status === 'done');
    expect((await weightsOf(resumed)).equals(await weightsOf(whole))).toBe(true);
    expect(metricsOf(studio, id)).toEqual(metricsOf(studio, whole.id));
  });
});

describe('the history', () => {
  it('lists the newest run first, and gives each a name and a note', () => {
    expect(studio.runs.list().at(-1)).toEqual(whole);
    expect(studio.history.rename({ run: 'stopped', name: 'paused' }).name).toBe('paused 2');
    expect(studio.history.rename({ run: 'paused', name: 'paused' }).name).toBe('paused'); // its own name is free for it
    expect(studio.history.note({ run: 'paused', note: 'looks the same\n<b>' })).toMatchObject({ note: 'looks the same\n<b>' });
    expect(studio.runs.show('paused').note).toBe('looks the same\n<b>');
  });

  it('compares runs by every setting and result in which they differ', async () => {
    const { runs, differences } = await studio.comparison.compare({ runs: ['whole', 'paused', 'diverged'], baseline: null });
    expect(runs.map(({ name }) => name)).toEqual(['whole', 'paused', 'diverged']);
    expect(differences).toMatchObject({
      learningRate: [2e-3, 2e-3, 1e30],
      status: ['done', 'done', 'failed'],
      gain: [whole.gain, whole.gain, null],
    });
    expect(differences['evaluation.tokens']).toBeUndefined();
    expect(differences.seed).toBeUndefined();
    const between = Object.keys((await studio.comparison.compare({ runs: ['whole', 'paused'], baseline: null })).differences);
    expect(between.filter((key) => !['peakMemory', 'seconds', 'tokensPerSecond'].includes(key))).toEqual([]);
  });

  it('refuses runs that do not exist, by name and with what there is', async () => {
    const attempts = [
      () => studio.runs.show('nothing'),
      () => studio.runs.metrics({ run: 'nothing', afterStep: -1 }),
      () => studio.runs.watch({ run: 'nothing' }),
      () => studio.runs.pause({ run: 'nothing' }),
      () => studio.runs.resume({ run: 'nothing' }),
      () => studio.history.rename({ run: 'nothing', name: 'x' }),
      () => studio.comparison.compare({ runs: ['whole', 'nothing'], baseline: null }),
      () => studio.history.remove({ run: 'nothing' }),
    ];
    for (const attempt of attempts) {
      const error = await refusal(attempt);
      expect(error).toMatchObject({ code: 'NOT_FOUND', exitCode: 2, found: 'nothing' });
      expect(error.allowed).toContain('(whole)');
    }
  });

  it('keeps a deleted run until it is deleted for good, and forgets it then with its checkpoints, not the model that it made', async () => {
    const { id, model, modelPath } = studio.runs.show('closed');
    const directory = join(tiny.home, 'runs', id);
    expect(existsSync(directory)).toBe(true);
    expect(studio.history.remove({ run: 'closed' })).toEqual({ removed: id });
    expect(studio.runs.list().some((run) => run.id === id)).toBe(false);
    expect(studio.history.restore({ run: 'closed' })).toMatchObject({ id, deletedAt: null });
    expect((await refusal(() => studio.history.purge({ run: id }))).code).toBe('CONFLICT');
    studio.history.remove({ run: id });
    expect(existsSync(directory)).toBe(true);
    expect((await refusal(() => studio.runs.resume({ run: id }))).message).toMatch(/in the bin/);
    expect(await studio.history.purge({})).toEqual({ removed: [id] });
    expect(existsSync(directory)).toBe(false);
    expect(existsSync(modelPath!)).toBe(true);
    expect(studio.models.show(model!).run).toBeNull();
    expect(studio.runs.list().some((run) => run.id === id)).toBe(false);
    expect(studio.datasets.remove({ dataset: 'stories' })).toEqual({ removed: tiny.oldDataset.id });
    expect(await studio.datasets.bin.purge()).toEqual({ removed: [tiny.oldDataset.id], kept: [] });
    expect(existsSync(join(tiny.home, 'datasets', tiny.oldDataset.id))).toBe(false);
  });
});
