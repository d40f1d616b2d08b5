import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunConfiguration } from '../../shared/domain/run.ts';
import { trainRequestSchema } from '../../shared/contract/training.ts';
import { StrataError } from '../../shared/errors.ts';
import { requestOf } from '../../main/studio/run-request.ts';
import type { Studio } from '../../main/studio/studio.ts';
import type { ParsedTrainRequest } from '../../main/studio/train-request.ts';
import { fastEngine } from '../support/engines.ts';
import { until } from '../support/studio-runs.ts';
import { openTinyStudio, type TinyStudio } from '../support/workspace.ts';

let tiny: TinyStudio;
let studio: Studio;
beforeAll(async () => {
  tiny = await openTinyStudio();
  studio = tiny.studio;
});
afterAll(() => tiny.remove());

const request = (changes: Partial<ParsedTrainRequest> = {}): ParsedTrainRequest => ({
  model: 'tiny',
  newDatasets: ['code'],
  oldDatasets: ['stories'],
  method: 'expand',
  steps: 4,
  batch: 2,
  context: 32,
  replayShare: 0.25,
  engine: fastEngine,
  ...changes,
});

/** What a configuration says, without the reasons. */
function settingsOf({ replayReason: _reason, importance: _importance, ...settings }: RunConfiguration): unknown {
  return settings;
}

async function refusal(attempt: () => unknown): Promise<StrataError> {
  try {
    await attempt();
  } catch (error) {
    if (error instanceof StrataError) return error;
    throw error;
  }
  throw new Error('It was allowed.');
}

describe('the request of a run', () => {
  it.each<[string, Partial<ParsedTrainRequest>]>([
    ['as it is by default', {}],
    ['with blocks at the top, which copy different ones', { place: 'top', blocks: 3 }],
    ['with blocks at the bottom', { place: 'bottom', blocks: 2 }],
    ['in groups', { place: 'even:2x2' }],
    ['at positions', { place: '1,1,3' }],
    ['with adapters', { method: 'lora', rank: 3, alpha: 5, targets: ['q_proj', 'v_proj'] }],
    ['of every weight', { method: 'full', learningRate: 0.0123 }],
    ['of some blocks', { method: 'freeze', trainBlocks: '1,3' }],
    ['with shares by hand', { shares: { code: 3, stories: 2 }, replayShare: 0.4 }],
    ['with a course of replay', { replaySchedule: '0:1,0.5:2,1:0', maxRepeats: 2, seed: 7 }],
    [
      'with everything that is rarely set',
      {
        advanced: {
          microBatch: 1,
          packing: 'documents',
          schedule: 'wsd',
          decay: 0.3,
          decayShape: 'linear',
          'lr.norms': 0.5,
          beta2: 0.99,
          evaluateEvery: 2,
          checkpointEvery: 3,
        },
      },
    ],
  ])('leads to the same configuration: %s', async (_, changes) => {
    const asked = request(changes);
    const [run] = await studio.runs.enqueue([asked]);
    const { request: copy, missing, notes } = studio.copies.request({ run: run!.id });
    expect({ missing, notes }).toEqual({ missing: [], notes: [] });
    const [again] = await studio.runs.enqueue([trainRequestSchema.parse(copy)]);
    expect(settingsOf(again!.configuration)).toEqual(settingsOf(run!.configuration));
    for (const { id } of [run!, again!]) await studio.runs.stop({ run: id });
  });

  it('names what is no longer there', async () => {
    const [run] = await studio.runs.enqueue([request()]);
    await studio.runs.stop({ run: run!.id });
    const extra = (await studio.datasets.import({ paths: [tiny.sources.newText], name: 'short-lived' })).datasets[0]!;
    const [lost] = await studio.runs.enqueue([request({ newDatasets: [extra.id] })]);
    await studio.runs.stop({ run: lost!.id });
    studio.datasets.remove({ dataset: extra.id });
    expect(studio.copies.request({ run: lost!.id }).missing).toEqual([{ kind: 'dataset', id: extra.id, name: 'short-lived' }]);
  });

  it('says what it cannot say', () => {
    const { configuration } = studio.runs.list()[0]!;
    const { mixture: _mixture, ...earlier } = configuration;
    expect(requestOf(earlier).notes).toEqual([expect.stringMatching(/in another order/)]);
    const odd = {
      name: 'expand' as const,
      plan: { schemaVersion: 1 as const, baseBlocks: 4, inserted: [{ after: 2, copies: 0, position: 3 }] },
    };
    expect(requestOf({ ...configuration, method: odd }).notes).toEqual([expect.stringMatching(/behind another one/)]);
  });
});

describe('a rerun is refused', () => {
  it('of a run that was not trained to its end', async () => {
    const [run] = await studio.runs.enqueue([request()]);
    await studio.runs.stop({ run: run!.id });
    expect(await refusal(() => studio.copies.rerun({ run: run!.id }))).toMatchObject({
      code: 'CONFLICT',
      found: expect.stringContaining('stopped') as string,
      allowed: 'a run that is done',
    });
    expect(await refusal(() => studio.copies.verdict({ run: run!.id }))).toMatchObject({ code: 'CONFLICT' });
  });

  it('when its data are gone', async () => {
    const extra = (await studio.datasets.import({ paths: [tiny.sources.newText], name: 'brief' })).datasets[0]!;
    const { id } = await studio.runs.start(request({ newDatasets: [extra.id] }));
    await until(studio, id, ({ status }) => status === 'done');
    studio.datasets.remove({ dataset: extra.id });
    expect(await refusal(() => studio.copies.rerun({ run: id }))).toMatchObject({ code: 'NOT_FOUND', found: extra.id });
  });
});
