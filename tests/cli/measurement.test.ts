import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Movement } from '../../shared/domain/movement.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { fastEngine } from '../support/engines.ts';
import { StrataHere } from '../support/strata-command.ts';
import { type TinySources, writeTinySources } from '../support/workspace.ts';

/** What was measured, on the command line. */

let directory: string;
let strata: StrataHere;
let sources: TinySources;
let run: RunSummary;
let shown: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strata-measurement-'));
  strata = new StrataHere(join(directory, 'home'));
  sources = await writeTinySources(directory);
  await strata.json('model', 'import', sources.model);
  await strata.json('data', 'import', sources.newText);
  await strata.json('data', 'import', sources.oldText);
  const common = [
    '--model',
    'tiny',
    '--new',
    'code',
    '--old',
    'stories',
    '--replay',
    '0',
    '--steps',
    '12',
    '--batch',
    '2',
    '--context',
    '32',
  ];
  const guard = ['--guard', 'drift<=1e-9:lower-rate:from-start'];
  run = await strata.json('train', ...common, ...guard, '--name', 'guarded', '--set', 'evaluateEvery=4', '--engine', fastEngine);
  shown = (await strata.run('run', 'show', 'guarded')).stdout;
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test('a run shows each dataset with its standard errors, what its guard did, and how long it measured', () => {
  expect(run.configuration.guard).toEqual({ measure: 'drift', limit: 1e-9, action: 'lower-rate', fromStart: true });
  expect(run.guardEvents[0]).toMatchObject({ step: 4, action: 'lower-rate' });
  expect(shown).toMatch(/^Guard +after step 4: drift on old is .* ± .* above 1e-9: the learning rate is halved to/m);
  expect(shown).toMatch(/^Gain +\S+ ± 0\.\d{3} +new: held-out loss/m);
  expect(shown).toMatch(/^role +dataset +loss before +loss +bits per byte +agreement +drift +shifted +tokens +documents$/m);
  expect(shown).toMatch(/^old +stories +\d\.\d{3} ± 0\.\d{3} +\d\.\d{3} ± 0\.\d{3} .*\(100 %\) +\d+$/m);
  expect(shown).toMatch(/^Time .*\(\d.* % of it measuring\)/m);
});

test('eval measures held-out parts as a run does, also beside its base', async () => {
  const measured = await strata.json<{ datasets: NonNullable<RunSummary['final']>['datasets']; lossError: number }>(
    ...['eval', 'guarded', '--dataset', 'code', 'stories', '--reference', 'tiny', '--context', '32', '--engine', fastEngine],
  );
  const final = run.final!.datasets!;
  expect(measured.datasets!.map(({ name }) => name)).toEqual(['code', 'stories']);
  for (const [index, { loss, bitsPerByte, drift, tokens }] of measured.datasets!.entries()) {
    expect(tokens).toBe(final[index]!.tokens);
    expect(loss.value).toBeCloseTo(final[index]!.loss.value, 4);
    expect(loss.error).toBeCloseTo(final[index]!.loss.error!, 4);
    expect(bitsPerByte!.value).toBeCloseTo(final[index]!.bitsPerByte!.value, 4);
    expect(drift!.value).toBeCloseTo(final[index]!.drift!.value, 4);
  }
  expect(measured.lossError).toBeGreaterThan(0);
  const text = await strata.run('eval', 'tiny', '--text', sources.newText, '--reference', 'guarded', '--engine', fastEngine);
  expect(text.stdout).toMatch(/^Drift +\d\.\d{4} nats\/token, KL\(reference \|\| model\)$/m);
});

test('run movement shows where the model moved', async () => {
  const movement = await strata.json<Movement>('run', 'movement', 'guarded', '--engine', fastEngine);
  expect(movement.blocks.map(({ relative }) => relative! > 0)).toEqual(movement.blocks.map(({ inserted }) => inserted));
  const { stdout } = await strata.run('run', 'movement', 'guarded');
  expect(stdout).toMatch(/^\d +new, copy of \d +0\.\d{4} +\d.* % +[01]\.\d{4}$/m);
  expect(stdout).toMatch(/CKA on [\d,]+ held-out tokens of stories/);
});
