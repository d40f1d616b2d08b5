import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Comparison } from '../../shared/contract/comparison.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { insertMeasuredRun, storeOf } from '../support/measured-runs.ts';
import { StrataHere } from '../support/strata-command.ts';

let home: string;
let strata: StrataHere;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'strata-cli-history-'));
  const store = storeOf(home);
  const before = { new: [3, 4, 5, 6], old: [2, 2, 3, 3] };
  insertMeasuredRun(store, {
    id: 'a',
    name: 'plain',
    createdAt: '2026-01-01T00:00:00.000Z',
    before,
    after: { new: [2, 3, 4, 5], old: [2.5, 2.5, 3.5, 3.5] },
  });
  insertMeasuredRun(store, { id: 'b', name: 'replayed', before, after: { new: [2.2, 3.1, 4.2, 5.1], old: [2.1, 2.1, 3.1, 3.1] } });
  store.close();
  strata = new StrataHere(home);
});
afterAll(() => rm(home, { recursive: true }));

const list = async (...options: string[]): Promise<string[]> =>
  (await strata.json<RunSummary[]>('run', 'list', ...options)).map(({ id }) => id);

test('runs are marked, looked for and put away', async () => {
  expect(await strata.json('run', 'tag', 'plain', 'thesis', 'keep')).toMatchObject({ id: 'a', tags: ['thesis', 'keep'] });
  expect(await list('--tag', 'thesis')).toEqual(['a']);
  expect(await list('--text', 'REPLAYED')).toEqual(['b']);
  expect(await list('--sort', 'forgetting', '--ascending')).toEqual(['b', 'a']);
  expect(await strata.json('run', 'favourite', 'b')).toMatchObject({ favourite: true });
  expect(await list('--favourite')).toEqual(['b']);
  expect(await strata.json<RunSummary>('run', 'archive', 'a')).toMatchObject({ id: 'a', archivedAt: expect.any(String) as string });
  expect([await list(), await list('--archived')]).toEqual([['b'], ['a']]);
  await strata.json('run', 'unarchive', 'a');
  const { stdout } = await strata.run('run', 'list');
  expect(stdout).toMatch(/\* replayed/);
  expect(stdout).toMatch(/thesis, keep/);
});

test('a comparison tells the trades, forgetting at equal gain and who is better', async () => {
  const comparison = await strata.json<Comparison>('run', 'compare', 'plain', 'replayed', '--baseline', 'plain', '--gain', '0.5');
  expect(comparison.matched!.gain).toBe(0.5);
  expect(comparison.verdicts.map(({ measure, verdict }) => [measure, verdict])).toEqual([
    ['gain', 'worse'],
    ['forgetting', 'better'],
    ['drift', 'cannot-tell'],
  ]);
  const { stdout } = await strata.run('run', 'compare', 'plain', 'replayed', '--baseline', 'plain');
  expect(stdout).toMatch(/plain +\+1\.0000 ± 0\.0200 +\+0\.5000 ± 0\.0100/);
  expect(stdout).toMatch(/Forgetting where each had gained \+0\.8600 nats per token/);
  expect(stdout).toMatch(/replayed +forgetting +-0\.4000 +-0\.4000 to -0\.4000 +better/);
  expect(stdout).toMatch(/drift .*cannot tell/);
});

test('runs are written into files', async () => {
  const table = join(home, 'runs.csv');
  expect(await strata.json('run', 'export', 'a', 'b', '--out', table)).toEqual({ path: table, bytes: expect.any(Number) as number });
  expect((await readFile(table, 'utf8')).split('\r\n')).toHaveLength(4);
  const report = join(home, 'report.html');
  await strata.json('run', 'report', 'a', 'b', '--baseline', 'a', '--out', report);
  expect(await readFile(report, 'utf8')).toMatch(/Against the baseline/);
});

test('a baseline that is not compared is refused, and said', async () => {
  const failure = await strata.failure('run', 'compare', 'a', 'b', '--baseline', 'nobody');
  expect(failure).toMatchObject({ exitCode: 2, found: expect.stringContaining('nobody') as string });
});

test('what was deleted comes back until it is purged', async () => {
  expect(await strata.json('run', 'delete', 'plain')).toEqual({ removed: 'a' });
  expect([await list(), await list('--deleted')]).toEqual([['b'], ['a']]);
  expect(await strata.json('run', 'restore', 'plain')).toMatchObject({ id: 'a', deletedAt: null });
  await strata.json('run', 'delete', 'plain');
  expect(await strata.json('run', 'purge', '--all')).toEqual({ removed: ['a'] });
  expect(await strata.failure('run', 'show', 'plain')).toMatchObject({ exitCode: 2, code: 'NOT_FOUND' });
});

test.each([
  ['a run beside itself', ['compare', 'b', 'b'], /^replayed, replayed$/],
  ['a gain of nothing', ['compare', 'b', 'b', '--gain', '0'], /^0$/],
  ['an unknown order', ['list', '--sort', 'luck'], /luck/],
  ['two shelves', ['list', '--archived', '--deleted'], /deleted/],
  ['a purge of nothing', ['purge'], /no run/],
  ['a purge of what is not in the bin', ['purge', 'b'], /in the history/],
  ['an unknown format', ['export', 'b', '--format', 'xls', '--out', '/tmp/x'], /xls/],
  ['a tag of spaces', ['tag', 'b', '  '], /"/],
])('%s is refused, and said', async (_, args, found) => {
  const failure = await strata.failure('run', ...args);
  expect(failure.exitCode).toBe(2);
  expect(failure.found).toMatch(found);
});
