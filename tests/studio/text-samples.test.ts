import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SamplesOfRun } from '../../shared/contract/runs.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { openStore } from '../../main/store/open-store.ts';
import type { Studio } from '../../main/studio/studio.ts';
import { StrataError } from '../../shared/errors.ts';
import type { ParsedTrainRequest } from '../../main/studio/train-request.ts';
import { fastEngine } from '../support/engines.ts';
import { until } from '../support/studio-runs.ts';
import { openTinyStudio, type TinyStudio } from '../support/workspace.ts';

let tiny: TinyStudio;
let studio: Studio;
let run: RunSummary;
let written: SamplesOfRun;
beforeAll(async () => {
  tiny = await openTinyStudio();
  studio = tiny.studio;
  const { id } = await studio.runs.start(request({ sampleEverySteps: 4, samplePrompts: ['let ', 'The keeper'] }));
  run = await until(studio, id, ({ status }) => status === 'done');
  written = studio.runs.samples({ run: id });
});
afterAll(() => tiny.remove());

const request = (advanced: NonNullable<ParsedTrainRequest['advanced']>): ParsedTrainRequest => ({
  ...{ model: 'tiny', newDatasets: ['code'], oldDatasets: ['stories'], method: 'expand', place: 'even' },
  ...{ steps: 10, batch: 4, context: 32, replayShare: 0.25, learningRate: 0.05, engine: fastEngine },
  advanced: { evaluateEvery: 5, evaluationTokens: 64, ...advanced },
});

describe('samples of a run', () => {
  it('are recorded with their steps, and those after a step are given to who has the others', () => {
    expect(written.prompts.map(({ prompt }) => prompt)).toEqual(['let ', 'The keeper']);
    expect(written.samples.map(({ step }) => step)).toEqual([4, 8, 10]);
    expect(studio.runs.samples({ run: run.id, afterStep: 4 }).samples).toEqual(written.samples.slice(1));
  });

  it('are what base and model say when they are asked afterwards', async () => {
    const { everySteps, tokens } = run.configuration.samples!;
    expect(everySteps).toBe(4);
    for (const [index, prompt] of ['let ', 'The keeper'].entries()) {
      for (const bypass of [true, false]) {
        const { text } = await studio.text.generate({
          ...{ model: run.model!, prompt, maxTokens: tokens, temperature: 0, seed: 0, bypass, engine: fastEngine },
        });
        expect(bypass ? written.prompts[index]!.base : written.samples.at(-1)!.texts[index]).toBe(text);
      }
    }
  });

  it('are counted apart from training and measuring, and told to who watches', async () => {
    expect(run.samplingSeconds).toBeGreaterThan(0);
    expect(run.samplingSeconds! + run.measuringSeconds!).toBeLessThan(run.seconds!);
    const events = await Array.fromAsync(studio.runs.watch({ run: run.id }));
    expect(events.at(-1)).toMatchObject({ sampledStep: 10, windows: { total: 40, counts: [30, 10] } });
    expect(events.at(-1)!.memory).toBeGreaterThan(1e7);
  });

  it('come with a copy of the run, and go with the run when it is deleted for good', async () => {
    expect(studio.copies.request({ run: run.id }).request.advanced).toMatchObject({
      sampleEverySteps: 4,
      samplePrompts: ['let ', 'The keeper'],
    });
    const store = openStore(join(tiny.home, 'strata.db'));
    const rows = (): number[] =>
      ['samplePrompts', 'samples', 'drawnWindows'].map((table) =>
        store.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get()!,
      );
    expect(rows()).toEqual([2, 3, 1]);
    studio.history.remove({ run: run.id });
    await studio.history.purge({ run: run.id });
    expect(rows()).toEqual([0, 0, 0]);
    store.close();
  });

  it.each([
    ['a step and a half', { sampleEverySteps: 1.5 }, /samples\.everySteps/],
    ['going back', { sampleEverySteps: -2 }, /samples\.everySteps/],
    ['nothing to begin with', { sampleEverySteps: 2, samplePrompts: [''] }, /samples\.prompts/],
    ['more than the model can read', { sampleEverySteps: 2, samplePrompts: ['a'.repeat(1900)] }, /tokens/],
  ])('are refused before anything starts: %s', async (_, advanced, found) => {
    const error: unknown = await studio.runs.preview(request(advanced)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StrataError);
    expect(error).toMatchObject({ code: 'BAD_INPUT', found: expect.stringMatching(found) as string });
  });

  it('are off at 0, and where a run is so short that they would be a good part of it', async () => {
    const { id } = await studio.runs.start(request({ sampleEverySteps: 0, samplePrompts: ['let '] }));
    expect((await until(studio, id, ({ status }) => status === 'done')).configuration.samples).toBeUndefined();
    expect(studio.runs.samples({ run: id })).toEqual({ prompts: [], samples: [] });
    const short = await studio.runs.start(request({}));
    expect((await until(studio, short.id, ({ status }) => status === 'done')).configuration.samples).toBeUndefined();
  });
});
