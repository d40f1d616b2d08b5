import { expect, it } from 'vitest';
import { StrataCommand } from '../support/strata-command.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

/** `strata engine packs`, `install` and `remove`, as far as a checkout has them: what they bring is installed in tests/studio/engine-packs. */

const folder = useTemporaryFolder();
const hasPack = process.platform === 'linux' && process.arch === 'x64';

it.skipIf(!hasPack)('engine packs are listed with their size, licence and where they come from', async () => {
  const strata = new StrataCommand(folder.path);
  const { packs } = await strata.json<{ packs: Record<string, unknown>[] }>('engine', 'packs');
  expect(packs).toMatchObject([{ id: 'tensorflow-cpu', licence: 'Apache-2.0', state: 'absent' }]);
  expect(packs[0]!.licenceText).toContain('Apache License');
  const { stdout } = await strata.run('engine', 'packs');
  expect(stdout).toMatch(/pack +version +state +download +licence +from\ntensorflow-cpu +2\.\d+\.\d+ +absent +\d+ MB +Apache-2\.0 +/);
});

it.skipIf(!hasPack)('an engine pack is installed only by who has named its licence, and only where packs are', async () => {
  const strata = new StrataCommand(folder.path);
  const unread = await strata.run('engine', 'install', 'tensorflow-cpu');
  expect(unread.exitCode).toBe(2);
  expect(unread.stdout).toContain('TERMS AND CONDITIONS FOR USE');
  expect(unread.stderr).toContain('The licence of the engine pack has to be accepted first.');
  expect(await strata.failure('engine', 'install', 'tensorflow-cpu', '--accept-licence', 'MIT')).toMatchObject({
    ...{ exitCode: 2, found: 'MIT', allowed: 'Apache-2.0' },
  });
  expect(await strata.failure('engine', 'install', 'tensorflow-cpu', '--accept-licence', 'Apache-2.0')).toMatchObject({
    ...{ exitCode: 2, code: 'UNSUPPORTED', hint: expect.stringContaining('npm run setup') as string },
  });
});

it.each(['install', 'remove'])('%s names the packs that there are', async (command) => {
  const { code, exitCode, found } = await new StrataCommand(folder.path).failure('engine', command, 'nothing');
  expect({ code, exitCode, found }).toEqual({ code: 'NOT_FOUND', exitCode: 2, found: 'nothing' });
});
