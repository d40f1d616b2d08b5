import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { batchSchema, type Recipe, recipePreviewSchema, recipeSchema, type RecipeRequest } from '../../shared/contract/recipes.ts';
import { countParameters, LORA_TARGETS } from '../../shared/domain/method.ts';
import { StrataError } from '../../shared/errors.ts';
import { join } from 'node:path';
import { openStore, type Writer } from '../../main/store/open-store.ts';
import { insertMetrics, updateRun } from '../../main/store/runs.ts';
import type { Studio } from '../../main/studio/studio.ts';
import { fastEngine } from '../support/engines.ts';
import { byteModelConfig, openTinyStudio, type TinyStudio } from '../support/workspace.ts';

let tiny: TinyStudio;
let studio: Studio;
let store: Writer;
beforeAll(async () => {
  tiny = await openTinyStudio();
  studio = tiny.studio;
  store = openStore(join(tiny.home, 'strata.db'));
});
afterAll(async () => {
  store.close();
  await tiny.remove();
});

const request: RecipeRequest['request'] = {
  model: 'tiny',
  newDatasets: ['code'],
  oldDatasets: ['stories'],
  steps: 40,
  batch: 8,
  context: 16,
  replayShare: 0.2,
  engine: fastEngine,
  advanced: { evaluateEvery: 10, evaluationTokens: 64, checkpointEvery: 40 },
};
const recipe = (asked: RecipeRequest): Recipe => recipeSchema.parse(asked);
const drain = (): Promise<string[]> => studio.queue.drain(new AbortController().signal);

async function refusal(attempt: () => unknown): Promise<StrataError> {
  try {
    await attempt();
  } catch (error) {
    if (error instanceof StrataError) return error;
    throw error;
  }
  throw new Error('It was allowed.');
}

describe('controls', () => {
  it('are every method at the same budget, with the replay share and with none', async () => {
    const preview = await studio.recipes.preview(
      recipe({ kind: 'controls', request: { ...request, blocks: 2 }, learningRates: { full: 1e-4 } }),
    );
    expect(recipePreviewSchema.parse(preview)).toEqual(preview);
    expect(preview.runs.map(({ label }) => label.split(',')[0])).toEqual([
      ...['expand by 2', 'expand by 2', 'lora', 'lora', 'lora', 'lora', 'full', 'full', 'freeze', 'freeze'],
    ]);
    expect(preview.runs.map(({ replayShare }) => replayShare)).toEqual([0.2, 0, 0.2, 0, 0.2, 0, 0.2, 0, 0.2, 0]);
    expect(new Set(preview.runs.map(({ tokens }) => tokens))).toEqual(new Set([40 * 8 * 16]));
    expect(new Set(preview.runs.map(({ learningRate }) => learningRate))).toEqual(new Set([2e-3, 1e-4, 3e-4]));
    const [expanded, , matched, , small] = preview.runs;
    // The nearest whole rank: half a rank away at most.
    const perRank = countParameters({ name: 'lora', rank: 1, alpha: 1, targets: [...LORA_TARGETS] }, byteModelConfig).trainable;
    expect(Math.abs(matched!.trainableParameters - expanded!.trainableParameters)).toBeLessThanOrEqual(perRank / 2);
    expect(small!.trainableParameters).toBeLessThan(matched!.trainableParameters);
    // Blocks 1 and 3 are those that are copied: as many numbers as are inserted.
    expect(preview.runs.at(-1)!.method).toEqual({ name: 'freeze', blocks: [1, 3] });
    expect(preview.runs.at(-1)!.trainableParameters).toBe(expanded!.trainableParameters);
    expect(preview.total.tokens).toBe(10 * 40 * 8 * 16);
    expect(studio.runs.list()).toEqual([]);
  });

  it('without old data are each method once; of another method they are refused', async () => {
    const { replayShare: _, ...plain } = request;
    const preview = await studio.recipes.preview(
      recipe({ kind: 'controls', request: { ...plain, oldDatasets: [] }, methods: ['expand', 'full'] }),
    );
    expect(preview.runs.map(({ replayShare }) => replayShare)).toEqual([0, 0]);
    const error = await refusal(() => studio.recipes.preview(recipe({ kind: 'controls', request: { ...request, method: 'full' } })));
    expect(error).toMatchObject({ code: 'BAD_INPUT', found: 'the method full' });
  });

  it('are all in the queue or none: one that is refused keeps out the rest', async () => {
    const error = await refusal(() => studio.recipes.start(recipe({ kind: 'sweep', request, learningRates: [1e-3, 1e39] })));
    expect(error).toMatchObject({ code: 'BAD_INPUT', found: 'learningRate = 1e+39' });
    expect(studio.recipes.list()).toEqual([]);
    expect(studio.runs.list()).toEqual([]);
  });
});

describe('a sweep', () => {
  it('is the whole grid once, in an order that its seed says', async () => {
    const grid = {
      kind: 'sweep',
      request,
      replayShares: [0, 0.1, 0.1],
      blockCounts: [1, 2],
      places: ['even', 'top'],
      learningRates: [1e-3, 2e-3],
    } as const;
    const labels = async (seed: number): Promise<string[]> =>
      (
        await studio.recipes.preview(
          recipe({
            ...grid,
            replayShares: [...grid.replayShares],
            blockCounts: [...grid.blockCounts],
            places: [...grid.places],
            learningRates: [...grid.learningRates],
            seed,
          }),
        )
      ).runs.map(({ label }) => label);
    const first = await labels(1);
    // One block is evenly spread where it is at the top: that is trained once.
    expect(first).toHaveLength(12);
    expect(new Set(first).size).toBe(12);
    expect(first).toContain('no replay, 2 blocks, at top, rate 0.001');
    expect(await labels(1)).toEqual(first);
    expect(await labels(2)).not.toEqual(first);
    expect((await labels(2)).sort()).toEqual([...first].sort());
  });

  it.each<[string, object]>([
    ['nothing', {}],
    ['one value', { blockCounts: [1] }],
    ['more runs than anybody waits for', { learningRates: Array.from({ length: 101 }, (_, index) => (index + 1) / 1e5) }],
  ])('of %s is refused', async (_, axes) => {
    expect(await refusal(() => studio.recipes.preview(recipe({ kind: 'sweep', request, ...axes })))).toMatchObject({
      code: 'BAD_INPUT',
      allowed: '2 to 100',
    });
  });

  it('ends a run that another one beats, with the reason, and not as the user would', async () => {
    const batch = await studio.recipes.start(
      recipe({
        kind: 'sweep',
        name: 'rates',
        request: { ...request, steps: 100_000, advanced: { ...request.advanced, evaluateEvery: 20_000 } },
        learningRates: [1e-3, 2e-3],
      }),
    );
    const [good, bad] = batch.runs;
    // The recorded course of a run that gained much and forgot little.
    const measured = { loss: 5, tokens: 64, error: 0.001 };
    const baseline = { new: measured, old: measured, drift: null };
    const courseOf = (run: string, gain: number, rise: number): void =>
      insertMetrics(
        store,
        run,
        [0, 20_000, 40_000, 60_000].flatMap((step) => [
          { step, series: 'loss.new' as const, value: step === 0 ? 5 : 5 - gain },
          { step, series: 'loss.old' as const, value: step === 0 ? 5 : 5 + rise },
        ]),
      );
    courseOf(good!.run, 1, 0.1);
    updateRun(store, good!.run, { status: 'done', baseline, gainError: 0.001, forgettingError: 0.001, queuePlace: null });
    const rest = studio.queue.drive();
    await expect.poll(() => studio.runs.show(bad!.run).stepsDone, { timeout: 30_000 }).toBeGreaterThan(0);
    updateRun(store, bad!.run, { baseline, latest: baseline });
    insertMetrics(store, bad!.run, [{ step: 10, series: 'loss.new', value: 5 }]);
    expect(studio.runs.show(bad!.run).status).toBe('running');
    courseOf(bad!.run, 0.5, 0.5);
    updateRun(store, bad!.run, { stepsDone: 60_000 });
    studio.recipes.tend();
    await expect.poll(() => studio.runs.show(bad!.run).status, { timeout: 30_000 }).toBe('stopped');
    rest();
    const ended = studio.runs.show(bad!.run);
    expect(ended.stopReason).toMatch(
      /hopeless: at step 60000 the run "rates: rate 0\.00\d" had gained 0\.5000 nats\/token more and forgotten 0\.4000 less/,
    );
    expect(ended.warnings.map(({ text }) => text)).toContain(ended.stopReason);
    const shown = studio.recipes.show({ batch: 'rates' });
    expect(batchSchema.parse(shown)).toMatchObject({ isOver: true, progress: { done: 1, stopped: 1 } });
  });

  it('that is cancelled leaves nothing in the queue', async () => {
    const batch = await studio.recipes.start(recipe({ kind: 'sweep', name: 'unwanted', request, blockCounts: [1, 2] }));
    expect(batch.progress).toEqual({ queued: 2 });
    expect(studio.queue.list().map(({ batch: of }) => of)).toEqual([batch.id, batch.id]);
    const cancelled = studio.recipes.cancel({ batch: 'unwanted' });
    expect(cancelled).toMatchObject({ isOver: true, progress: { stopped: 2 } });
    expect(cancelled.runs[0]!.stopReason).toMatch(/cancelled/);
    expect(studio.queue.list()).toEqual([]);
  });
});

describe('a forecast', () => {
  it('trains four pilots, predicts between them, recommends, and says later how wrong it was', async () => {
    const asked = recipe({ kind: 'forecast', name: 'outlook', request: { ...request, steps: 80 }, fraction: 0.1, limit: 10 });
    const preview = await studio.recipes.preview(asked);
    expect(preview.runs.map(({ replayShare, steps }) => [replayShare, steps])).toEqual([0, 0.01, 0.1, 0.5].map((share) => [share, 30]));
    await studio.recipes.start(asked);
    expect(studio.recipes.show({ batch: 'outlook' }).forecast).toBeNull();
    await drain();
    const { forecast, runs } = studio.recipes.show({ batch: 'outlook' });
    expect(runs.map(({ status }) => status)).toEqual(['done', 'done', 'done', 'done']);
    expect(forecast).toMatchObject({ pilotSteps: 30, plannedSteps: 80, checks: [] });
    expect(forecast!.notes[0]).toMatch(/30 steps each, the planned run trains 80/);
    expect(forecast!.frontier.map(({ share }) => share).at(-1)).toBe(0.5);
    expect(forecast!.recommendation).toMatchObject({ limit: 10, share: 0 });
    const zero = studio.runs.show(runs[0]!.run);
    expect(forecast!.forecast.pilots[0]).toMatchObject({ share: 0, newLoss: zero.final!.new.loss, oldLoss: zero.final!.old!.loss });

    const real = await studio.runs.start({ ...asked.request, replayShare: 0.25, name: 'real' });
    await studio.runs.ended(real.id);
    const other = await studio.runs.start({ ...asked.request, replayShare: 0.25, learningRate: 1e-3, name: 'another rate' });
    await studio.runs.ended(other.id);
    const { checks } = studio.recipes.show({ batch: 'outlook' }).forecast!;
    expect(checks.map(({ name, steps }) => [name, steps])).toEqual([['real', 80]]);
    const done = studio.runs.show(real.id);
    expect(checks[0]!.error.oldLoss).toBeCloseTo(done.final!.old!.loss - checks[0]!.prediction.oldLoss.value, 10);
  });

  it('needs old data', async () => {
    const { replayShare: _, ...plain } = request;
    const error = await refusal(() => studio.recipes.preview(recipe({ kind: 'forecast', request: { ...plain, oldDatasets: [] } })));
    expect(error).toMatchObject({ code: 'BAD_INPUT', found: 'no old dataset' });
  });
});

describe('presets', () => {
  it('are settings that a run takes, each with its meaning', async () => {
    const presets = studio.recipes.presets();
    expect(presets.map(({ name }) => name)).toEqual(['balanced', 'careful', 'fast', 'paper']);
    for (const { name, meaning, request: settings } of presets) {
      expect(meaning.length, name).toBeGreaterThan(40);
      const parsed = recipeSchema.parse({ kind: 'forecast', request: { ...request, ...settings, replayShare: 0 } });
      expect((await studio.runs.preview(parsed.request)).method.name).toBe('expand');
    }
    expect(await refusal(() => studio.recipes.preset('best'))).toMatchObject({
      code: 'BAD_INPUT',
      allowed: 'balanced, careful, fast, paper',
    });
  });
});
