import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportHuggingFace } from '../../main/models/export/export-model.ts';
import type { Expansion } from '../../shared/domain/expansion.ts';
import { differencesOf } from '../../main/studio/run-differences.ts';
import { leastImportantFirst } from '../../shared/domain/importance.ts';
import { StrataError } from '../../shared/errors.ts';
import { planReportSchema } from '../../shared/contract/planning.ts';
import { fastEngine } from '../support/engines.ts';
import { until } from '../support/studio-runs.ts';
import { openTinyStudio, type TinyStudio } from '../support/workspace.ts';

let tiny: TinyStudio;
beforeAll(async () => {
  tiny = await openTinyStudio();
});
afterAll(() => tiny.remove());

async function refusal(attempt: () => unknown): Promise<StrataError> {
  try {
    await attempt();
  } catch (error) {
    expect(error).toBeInstanceOf(StrataError);
    return error as StrataError;
  }
  throw new Error('It was allowed.');
}

const AMOUNT = { context: 32, windows: 6, engine: fastEngine };
const expansionOf = async (path: string): Promise<Expansion> =>
  JSON.parse(await readFile(join(path, 'expansion.json'), 'utf8')) as Expansion;

describe('a plan', () => {
  it('states layers, parameters, tensors, memory and sizes, and writes nothing', async () => {
    const before = tiny.studio.models.list();
    const report = await tiny.studio.planner.plan({ model: 'tiny', blocks: 2, place: 'even', oldDatasets: [] });
    expect(planReportSchema.parse(report)).toEqual(report);
    const block = 2 * 16 * 16 + 2 * 8 * 16 + 3 * 16 * 32 + 2 * 16;
    expect(report).toMatchObject({
      model: { name: 'tiny' },
      plan: { inserted: [{ position: 2 }, { position: 5 }] },
      importance: null,
      addedParameters: report.trainableParameters,
      placement: { blocks: 6, trainedBlocks: 2, backwardBlocks: 4 },
      context: 64,
      memory: { fits: true },
    });
    expect(report.addedParameters % block).toBe(0);
    expect(report.trainableTensors).toHaveLength(18);
    const float = report.sizes.find(({ format, type }) => format === 'huggingface' && type === 'F32')!;
    expect(float.bytes - float.baseBytes).toBeGreaterThan(4 * report.addedParameters);
    expect(tiny.studio.models.list()).toEqual(before);
  });

  it('says what an export will weigh', async () => {
    const expanded = await tiny.studio.planner.expand({ model: 'tiny', blocks: 2, place: 'top', oldDatasets: [], name: 'weighed' });
    const { sizes } = await tiny.studio.planner.plan({ model: 'tiny', blocks: 2, place: 'top', oldDatasets: [] });
    const exported = await exportHuggingFace(expanded.path, join(tiny.directory, 'weighed'));
    const expected = sizes.find(({ format, type }) => format === 'huggingface' && type === 'F32')!.bytes;
    const { size: record } = await stat(join(expanded.path, 'expansion.json'));
    // The record of the expansion is the only thing that the base has nothing like: it counts in a model of this size alone.
    expect(Math.abs(exported.bytes - record - expected) / expected).toBeLessThan(0.01);
  });

  it('by what blocks matter is refused until that was measured, and without old data', async () => {
    const plan = (oldDatasets: string[]): Promise<unknown> =>
      tiny.studio.planner.plan({ model: 'tiny', blocks: 1, place: 'least-important', oldDatasets });
    expect(await refusal(() => plan([]))).toMatchObject({
      code: 'BAD_INPUT',
      found: 'no old dataset',
      hint: expect.stringMatching(/--old/) as string,
    });
    expect(await refusal(() => plan(['stories']))).toMatchObject({
      code: 'BAD_INPUT',
      found: 'no measurement of "tiny" on "stories"',
      hint: expect.stringMatching(/model importance "tiny" --old "stories"/) as string,
    });
    expect((await refusal(() => tiny.studio.planner.measure({ model: 'tiny', oldDatasets: [] }))).found).toBe('no old dataset');
  });
});

describe('what the blocks matter', () => {
  it('is measured once, told step by step, kept, and decides where new blocks go', async () => {
    const { planner, models } = tiny.studio;
    const request = { model: 'tiny', oldDatasets: ['stories', 'stories'], ...AMOUNT };
    const events = [];
    for await (const event of planner.follow(request)) events.push(event);
    const table = events.at(-1)!.importance!;
    expect(table).toMatchObject({
      datasets: [{ name: 'stories', hash: tiny.oldDataset.hash }],
      context: 32,
      windows: 6,
      engine: fastEngine,
    });
    expect(table.blocks).toHaveLength(4);
    expect(events.slice(0, -1).every(({ importance }) => importance === null)).toBe(true);

    let heard = 0;
    expect(await planner.measure(request, () => heard++)).toEqual(table);
    expect(heard).toBe(0);
    expect(planner.importance({ model: 'tiny', oldDatasets: ['stories'] })).toEqual(table);
    expect(planner.importance({ model: 'tiny', oldDatasets: ['code'] })).toBeNull();

    const least = leastImportantFirst(table.blocks).slice(0, 2).sort();
    const expanded = await planner.expand({ model: 'tiny', blocks: 2, place: 'least-important', oldDatasets: ['stories'] });
    expect(expanded.plan!.inserted.map(({ after }) => after)).toEqual(least);
    expect((await expansionOf(expanded.path)).line[0]).toMatchObject({ id: expanded.id, name: expanded.name, importance: table });
    expect(models.show(expanded.id).line[0]!.importance).toEqual(table);
  });

  it('places the blocks of a run, which keeps the table', async () => {
    const { runs } = tiny.studio;
    const request = {
      model: 'tiny',
      newDatasets: ['code'],
      oldDatasets: ['stories'],
      method: 'expand' as const,
      blocks: 1,
      place: 'least-important',
      steps: 2,
      batch: 2,
      context: 32,
      engine: fastEngine,
      advanced: { evaluationTokens: 64 },
    };
    const preview = await runs.preview(request);
    const [least] = leastImportantFirst(preview.importance!.blocks);
    expect(preview.plan!.inserted).toEqual([{ after: least, copies: least, position: least! + 1 }]);
    const { id } = await runs.start({ ...request, name: 'placed' });
    const run = await until(tiny.studio, id, ({ status }) => status === 'done');
    expect(run.configuration.importance).toEqual(preview.importance);
    const { line } = await expansionOf(run.modelPath!);
    expect(line).toMatchObject([{ id, name: 'placed', importance: preview.importance, training: { run: id, steps: 2 } }]);
    expect(line[0]!.training!.datasets.map(({ name, role }) => [name, role])).toEqual([
      ['code', 'new'],
      ['stories', 'old'],
    ]);
    const summary = runs.show(id);
    const { importance: _, ...settings } = summary.configuration;
    const placedAlike = { ...summary, configuration: settings };
    expect(differencesOf([summary, placedAlike], { unit: 'nats', measures: [] }), 'where blocks stand is a setting, why is none').toEqual(
      {},
    );
    expect((await refusal(() => runs.preview({ ...request, oldDatasets: [], newDatasets: ['code'] }))).found).toBe('no old dataset');
  });

  it('can be left off: nothing is kept', async () => {
    const { planner } = tiny.studio;
    const request = { model: 'tiny', oldDatasets: ['code'], ...AMOUNT, windows: 5 };
    const left = new AbortController();
    left.abort();
    expect((await refusal(() => planner.measure(request, undefined, left.signal))).code).toMatch(/INTERRUPTED|CRASHED/);
    for await (const _ of planner.follow(request)) break;
    expect(planner.importance(request)).toBeNull();
  });

  it('of a longer context than the model has is refused', async () => {
    const error = await refusal(() => tiny.studio.planner.measure({ model: 'tiny', oldDatasets: ['stories'], context: 65 }));
    expect(error).toMatchObject({ code: 'BAD_INPUT', found: '65 tokens', allowed: '2 to 64 tokens' });
  });
});

describe('a second and a third expansion', () => {
  it('keep the whole line, and know which blocks are whose', async () => {
    const { planner, models, runs } = tiny.studio;
    const once = await planner.expand({ model: 'tiny', place: '1', oldDatasets: [], name: 'once' });
    const { id } = await runs.start({
      model: 'once',
      newDatasets: ['code'],
      oldDatasets: [],
      method: 'expand',
      place: '0,4',
      steps: 1,
      batch: 2,
      context: 32,
      engine: fastEngine,
      name: 'twice',
    });
    const run = await until(tiny.studio, id, ({ status }) => status === 'done');
    const thrice = await planner.expand({ model: run.model!, place: '2', oldDatasets: [], name: 'thrice' });
    expect(thrice.line.map(({ name, base }) => [base.name, name])).toEqual([
      ['tiny', 'once'],
      ['once', 'twice'],
      ['twice', 'thrice'],
    ]);
    // 0 1 [a] 2 3 -> 0 [b] 1 a 2 3 [b] -> 0 b 1 [c] a 2 3 b
    expect(once.owners).toEqual(['base', 'base', 0, 'base', 'base']);
    expect(models.show(run.model!).owners).toEqual(['base', 1, 'base', 0, 'base', 'base', 1]);
    expect(thrice.owners).toEqual(['base', 1, 'base', 2, 0, 'base', 'base', 1]);
    expect((await expansionOf(thrice.path)).base).toEqual({ name: 'tiny', hash: (await expansionOf(once.path)).base.hash });
    expect(await models.verify({ model: 'thrice', engine: fastEngine })).toMatchObject({
      identity: true,
      maxLogitDifference: 0,
      problems: [],
    });
  });
});

describe('a model whose plan and weights disagree', () => {
  /** Imports an expanded model whose tensor was changed before: its own hash is in order. */
  async function importTampered(name: string, tensorStart: Buffer): Promise<string> {
    const expanded = await tiny.studio.planner.expand({ model: 'tiny', place: '3', oldDatasets: [], name: `${name} before` });
    const directory = join(tiny.directory, name);
    await exportHuggingFace(expanded.path, directory);
    tiny.studio.models.remove({ model: expanded.id });
    const path = join(directory, 'model.safetensors');
    const file = await readFile(path);
    const at = file.indexOf(tensorStart);
    file.writeFloatLE(file.readFloatLE(at) + 0.5, at);
    await writeFile(path, file);
    return (await tiny.studio.models.import({ path: directory, name })).id;
  }

  it('is not trained, not expanded, and does not verify; the tensors are named', async () => {
    const base = await readFile(join(tiny.model.path, 'model.safetensors'));
    const dataStart = 8 + Number(base.readBigUInt64LE(0));
    const model = await importTampered('tampered', base.subarray(dataStart, dataStart + 64)); // the embedding's first row
    const start = (): Promise<unknown> =>
      tiny.studio.runs.start({ model, newDatasets: ['code'], oldDatasets: [], method: 'full', steps: 1, context: 32, engine: fastEngine });
    const error = await refusal(start);
    expect(error).toMatchObject({ code: 'CORRUPT', message: 'The plan of the model "tampered" and its weights disagree.' });
    expect(error.found).toMatch(/^in tensors outside the blocks: model\.embed_tokens\.weight F32 sha256 [0-9a-f]{12}…$/);
    expect(error.allowed).toMatch(/^model\.embed_tokens\.weight F32 sha256 [0-9a-f]{12}…, what expansion\.json recorded$/);
    expect((await refusal(() => tiny.studio.planner.expand({ model, place: 'top', oldDatasets: [] }))).code).toBe('CORRUPT');
    expect(tiny.studio.runs.list().some(({ baseModel }) => baseModel.id === model)).toBe(false);
    const { problems } = await tiny.studio.models.verify({ model, engine: fastEngine });
    expect(problems.join()).toMatch(
      /model\.embed_tokens\.weight is not what the plan says: found F32 [0-9a-f]{64}, allowed F32 [0-9a-f]{64}/,
    );
  });

  it('is found by its base, which its hash names, where nothing was recorded', async () => {
    const base = await readFile(join(tiny.model.path, 'model.safetensors'));
    const dataStart = 8 + Number(base.readBigUInt64LE(0));
    const model = await importTampered('unrecorded', base.subarray(dataStart, dataStart + 64));
    const { path } = tiny.studio.models.show(model);
    await writeFile(join(path, 'expansion.json'), JSON.stringify(asVersion2(await expansionOf(path))));
    const error = await refusal(() =>
      tiny.studio.runs.start({ model, newDatasets: ['code'], oldDatasets: [], method: 'full', steps: 1, context: 32, engine: fastEngine }),
    );
    expect(error.allowed).toMatch(/, the base's model\.embed_tokens\.weight$/);
  });
});

/** The same as an earlier version of Strata wrote it, which recorded no tensors. */
function asVersion2({ line }: Expansion): object {
  const { base, method } = line.at(-1)!;
  return { schemaVersion: 2, base, method, training: null };
}
