import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Batch, RecipePreview } from '../../shared/contract/recipes.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { fastEngine } from '../support/engines.ts';
import { StrataHere } from '../support/strata-command.ts';
import { writeTinySources } from '../support/workspace.ts';

let directory: string;
let strata: StrataHere;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strata-recipes-'));
  strata = new StrataHere(join(directory, 'home'));
  const sources = await writeTinySources(directory);
  await strata.json('model', 'import', sources.model);
  await strata.json('data', 'import', sources.newText);
  await strata.json('data', 'import', sources.oldText);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const data = ['--model', 'tiny', '--new', 'code', '--old', 'stories', '--replay', '0.2', '--steps', '4', '--batch', '2', '--context', '16'];
const settings = ['--engine', fastEngine, '--set', 'evaluationTokens=64', 'evaluateEvery=4'];

describe('recipes and the queue on the command line', () => {
  it('preview, start, show and cancel a sweep; the queue is changed and worked through', async () => {
    const sweep = ['recipe', 'sweep', ...data, '--block-counts', '1,2', '--places', 'even,top', '--name', 'grid', ...settings];
    const preview = await strata.json<RecipePreview>(...sweep, '--preview');
    expect(preview.runs).toHaveLength(3); // one block is evenly spread where it is at the top
    expect(await strata.json('queue', 'list')).toEqual([]);
    const batch = await strata.json<Batch>(...sweep);
    expect(batch).toMatchObject({ name: 'grid', progress: { queued: 3 } });
    const added = await strata.json<RunSummary>('train', ...data, '--name', 'urgent', '--queue', '--preset', 'fast', ...settings);
    expect(added).toMatchObject({ status: 'queued', configuration: { method: { name: 'expand', plan: { inserted: [{ after: 3 }] } } } });
    const moved = await strata.json<RunSummary[]>('queue', 'move', 'urgent', '--before', batch.runs[0]!.run);
    expect(moved.map(({ name }) => name)[0]).toBe('urgent');
    expect(await strata.json<Batch>('recipe', 'cancel', 'grid')).toMatchObject({ isOver: true, progress: { stopped: 3 } });
    expect(await strata.json<RunSummary[]>('queue', 'run')).toMatchObject([{ name: 'urgent', status: 'done', stepsDone: 4 }]);
    expect((await strata.run('recipe', 'show', 'grid')).stdout).toMatch(/grid .*sweep[^]*3 stopped[^]*cancelled/);
  });

  it('clone a run with changes, and repeat one exactly', async () => {
    const cloned = await strata.json<RunSummary>(
      'run',
      'clone',
      'urgent',
      '--set',
      'blocks=2',
      'learningRate=0.004',
      'beta2=0.9',
      '--name',
      'cloned',
    );
    expect(cloned).toMatchObject({ name: 'cloned', status: 'done', configuration: { learningRate: 0.004, beta2: 0.9, replayShare: 0.2 } });
    expect(cloned.plan!.inserted).toHaveLength(2);
    const again = await strata.json<RunSummary & { verdict: { isIdentical: boolean } }>('run', 'rerun', 'cloned');
    expect(again).toMatchObject({ rerunOf: cloned.id, status: 'done', verdict: { isIdentical: true } });
  });

  it.each<[string[], object]>([
    [['train', ...data, '--preset', 'best'], { code: 'BAD_INPUT', found: 'best', allowed: 'balanced, careful, fast, paper' }],
    [['run', 'clone', 'urgent', '--set', 'colour=red'], { code: 'BAD_INPUT', found: 'colour=red' }],
    [['run', 'clone', 'urgent', '--set', 'steps=many'], { code: 'BAD_INPUT', found: expect.stringContaining('steps') as string }],
    [['queue', 'move', 'urgent'], { code: 'BAD_INPUT', allowed: 'one of --before RUN, --last and --priority N' }],
    [['queue', 'move', 'urgent', '--last'], { code: 'CONFLICT', found: 'run "urgent" is done' }],
    [['recipe', 'sweep', ...data, '--replay-shares', '0,much'], { code: 'BAD_INPUT', found: '0,much' }],
    [['recipe', 'forecast', ...data, '--fraction', '2'], { code: 'BAD_INPUT', found: '--fraction' }],
    [['recipe', 'show', 'nothing'], { code: 'NOT_FOUND', found: 'nothing' }],
  ])('refuse what cannot be: %j', async (args, failure) => {
    expect(await strata.failure(...args)).toMatchObject({ exitCode: 2, ...failure });
  });
});
