import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Line, lineSchema, nextDomainSchema } from '../../shared/contract/lines.ts';
import type { DatasetInfo } from '../../shared/contract/datasets.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import type { Studio } from '../../main/studio/studio.ts';
import type { ParsedTrainRequest } from '../../main/studio/train-request.ts';
import { fastEngine } from '../support/engines.ts';
import { until } from '../support/studio-runs.ts';
import { openTinyStudio, type TinyStudio, writeDocuments } from '../support/workspace.ts';

/** A line of two domains on the tiny model: each test goes on from the one before. */
let tiny: TinyStudio;
let studio: Studio;
let sums: DatasetInfo;
let first: RunSummary;
let second: RunSummary;

const CONTEXT = 32;

async function trained(request: ParsedTrainRequest): Promise<RunSummary> {
  const { id } = await studio.runs.start({ ...request, engine: fastEngine });
  const run = await until(studio, id, ({ status }) => status === 'done');
  await studio.runs.ended(id);
  return run;
}

const shortRun = { method: 'expand', place: 'even', blocks: 1, steps: 20, batch: 2, context: CONTEXT } as const;
const measuresAll = { evaluateEvery: 20, evaluationTokens: 100_000 };

/** Loss of a saved model on a dataset's held-out part, by the evaluation that `strata eval` does. */
async function lossOf(model: string, dataset: string): Promise<number> {
  const { lossPerToken } = await studio.text.evaluate({ model, datasets: [dataset], context: CONTEXT, engine: fastEngine });
  return lossPerToken;
}

/** The score of a cell; fails where it is not known. */
function scoreAt(line: Line, row: number, task: number): number {
  const cell = line.tasks[task - 1]!.cells[row]!;
  if (!cell.isKnown) throw new Error(`R[${row}, ${task}] is not known: ${cell.reason}`);
  return cell.score.value;
}

beforeAll(async () => {
  tiny = await openTinyStudio();
  studio = tiny.studio;
  const path = join(tiny.directory, 'sums.jsonl');
  await writeDocuments(
    path,
    Array.from({ length: 60 }, (_, n) => Array.from({ length: 12 }, (_, k) => `${n} + ${7 * k} = ${n + 7 * k}`).join('; ')),
  );
  sums = (await studio.datasets.import({ paths: [path] })).datasets[0]!;
  first = await trained({
    ...shortRun,
    model: tiny.model.id,
    newDatasets: [tiny.newDataset.id],
    oldDatasets: [tiny.oldDataset.id],
    replayShare: 0.25,
    advanced: measuresAll,
    name: 'first',
  });
  const next = await studio.nextDomains.after({ run: first.id });
  second = await trained({ ...next.request, method: 'expand', newDatasets: [sums.id], steps: 20, name: 'second' } as ParsedTrainRequest);
}, 120_000);
afterAll(() => tiny.remove());

describe('the next domain', () => {
  it('begins from the result, with what was learned and kept on the old side, and says why', async () => {
    const next = await studio.nextDomains.after({ run: first.name });
    expect(nextDomainSchema.parse(next)).toEqual(next);
    expect(next.request).toMatchObject({
      model: first.model,
      newDatasets: [],
      oldDatasets: [tiny.newDataset.id, tiny.oldDataset.id],
      replayShare: 0.25, // chosen by hand before
      method: 'expand',
      place: 'even',
      blocks: 1,
      batch: 2,
      context: CONTEXT,
      learningRate: first.configuration.learningRate,
      advanced: { evaluationTokens: 100_000 },
    });
    expect(next.request).not.toHaveProperty('steps');
    expect(next.missing).toEqual([]);
    expect(next.reasons.join('\n')).toContain(`What was just learned is on the old side now: “${tiny.newDataset.name}”.`);
  });

  it('has everything of the whole line on the old side', async () => {
    const { request } = await studio.nextDomains.after({ run: second.id });
    expect(request.oldDatasets).toEqual([sums.id, tiny.newDataset.id, tiny.oldDataset.id]);
  });
});

describe('a line', () => {
  it('is listed by the model that it ends in', () => {
    expect(studio.lines.list()).toMatchObject([
      { model: { id: second.model, name: 'second' }, base: 'tiny', tasks: [[tiny.newDataset.name], [sums.name]] },
    ]);
  });

  it('has the scores that its runs measured, each in its place', async () => {
    const line = studio.lines.show({ model: second.id });
    expect(lineSchema.parse(line)).toEqual(line);
    expect(line.rows.map(({ name }) => name)).toEqual(['tiny', 'first', 'second']);
    expect(line.steps).toMatchObject([
      { task: 1, name: 'first', insertedBlocks: 1, run: { id: first.id }, gain: first.gain, forgetting: first.forgetting },
      { task: 2, name: 'second', insertedBlocks: 1, run: { id: second.id }, gain: second.gain },
    ]);
    const of = (run: RunSummary, moment: 'baseline' | 'final', dataset: DatasetInfo): number =>
      -run[moment]!.datasets!.find(({ datasetId }) => datasetId === dataset.id)!.loss.value;
    expect(scoreAt(line, 0, 1)).toBeCloseTo(of(first, 'baseline', tiny.newDataset), 9);
    expect(scoreAt(line, 1, 1)).toBeCloseTo(of(first, 'final', tiny.newDataset), 9);
    expect(scoreAt(line, 2, 1)).toBeCloseTo(of(second, 'final', tiny.newDataset), 9);
    expect(scoreAt(line, 1, 2)).toBeCloseTo(of(second, 'baseline', sums), 9);
    expect(scoreAt(line, 2, 2)).toBeCloseTo(of(second, 'final', sums), 9);
    expect(line.tasks[1]!.cells[0]).toEqual({ isKnown: false, reason: 'not measured yet', canBeMeasured: true });
    expect(line.measurable).toBe(1);
    expect(line.kept!.datasets).toMatchObject([{ name: tiny.oldDataset.name }]);
    expect(line.kept!.cells.every(({ isKnown }) => isKnown)).toBe(true);
    // What run 2 measured of what run 1 learned is what the saved model has.
    expect(scoreAt(line, 2, 1)).toBeCloseTo(-(await lossOf(second.model!, tiny.newDataset.id)), 5);
  });

  it('has figures only where their scores are measured, with errors of paired documents', () => {
    const { figures, tasks } = studio.lines.show({ model: second.id });
    const line = studio.lines.show({ model: second.id });
    expect(figures.averageScore!.value).toBeCloseTo((scoreAt(line, 2, 1) + scoreAt(line, 2, 2)) / 2, 9);
    expect(figures.backwardTransfer!.value).toBeCloseTo(scoreAt(line, 2, 1) - scoreAt(line, 1, 1), 9);
    expect(figures.forgetting!.value).toBeCloseTo(-figures.backwardTransfer!.value, 9);
    expect(figures.avalancheForgetting!.value).toBeCloseTo(-figures.backwardTransfer!.value, 9);
    expect(figures.forwardTransfer).toBeNull();
    expect(figures.intransigence).toBeNull();
    const [alone, later] = [tasks[0]!.cells[1]!, tasks[0]!.cells[2]!];
    if (!alone.isKnown || !later.isKnown) throw new Error('not known');
    // Documents that are hard for one model are hard for the other.
    expect(figures.backwardTransfer!.error).toBeLessThan(Math.hypot(alone.score.error!, later.score.error!));
    expect(later.change!.value).toBeCloseTo(later.score.value - scoreAt(line, 0, 1), 9);
  });

  it('in bits per byte is the same losses over bytes', () => {
    const bits = studio.lines.show({ model: second.id, unit: 'bits' });
    const measured = second.final!.datasets!.find(({ datasetId }) => datasetId === sums.id)!;
    expect(scoreAt(bits, 2, 2)).toBeCloseTo(-measured.bitsPerByte!.value, 9);
  });

  it('is filled by measuring, in the manner of what each column has, and stays so', async () => {
    const activities: string[] = [];
    const line = await studio.lines.measure({ model: second.id, engine: fastEngine }, ({ activity }) => activities.push(activity));
    expect(activities).toContain(`measuring “tiny” on ${sums.name}`);
    expect(line.measurable).toBe(0);
    expect(scoreAt(line, 0, 2)).toBeCloseTo(-(await lossOf(tiny.model.id, sums.id)), 5);
    expect(line.figures.forwardTransfer!.value).toBeCloseTo(scoreAt(line, 1, 2) - scoreAt(line, 0, 2), 9);
    expect(studio.lines.show({ model: second.id })).toEqual(line);
    const again: number[] = [];
    await studio.lines.measure({ model: second.id, engine: fastEngine }, ({ of }) => again.push(of));
    expect(again).toEqual([0]);
  });
});

describe('the joint model', () => {
  it('must have learned all tasks together', () => {
    for (const joint of [first.id, second.id]) {
      expect(() => studio.lines.setJoint({ model: second.id, joint })).toThrow('A model of the line itself');
    }
    expect(() => studio.lines.setJoint({ model: second.id, joint: null, task: 3 })).toThrow('The line has no such task');
  });

  it('gives the intransigence, once it is measured on the last task', async () => {
    const joint = await trained({
      ...shortRun,
      model: tiny.model.id,
      newDatasets: [tiny.newDataset.id, sums.id],
      oldDatasets: [],
      advanced: measuresAll,
      name: 'joint',
    });
    const line = studio.lines.setJoint({ model: second.id, joint: joint.name });
    expect(line.joint[0]).toBeNull();
    expect(line.joint[1]).toMatchObject({ name: 'joint', cell: { isKnown: true } });
    const score = -joint.final!.datasets!.find(({ datasetId }) => datasetId === sums.id)!.loss.value;
    expect(line.figures.intransigence!.value).toBeCloseTo(score - scoreAt(line, 2, 2), 9);
    expect(studio.lines.setJoint({ model: second.id, joint: null }).figures.intransigence).toBeNull();
  });
});

describe('what is gone', () => {
  it('leaves a sample in the place of a dataset, on the same held-out text', async () => {
    const before = studio.lines.show({ model: second.id });
    const sample = await studio.datasetSamples.make({ dataset: tiny.newDataset.id, share: 0.3, seed: 1 });
    expect(sample.sampleOf).toEqual({ id: tiny.newDataset.id, name: tiny.newDataset.name, hash: tiny.newDataset.hash });
    studio.datasets.remove({ dataset: tiny.newDataset.id });
    const after = studio.lines.show({ model: second.id });
    expect(after.tasks[0]!.datasets).toMatchObject([{ name: tiny.newDataset.name, id: sample.id, isSample: true }]);
    expect(after.tasks[0]!.cells).toEqual(before.tasks[0]!.cells);
    const next = await studio.nextDomains.after({ run: second.id });
    expect(next.request.oldDatasets).toEqual([sums.id, sample.id, tiny.oldDataset.id]);
    expect(next.reasons.join('\n')).toContain(`the sample “${sample.name}” is left`);

    // It reads a part only; past are only the sums, for the code is in the run, as its sample.
    const part = { evaluateEvery: 20, evaluationTokens: 256 };
    const request = {
      ...next.request,
      newDatasets: [tiny.oldDataset.id],
      oldDatasets: [sample.id],
      steps: 20,
      advanced: part,
      name: 'third',
    };
    const third = await trained(request as ParsedTrainRequest);
    expect(third.configuration.past).toMatchObject([{ id: sums.id }]);
    const gap = studio.lines.show({ model: third.id }).tasks[0]!.cells[3];
    expect(gap).toMatchObject({ isKnown: false, canBeMeasured: true, reason: expect.stringContaining('in windows of 32') as string });
    const line = await studio.lines.measure({ model: third.id, engine: fastEngine });
    expect(line.measurable).toBe(0);
    expect(scoreAt(line, 3, 1)).toBeCloseTo(-(await lossOf(third.model!, sample.id)), 5);
    expect(line.tasks[0]!.cells[3]).toMatchObject({ tokens: (line.tasks[0]!.cells[2] as { tokens: number }).tokens });
    // Each column is of the same windows.
    expect(line.tasks[2]!.manner!.coverage).toBe(1);
    const counts = line.tasks.map(({ cells }) => new Set(cells.map((cell) => (cell.isKnown ? cell.tokens : 0))).size);
    expect(counts).toEqual([1, 1, 1]);
  });

  it('is named, and what was measured stays readable', async () => {
    studio.models.remove({ model: first.model! });
    studio.datasets.remove({ dataset: sums.id });
    const line = studio.lines.show({ model: second.id });
    expect(line.rows[1]).toEqual({ name: 'first', model: null });
    expect(line.missing).toEqual([
      'The model “first” is not in this workspace: what was not measured of it before cannot be measured.',
      `“${sums.name}” is not in this workspace any more: what was measured on it stays, more cannot be measured.`,
      expect.stringMatching(/^Of “code” a sample is left/) as string,
    ]);
    expect(scoreAt(line, 1, 1)).toBeLessThan(0);
    await expect(studio.nextDomains.after({ run: first.id })).rejects.toThrow('no longer in the workspace');
    const next = await studio.nextDomains.after({ run: second.id });
    expect(next.missing).toEqual([{ name: sums.name, reason: 'it is not in this workspace any more' }]);
  });
});
