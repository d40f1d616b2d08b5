import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { continued } from '../../main/cli/continue-run.ts';
import type { Line } from '../../shared/contract/lines.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { fastEngine } from '../support/engines.ts';
import { startStrata } from '../support/strata-command.ts';
import { writeTinySources } from '../support/workspace.ts';

/** A line at the command line: one run, the next domain, and what both came to. */
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strata-line-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function strata<Result>(...args: string[]): Promise<Result> {
  const { stdout, stderr } = await startStrata([...args, '--home', join(directory, 'home'), '--json']).finished;
  try {
    return JSON.parse(stdout) as Result;
  } catch {
    throw new Error(stderr);
  }
}

const short = ['--steps', '4', '--batch', '2', '--context', '32', '--engine', fastEngine];

describe('strata train --continue', () => {
  it('goes on from a run, and the line shows every score', { timeout: 120_000 }, async () => {
    const { model, newText, oldText } = await writeTinySources(directory);
    await strata('model', 'import', model);
    await strata('data', 'import', newText);
    await strata('data', 'import', oldText);
    const first = await strata<RunSummary>('train', '--model', 'tiny', '--new', 'code', '--blocks', '1', '--name', 'first', ...short);
    const next = ['train', '--continue', 'first', '--new', 'stories', '--keep-sample', '2000', '--steps', '4', '--name', 'second'];
    const second = await strata<RunSummary>(...next, '--engine', fastEngine);
    expect(second.baseModel.id).toBe(first.model);
    expect(second.configuration).toMatchObject({ batch: 2, context: 32, seed: first.seed });
    expect(second.configuration.datasets).toMatchObject([
      { name: 'stories', role: 'new' },
      { name: 'sample of code', role: 'old', heldOutHash: first.configuration.datasets[0]!.hash },
    ]);
    expect(second.plan!.inserted).toHaveLength(1);
    const shown = await strata<Line>('line', 'measure', 'second', '--engine', fastEngine);
    expect(shown.tasks.map(({ cells }) => cells.map(({ isKnown }) => isKnown))).toEqual([
      [true, true, true],
      [true, true, true],
    ]);
    expect(await strata('line', 'list')).toMatchObject([{ model: { name: 'second' }, base: 'tiny', tasks: [['code'], ['stories']] }]);
    const { stdout } = await startStrata(['line', 'show', 'second', '--home', join(directory, 'home')]).finished;
    expect(stdout).toMatch(/after 2 +second +-\d\.\d{4} ± 0\.\d{4} +-\d\.\d{4} ± 0\.\d{4}/);
    expect(stdout).toMatch(/Backward transfer +[+-]\d\.\d{4} ± \d\.\d{4} +Earlier tasks became (better|worse) by/);
    expect(stdout).toMatch(/Intransigence \(RWalk\) +- +It needs a model that learned all tasks together/);
    expect(await strata('train', '--new', 'stories')).toMatchObject({
      error: { code: 'BAD_INPUT', found: 'neither --model nor --continue' },
    });
  });
});

describe('what is carried over', () => {
  const datasets = { find: (reference: string) => ({ id: reference.toLowerCase() }) } as Parameters<typeof continued>[2];
  const carried = { model: 'm', method: 'expand' as const, blocks: 2, place: 'even', oldDatasets: ['a', 'b'], advanced: { warmup: 0.1 } };

  it('gives way to what is asked for', () => {
    const asked = { newDatasets: ['C'], batch: 4, advanced: { weightDecay: 0 }, model: undefined };
    expect(continued(carried, asked, datasets)).toEqual({
      ...carried,
      newDatasets: ['C'],
      batch: 4,
      advanced: { warmup: 0.1, weightDecay: 0 },
    });
  });

  it('has no dataset on both sides, and those named as old besides', () => {
    expect(continued(carried, { newDatasets: ['A'], oldDatasets: ['D', 'b'] }, datasets)).toMatchObject({ oldDatasets: ['b', 'd'] });
  });

  it('leaves the old placement out where another is asked for', () => {
    expect(continued(carried, { newDatasets: ['C'], blocks: 1 }, datasets)).not.toHaveProperty('place');
    expect(continued(carried, { newDatasets: ['C'], method: 'lora' }, datasets)).toMatchObject({ method: 'lora' });
    expect(continued(carried, { newDatasets: ['C'], method: 'lora' }, datasets)).not.toHaveProperty('blocks');
  });
});
