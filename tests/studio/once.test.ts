import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainStartSchema } from '../../shared/contract/training.ts';
import { budgetOf } from '../../shared/domain/budget.ts';
import { planBasisSchema } from '../../shared/contract/planning.ts';
import { estimatedView, checkedView } from '../../renderer/features/train/budget-view.ts';
import { Once } from '../../main/studio/once.ts';
import type { ParsedTrainRequest } from '../../main/studio/train-request.ts';
import { fastEngine } from '../support/engines.ts';
import { openTinyStudio, type TinyStudio } from '../support/workspace.ts';

let tiny: TinyStudio;
beforeAll(async () => {
  tiny = await openTinyStudio();
});
afterAll(() => tiny.remove());

const request: ParsedTrainRequest = {
  model: 'tiny',
  newDatasets: ['code'],
  oldDatasets: ['stories'],
  method: 'expand',
  place: 'even',
  steps: 2,
  batch: 2,
  context: 32,
  replayShare: 0.25,
  engine: fastEngine,
};

describe('a start with a key', () => {
  it('is one run, for two calls at once and for one that comes later; another key is another run', async () => {
    const { runs } = tiny.studio;
    const [first, second] = await Promise.all([
      runs.start(request, undefined, { key: 'pressed twice' }),
      runs.start(request, undefined, { key: 'pressed twice' }),
    ]);
    expect(second.id).toBe(first.id);
    expect(runs.list()).toHaveLength(1);
    await runs.ended(first.id);
    expect(await runs.start(request, undefined, { key: 'pressed twice' })).toMatchObject({ id: first.id, status: 'done' });
    const other = await runs.start(request, undefined, { key: 'pressed again' });
    const without = await runs.start(request);
    expect(new Set([first.id, other.id, without.id]).size).toBe(3);
    for (const { id, status } of runs.list()) if (status !== 'done') await runs.stop({ run: id });
  });

  it('that was refused can be tried again', async () => {
    const once = new Once<number>();
    await expect(once.do('key', () => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
    expect(await once.do('key', () => Promise.resolve(2))).toBe(2);
    expect(await once.do('key', () => Promise.resolve(3))).toBe(2);
    for (let index = 0; index < 1001; index++) await once.do(`other ${index}`, () => Promise.resolve(index));
    expect(await once.do('key', () => Promise.resolve(4))).toBe(4);
  });

  it('has a key long enough not to be another one by chance', () => {
    const parse = (key: unknown): boolean => trainStartSchema.safeParse({ model: 'tiny', newDatasets: ['code'], key }).success;
    expect([undefined, '12345678', '1234567', 'x'.repeat(101), 12345678].map(parse)).toEqual([true, true, false, false, false]);
  });
});

describe('the budget that a page computes', () => {
  it('is the studio’s own, of a plan and of a run of each method', async () => {
    const { planner, runs } = tiny.studio;
    const basis = await planner.basis('tiny');
    expect(planBasisSchema.parse(basis)).toEqual(basis);
    const {
      model: _model,
      plan,
      importance: _importance,
      batch,
      context,
      ...report
    } = await planner.plan({ model: 'tiny', blocks: 3, place: 'top', oldDatasets: [] });
    expect(budgetOf({ name: 'expand', plan }, basis, { batch, microBatch: batch, context, measuresDrift: true })).toEqual(report);
    for (const changes of [
      {},
      { method: 'lora' as const, place: undefined },
      { method: 'full' as const, place: undefined },
      { batch: 4 },
    ]) {
      const preview = await runs.preview({ ...request, ...changes });
      const length = { steps: preview.steps, batch: preview.batch, microBatch: null, context: preview.context };
      const estimate = estimatedView(basis, preview.method, { length, last: preview, measuresDrift: true });
      const { memory, time, ...checked } = checkedView(preview);
      expect(estimate).toMatchObject({ ...checked, state: 'estimate' });
      for (const [part, bytes] of Object.entries(memory)) expect(estimate.memory[part as 'total'], part).toEqual(bytes);
      if (time) expect(estimate.time!.seconds).toBeCloseTo(time.seconds, 9);
    }
  });
});
