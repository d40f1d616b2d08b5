import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { noteUnfinished, sweepUnfinished } from '../../main/studio/unfinished.ts';
import { openStudioAt } from '../support/workspace.ts';
import { rawModel, rawTensor, writeRawModel } from '../support/raw-models.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();

/** A process that has ended, as notes name it. */
async function endedProcess(): Promise<string> {
  const child = spawn(process.execPath, ['-e', '']);
  await new Promise((resolve) => child.on('exit', resolve));
  return String(child.pid);
}

async function note(path: string, owner: string): Promise<void> {
  await folder.write(`unfinished/${path.length}-${owner}.json`, JSON.stringify({ path, process: owner }));
}

const sweep = (known: readonly string[] = []): void =>
  sweepUnfinished(
    folder.path,
    (path) => known.includes(path),
    () => undefined,
  );

it('what a program that was killed has begun is removed, and nothing else', async () => {
  const dead = await endedProcess();
  for (const name of [
    'models/a.partial/x',
    'models/b/x',
    'models/kept/x',
    'models/alive.partial/x',
    'documents/x',
    'elsewhere/c.partial/x',
  ])
    await folder.write(name, 'x');
  await note(join(folder.path, 'models/a'), dead);
  await note(join(folder.path, 'models/bb'), dead);
  await note(join(folder.path, 'models/b'), `${process.pid} 1`); // another process that had the number of this one
  await note(join(folder.path, 'models/kept'), dead);
  await note(join(folder.path, 'documents'), dead);
  await note(join(folder.path, 'elsewhere/c.partial'), dead);
  await folder.write('unfinished/half-written.json', '{"path":');
  const forget = noteUnfinished(folder.path, join(folder.path, 'models/alive'));
  sweep([join(folder.path, 'models/kept')]);
  const present = async (): Promise<string[]> => (await folder.list()).filter((name) => name.endsWith('/x'));
  expect(await present()).toEqual(['documents/x', 'models/alive.partial/x', 'models/kept/x']);
  expect(await readdir(join(folder.path, 'unfinished'))).toHaveLength(1);
  forget();
  expect(await readdir(join(folder.path, 'unfinished'))).toEqual([]);
});

it('a workspace without notes has nothing to remove', () => {
  expect(sweep).not.toThrow();
});

it.runIf(process.platform === 'linux')('an import that is killed leaves nothing once the workspace is opened again', async () => {
  const home = join(folder.path, 'home');
  const model = rawModel();
  const vocabulary = 2 ** 20;
  model.config.vocab_size = vocabulary;
  for (const name of ['model.embed_tokens.weight', 'lm_head.weight']) {
    model.tensors.set(name, { ...rawTensor(name, [1], 'F32'), shape: [vocabulary, 12], bytes: Buffer.alloc(vocabulary * 48) });
  }
  await writeRawModel(join(folder.path, 'large'), model);
  const strata = join(import.meta.dirname, '../../main/cli/main.ts');
  const child = spawn(process.execPath, [strata, 'model', 'import', join(folder.path, 'large'), '--home', home], { stdio: 'ignore' });
  const partial = async (): Promise<string[]> => readdir(join(home, 'models')).catch(() => []);
  await expect.poll(partial, { interval: 2, timeout: 20_000 }).toEqual([expect.stringMatching(/\.partial$/)]);
  child.kill('SIGKILL');
  await new Promise((resolve) => child.on('exit', resolve));
  expect(await partial()).toEqual([expect.stringMatching(/\.partial$/)]);
  const studio = openStudioAt(home);
  expect(await partial()).toEqual([]);
  expect(studio.models.list()).toEqual([]);
  await studio.close();
});
