import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isAlive } from '../../main/training/process-sign.ts';
import { lockRun } from '../../main/training/run-lock.ts';

let directory: string;
let run: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strata-lock-'));
  run = join(directory, 'runs', 'run-1');
});
afterEach(() => rm(directory, { recursive: true }));

const neverWaits = (): never => expect.unreachable('There is nobody to wait for.');
/** A process that ends when its stdin does. */
const startProcess = (): ReturnType<typeof spawn> =>
  spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] });

it('a folder is made for its trainer, and removed after it when nothing was put there', async () => {
  const release = await lockRun(run, neverWaits);
  expect((await readFile(join(run, 'trainer.pid'), 'utf8')).split(' ')[0]).toBe(String(process.pid));
  await release();
  expect(existsSync(run)).toBe(false);
});

it('a checkpoint in it stays', async () => {
  await mkdir(join(run, 'checkpoint'), { recursive: true });
  await (
    await lockRun(run, neverWaits)
  )();
  expect(existsSync(join(run, 'checkpoint'))).toBe(true);
  expect(existsSync(join(run, 'trainer.pid'))).toBe(false);
});

it.each(['', 'nonsense', String(2 ** 22 + 1)])('a sign left behind (%o) is nobody’s', async (content) => {
  await mkdir(run, { recursive: true });
  await writeFile(join(run, 'trainer.pid'), content);
  await (
    await lockRun(run, neverWaits)
  )();
});

it.skipIf(process.platform !== 'linux')('a sign left behind is nobody’s, although another program has its number now', async () => {
  const locker = join(directory, 'locker.mjs');
  await writeFile(
    locker,
    `import { lockRun } from ${JSON.stringify(join(import.meta.dirname, '../../main/training/run-lock.ts'))};
     await lockRun(${JSON.stringify(run)}, () => undefined);
     process.kill(process.pid, 'SIGKILL');`,
  );
  await once(spawn(process.execPath, [locker], { stdio: 'ignore' }), 'exit');
  const sign = (await readFile(join(run, 'trainer.pid'), 'utf8')).split(' ');
  expect(sign).toHaveLength(2);
  const other = startProcess();
  await writeFile(join(run, 'trainer.pid'), `${other.pid} ${sign[1]}`);
  await (
    await lockRun(run, neverWaits)
  )();
  other.stdin!.end();
  await once(other, 'exit');
});

it('a trainer that lives is waited for', async () => {
  const other = startProcess();
  await mkdir(run, { recursive: true });
  await writeFile(join(run, 'trainer.pid'), String(other.pid));
  let waits = 0;
  const release = await lockRun(run, () => {
    waits++;
    other.stdin!.end();
  });
  expect(waits).toBe(1);
  expect(isAlive(other.pid!)).toBe(false);
  await release();
});

it('a trainer that does not end is named, and keeps the folder', async () => {
  const other = startProcess();
  await mkdir(run, { recursive: true });
  await writeFile(join(run, 'trainer.pid'), String(other.pid));
  const attempt = lockRun(run, () => undefined, 0);
  await expect(attempt).rejects.toMatchObject({
    code: 'CONFLICT',
    exitCode: 2,
    found: expect.stringContaining(`process ${other.pid}`) as string,
  });
  expect(await readFile(join(run, 'trainer.pid'), 'utf8')).toBe(String(other.pid));
  other.stdin!.end();
  await once(other, 'exit');
});
