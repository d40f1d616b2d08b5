import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { root, startScript, temporaryFolder } from './run-script.ts';

test.skipIf(process.platform !== 'linux')('npm start without a display says so and opens the same studio in the browser', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'bin'));
  const browser = join(folder, 'bin', 'xdg-open');
  await writeFile(browser, `#!/bin/sh\nprintf %s "$1" > "${join(folder, 'opened')}"\n`);
  await chmod(browser, 0o755);
  const env = { PATH: `${join(folder, 'bin')}:${process.env.PATH}`, DISPLAY: '', WAYLAND_DISPLAY: '', STRATA_HOME: join(folder, 'home') };
  const { child, finished } = startScript([join(root, 'scripts/start.mjs')], { env });
  onTestFinished(() => void child.kill('SIGKILL'));
  const opened = (): Promise<string> => readFile(join(folder, 'opened'), 'utf8').catch(() => '');
  await expect.poll(opened, { timeout: 50_000 }).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#token=/);
  const url = await opened();
  expect((await fetch(url)).status).toBe(200);
  child.kill('SIGINT');
  const { exitCode, stdout, stderr } = await finished;
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: expect.stringContaining(`The studio is at ${url}`) as string });
  expect(stderr).toContain('There is no display here.');
  expect(stderr).toContain('the same studio in the browser');
});
