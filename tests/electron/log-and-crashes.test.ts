import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CrashReports } from '../../main/electron/crash-reports.ts';
import { LogFile } from '../../main/electron/log-file.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();

test('the log turns over: three files, the newest lines in the first', async () => {
  const logs = join(folder.path, 'logs');
  const log = new LogFile(logs, 500);
  for (let line = 0; line < 100; line++) log.write(`line ${line}`);
  expect((await readdir(logs)).sort()).toEqual(['strata.1.log', 'strata.2.log', 'strata.log']);
  expect((await readFile(join(logs, 'strata.log'), 'utf8')).trimEnd()).toMatch(/line 99$/);
  new LogFile(logs, 500).write('after a new start');
  expect((await readFile(join(logs, 'strata.log'), 'utf8')).trimEnd()).toMatch(/line 99\n.* after a new start$/);
});

test('a log that cannot be written costs nothing but itself', async () => {
  await writeFile(join(folder.path, 'file'), '');
  const log = new LogFile(join(folder.path, 'file', 'logs'));
  log.write('heard all the same');
  expect(log.last()[0]).toMatch(/heard all the same$/);
});

test('a crash report has versions, details and the last lines; only the newest twenty stay', async () => {
  const logs = join(folder.path, 'crashes');
  const crashes = new CrashReports(logs, { strata: '1.2.3' }, () => ['the last line']);
  const path = crashes.write('the page', { reason: 'oom', exitCode: 9 })!;
  const text = await readFile(path, 'utf8');
  for (const part of ['what: the page', 'strata: 1.2.3', 'reason: oom', 'exitCode: 9', 'the last line']) expect(text).toContain(part);
  for (let count = 0; count < 30; count++) crashes.write('the trainer', {});
  expect(await readdir(logs)).toHaveLength(20);
  await mkdir(join(folder.path, 'x'));
  await writeFile(join(folder.path, 'x', 'file'), '');
  expect(new CrashReports(join(folder.path, 'x', 'file'), {}, () => []).write('the page', {})).toBeNull();
});
