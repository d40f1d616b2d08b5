import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TrainPreview } from '../../shared/contract/training.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { fastEngine } from '../support/engines.ts';
import { StrataHere } from '../support/strata-command.ts';
import { writeTinySources } from '../support/workspace.ts';

/** What is trained, chosen on the command line. */

let directory: string;
let strata: StrataHere;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strata-methods-'));
  strata = new StrataHere(join(directory, 'home'));
  const sources = await writeTinySources(directory);
  await strata.json('model', 'import', sources.model);
  await strata.json('data', 'import', sources.newText, sources.oldText, '--name', 'text');
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const TRAIN = ['train', '--model', 'tiny', '--new', 'text', '--steps', '3', '--batch', '4', '--context', '32', '--engine', fastEngine];
const LORA = ['--method', 'lora', '--rank', '2', '--alpha', '3', '--targets', 'q_proj,up_proj'];

test('a dry run shows what a run would do, need and cost, and starts nothing', async () => {
  const preview = await strata.json<TrainPreview>(...TRAIN, ...LORA, '--dry-run');
  expect(preview).toMatchObject({
    method: { name: 'lora', rank: 2, alpha: 3, targets: ['q_proj', 'up_proj'] },
    steps: 3,
    placement: { blocks: 4, backwardBlocks: 4 },
    memory: { keepsActivations: true },
  });
  const { stdout } = await strata.run(...TRAIN, '--at', 'top', '--blocks', '1', '--dry-run');
  expect(stdout).toMatch(/^Method +expand, new blocks at 4$/m);
  expect(stdout).toMatch(/^Backward pass +through 1 of 5 blocks; the 4 below are frozen and only go forward$/m);
  expect(stdout).toMatch(/^Memory +about [\d.]+ MB of [\d.]+ GB: weights .*, engine [\d.]+ MB$/m);
  expect(stdout).toMatch(/^Time +about /m);
  expect(await strata.json('run', 'list')).toEqual([]);
  expect(existsSync(join(strata.home, 'runs'))).toBe(false);
});

test('adapters are trained as their options say, with the settings that were set', async () => {
  const settings = ['--set', 'microBatch=2', 'schedule=wsd', 'decay=0.5', 'packing=documents', 'lr.adapters=0.5'];
  const run = await strata.json<RunSummary>(...TRAIN, ...LORA, ...settings);
  expect(run).toMatchObject({
    status: 'done',
    method: 'lora',
    plan: null,
    identityDifference: 0,
    trainableParameters: 4 * 2 * (16 + 16 + 16 + 32),
    configuration: {
      method: { name: 'lora', rank: 2, alpha: 3, targets: ['q_proj', 'up_proj'] },
      microBatch: 2,
      schedule: { name: 'wsd', decay: 0.5, shape: '1-sqrt' },
      packing: 'documents',
      learningRateFactors: { adapters: 0.5 },
    },
  });
  await strata.json('model', 'export', run.model!, '--out', join(directory, 'exported'));
  expect(existsSync(join(directory, 'exported/adapter/adapter_model.safetensors'))).toBe(true);
});

test('chosen blocks of the base are trained', async () => {
  const run = await strata.json<RunSummary>(...TRAIN, '--method', 'freeze', '--train-blocks', 'top:1');
  expect(run).toMatchObject({ status: 'done', method: 'freeze', addedParameters: 0, identityDifference: null });
  expect(run.trainableTensors.every((name) => name.startsWith('model.layers.3.'))).toBe(true);
});
