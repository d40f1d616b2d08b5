import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatasetInfo } from '../../shared/contract/datasets.ts';
import type { DatasetImport } from '../../shared/contract/dataset-import.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { fastEngine } from '../support/engines.ts';
import { StrataCommand } from '../support/strata-command.ts';
import { type TinySources, writeDocuments, writeTinySources } from '../support/workspace.ts';

/** A database that cannot write down what was done, at the very moment that a trigger chooses: a full disk is not so exact. */

let directory: string;
let strata: StrataCommand;
let sources: TinySources;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strata-unrecorded-'));
  strata = new StrataCommand(join(directory, 'home'));
  sources = await writeTinySources(directory);
  await strata.json('model', 'import', sources.model);
  await strata.json('data', 'import', sources.newText);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Does something while the database refuses what the trigger's event says. */
async function refusing(event: string, work: () => Promise<void>): Promise<void> {
  const database = new Database(join(strata.home, 'strata.db'));
  database.exec(`CREATE TRIGGER refused BEFORE ${event} BEGIN SELECT RAISE(ABORT, 'no room for it'); END`);
  try {
    await work();
  } finally {
    database.exec('DROP TRIGGER refused');
    database.close();
  }
}

test.each([
  ['models', ['model', 'import', 'model']],
  ['models', ['model', 'expand', 'tiny', '--blocks', '1']],
])('what cannot be recorded among the %s leaves no folder: strata %j', async (kind, [group = '', name = '', what = '', ...rest]) => {
  const before = await readdir(join(strata.home, kind));
  await refusing(`INSERT ON ${kind}`, async () => {
    const { exitCode, stderr } = await strata.run(group, name, sources[what as keyof TinySources] ?? what, ...rest);
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining('Error: no room for it') as string });
  });
  expect(await readdir(join(strata.home, kind))).toEqual(before);
});

test('a dataset that cannot be recorded is not read again: the import goes on with the finished folder', async () => {
  await refusing('INSERT ON datasets', async () => {
    const { exitCode, stderr } = await strata.run('data', 'import', sources.oldText);
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining('Error: no room for it') as string });
  });
  const [failed] = await strata.json<DatasetImport[]>('data', 'imports');
  expect(failed).toMatchObject({ state: 'failed', canResume: true, error: { message: 'no room for it' } });
  await rm(sources.oldText);
  await writeDocuments(sources.oldText, ['something else']);
  const { datasets } = await strata.json<{ datasets: DatasetInfo[] }>('data', 'resume', failed!.id);
  expect(datasets).toMatchObject([{ name: 'stories', documents: 60 }]);
  expect(await readdir(join(strata.home, 'datasets', datasets[0]!.id))).not.toContain('request.json');
  expect(await strata.json('data', 'imports')).toEqual([]);
});

test('a run of which nothing more can be recorded, not even its end, ends and can be resumed', async () => {
  await refusing("UPDATE ON runs WHEN NEW.baseline IS NOT NULL OR NEW.status IN ('failed', 'interrupted')", async () => {
    const train = ['--model', 'tiny', '--new', 'code', '--steps', '20', '--batch', '2', '--engine', fastEngine];
    const { exitCode, stderr } = await strata.run('train', ...train, '--name', 'unrecorded');
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining('Error: no room for it') as string });
  });
  expect(await strata.json<RunSummary[]>('run', 'list')).toEqual([
    expect.objectContaining({ name: 'unrecorded', status: 'interrupted', model: null }),
  ]);
  expect(await strata.json('run', 'resume', 'unrecorded')).toMatchObject({ status: 'done', stepsDone: 20, identityDifference: 0 });
});
