import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { root, startScript, temporaryFolder } from './run-script.ts';

/** A launcher like scripts/strata.mjs, around a program of the test. */
async function launcher(program: string): Promise<{ args: string[]; folder: string }> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'program.mjs'), program);
  const launch = pathToFileURL(join(root, 'scripts/setup/launch.mjs')).href;
  await writeFile(
    join(folder, 'launcher.mjs'),
    `import { launch } from ${JSON.stringify(launch)};
     process.exitCode = await launch(process.execPath, [${JSON.stringify(join(folder, 'program.mjs'))}, ...process.argv.slice(2)]);`,
  );
  return { args: [join(folder, 'launcher.mjs')], folder };
}

/** Says "ready", counts the signals it hears, ends 600 ms after the first as an interrupted command does. */
const COUNTS_SIGNALS = `
  let count = 0;
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {
    if (++count === 1) setTimeout(() => { console.log(signal + ' ' + count); process.exit(130); }, 900);
  });
  setInterval(() => undefined, 1000);
  console.log('ready');
`;

async function ready(child: ReturnType<typeof startScript>['child']): Promise<void> {
  await new Promise<void>((settle) => child.stdout!.once('data', () => settle()));
}

describe.skipIf(process.platform === 'win32')('a launched program', () => {
  test('has the arguments, the working directory, the streams and the exit code', async () => {
    const { args, folder } = await launcher(`
      let input = '';
      for await (const chunk of process.stdin) input += chunk;
      console.log(JSON.stringify({ args: process.argv.slice(2), cwd: process.cwd(), input, leaked: process.env.STRATA_PARENT_PID ?? null }));
      console.error('to stderr');
      process.exitCode = 7;
    `);
    const { exitCode, stdout, stderr } = await startScript([...args, '--json', 'a b'], { cwd: folder, input: 'typed' }).finished;
    expect(JSON.parse(stdout)).toEqual({ args: ['--json', 'a b'], cwd: folder, input: 'typed', leaked: null });
    expect({ exitCode, stderr }).toEqual({ exitCode: 7, stderr: 'to stderr\n' });
  });

  test.each(['SIGINT', 'SIGTERM'] as const)(
    'hears %s once although it is sent twice at once, and its exit code is kept',
    async (signal) => {
      const { args } = await launcher(COUNTS_SIGNALS);
      const { child, finished } = startScript(args);
      await ready(child);
      child.kill(signal);
      await wait(100);
      child.kill(signal);
      expect(await finished).toMatchObject({ exitCode: 130, stdout: `ready\n${signal} 1\n` });
    },
  );

  test('hears a second Ctrl-C that comes later', async () => {
    const { args } = await launcher(COUNTS_SIGNALS);
    const { child, finished } = startScript(args);
    await ready(child);
    child.kill('SIGINT');
    await wait(600);
    child.kill('SIGINT');
    expect(await finished).toMatchObject({ exitCode: 130, stdout: 'ready\nSIGINT 2\n' });
  });

  test('ended by a signal gives 128 and its number', async () => {
    const { args } = await launcher(`process.kill(process.pid, 'SIGKILL');`);
    expect(await startScript(args).finished).toMatchObject({ exitCode: 137 });
  });

  test('does not outlive a killed launcher', async () => {
    const { args, folder } = await launcher(`
      import { writeFileSync } from 'node:fs';
      process.on('SIGTERM', () => { writeFileSync('ended', 'yes'); process.exit(0); });
      setInterval(() => undefined, 1000);
      console.log('ready');
    `);
    const { child, finished } = startScript(args, { cwd: folder });
    await ready(child);
    child.kill('SIGKILL');
    await finished; // the streams close only when the program, which shares them, is gone as well
    expect(await readFile(join(folder, 'ended'), 'utf8')).toBe('yes');
  });
});
