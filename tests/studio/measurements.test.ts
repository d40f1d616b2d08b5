import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findDocumentSums } from '../../main/store/measurements.ts';
import { openStore } from '../../main/store/open-store.ts';
import type { Studio } from '../../main/studio/studio.ts';
import type { ParsedTrainRequest } from '../../main/studio/train-request.ts';
import { measurementsAtStepSchema } from '../../shared/contract/runs.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { estimateDifference } from '../../shared/domain/statistics.ts';
import { fastEngine } from '../support/engines.ts';
import { until } from '../support/studio-runs.ts';
import { openTinyStudio, type TinyStudio } from '../support/workspace.ts';

let tiny: TinyStudio;
let studio: Studio;
let first: RunSummary;
beforeAll(async () => {
  tiny = await openTinyStudio();
  studio = tiny.studio;
  first = await trained({ name: 'first' });
});
afterAll(() => tiny.remove());

const request = (changes: Partial<ParsedTrainRequest> = {}): ParsedTrainRequest => ({
  model: tiny.model.id,
  newDatasets: [tiny.newDataset.id],
  oldDatasets: [tiny.oldDataset.id],
  method: 'expand',
  place: 'even',
  steps: 6,
  batch: 2,
  context: 32,
  replayShare: 0.25,
  engine: fastEngine,
  ...changes,
});

async function trained(changes: Partial<ParsedTrainRequest>): Promise<RunSummary> {
  const { id } = await studio.runs.start(request(changes));
  await studio.runs.ended(id);
  return studio.runs.show(id);
}

describe('what a run measured', () => {
  it('is kept dataset by dataset at every evaluated step, whole at both ends', () => {
    const steps = studio.runs.measurements({ run: first.id });
    for (const step of steps) expect(measurementsAtStepSchema.parse(step)).toEqual(step);
    expect(steps[0]!.step).toBe(0);
    expect(steps.at(-1)!.step).toBe(6);
    for (const { datasets } of [steps[0]!, steps.at(-1)!]) {
      expect(datasets.map(({ role }) => role).sort()).toEqual(['new', 'old']);
      for (const { coverage, loss, documents } of datasets) {
        expect(coverage).toBe(1);
        expect(documents).toBeGreaterThan(1);
        expect(loss.error).toBeGreaterThan(0);
      }
    }
    expect(steps.at(-1)!.datasets).toEqual(expect.arrayContaining(first.final!.datasets!));
  });

  it('has the sums of documents at both ends, whose paired difference gives the errors of gain and forgetting', () => {
    const store = openStore(join(studio.info().home, 'strata.db'));
    const [before, after] = (['baseline', 'final'] as const).map((moment) => findDocumentSums(store, first.id, moment));
    store.close();
    for (const [role, value, error] of [
      ['new', -first.gain!, first.gainError],
      ['old', first.forgetting!, first.forgettingError],
    ] as const) {
      const [a, b] = [before!, after!].map((sums) => sums.find((each) => each.role === role)!);
      expect(a!.tokens).toEqual(b!.tokens);
      const difference = estimateDifference({ sums: a!.losses, weights: a!.tokens }, { sums: b!.losses, weights: b!.tokens });
      expect(difference.value).toBeCloseTo(value, 9);
      expect(difference.error).toBe(error);
      expect(error).toBeGreaterThan(0);
    }
    expect(before!.every(({ drifts }) => drifts === null)).toBe(true);
    expect(after!.every(({ drifts }) => drifts !== null)).toBe(true);
    expect(first.measuringSeconds).toBeGreaterThan(0);
    expect(first.measuringSeconds!).toBeLessThan(first.seconds!);
  });
});

describe('how far a run moved its model', () => {
  it('is measured once, and then read from the run’s folder', async () => {
    const movement = await studio.runs.movement({ run: first.id, engine: fastEngine });
    expect(movement.blocks.filter(({ inserted }) => inserted)).toHaveLength(1);
    expect(movement.text!.tokens).toBeGreaterThan(0);
    expect(await studio.runs.movement({ run: first.id, engine: fastEngine })).toEqual(movement); // the same seconds
  });
});

describe('a run on a model that learned before', () => {
  it('measures the whole past: what its line has learned and the run does not name', async () => {
    const second = await trained({
      name: 'second',
      model: first.model!,
      newDatasets: [tiny.oldDataset.id],
      oldDatasets: [],
      replayShare: undefined,
    });
    expect(second.status).toBe('done');
    const { id, name, hash } = tiny.newDataset as typeof tiny.newDataset & { hash?: string };
    expect(second.configuration.past).toMatchObject([{ id, name, ...(hash ? { hash } : {}) }]);
    const past = second.final!.datasets!.find(({ role }) => role === 'past')!;
    expect(past.datasetId).toBe(id);
    expect(past.drift!.value).toBeGreaterThan(0);
    expect(second.final).toMatchObject({ old: null, drift: null });
    expect(studio.runs.measurements({ run: second.id }).every(({ datasets }) => datasets.length === 2)).toBe(true);
  });

  it('says what of the past is gone, and goes on; resumed, too', async () => {
    const long = await studio.runs.start(
      request({
        name: 'third',
        model: first.model!,
        newDatasets: [tiny.oldDataset.id],
        oldDatasets: [],
        replayShare: undefined,
        steps: 400,
      }),
    );
    await until(studio, long.id, ({ stepsDone }) => stepsDone > 2);
    const paused = await studio.runs.pause({ run: long.id });
    expect(paused.status).toBe('paused');
    for (const run of studio.runs.list()) if (run.id !== long.id) studio.history.remove({ run: run.id });
    studio.datasets.remove({ dataset: tiny.newDataset.id });
    await studio.runs.resume({ run: long.id });
    await until(studio, long.id, ({ stepsDone }) => stepsDone > paused.stepsDone);
    const stopped = await studio.runs.stop({ run: long.id });
    expect(stopped.status).toBe('stopped');
    expect(stopped.warnings.map(({ text }) => text)).toEqual([
      expect.stringMatching(/learned from ".*" before, .* not measured: it is no longer/),
    ]);
    expect(stopped.final!.datasets!.map(({ role }) => role)).toEqual(['new']);
    const preview = await studio.runs.preview(
      request({ model: first.model!, newDatasets: [tiny.oldDataset.id], oldDatasets: [], replayShare: undefined }),
    );
    expect(preview.warnings).toEqual([expect.stringContaining('it is not in this workspace')]);
  });
});

it('a limit on forgetting needs old data', async () => {
  const guard = { measure: 'loss', limit: 0.05, action: 'warn', fromStart: false } as const;
  const error: unknown = await studio.runs
    .preview(request({ newDatasets: [tiny.oldDataset.id], oldDatasets: [], replayShare: undefined, guard }))
    .catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'BAD_INPUT', hint: expect.stringContaining('--old') as string });
});
