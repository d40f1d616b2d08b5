import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fastEngine } from '../support/engines.ts';
import { onlyDocument, type RunningCommand, StrataCommand } from '../support/strata-command.ts';
import { ask, connectClient } from '../support/web-client.ts';
import { writeTinySources } from '../support/workspace.ts';

let directory: string;
let strata: StrataCommand;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strata-serve-'));
  strata = new StrataCommand(join(directory, 'home'));
  const sources = await writeTinySources(directory);
  await strata.json('model', 'import', sources.model);
  await strata.json('data', 'import', sources.newText);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function serving(): Promise<RunningCommand & { port: number; token: string }> {
  const running = strata.start('serve', '--json');
  let stdout = '';
  running.child.stdout!.on('data', (text: string) => (stdout += text));
  await running.said(/"url".*\n/);
  const { url } = onlyDocument(stdout) as { url: string };
  const { port, hash } = new URL(url);
  return { ...running, port: Number(port), token: new URLSearchParams(hash.slice(1)).get('token')! };
}

test('serve prints its address as the one document, answers there, and ends at Ctrl-C', async () => {
  const { child, finished, port } = await serving();
  expect((await ask(port, '/')).headers['content-security-policy']).toContain("default-src 'self'");
  child.kill('SIGINT');
  expect(await finished).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^\{"url":"[^\n]+\}\n$/) as string });
  await expect(ask(port, '/')).rejects.toThrow('ECONNREFUSED');
});

test('a run that a page started is saved when serve is ended', async () => {
  const { child, finished, port, token } = await serving();
  const { client } = await connectClient({ port, token });
  const request = { model: 'tiny', newDatasets: ['code'], steps: 1_000_000, batch: 2, engine: fastEngine };
  const { id } = await client.training.start(request);
  for await (const { step } of await client.runs.watch({ run: id })) if (step > 0) break;
  child.kill('SIGTERM');
  expect(await finished).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('Saving a checkpoint') as string });
  expect(await strata.json('run', 'show', id)).toMatchObject({ status: 'interrupted', error: null });
});

test('a port that is taken is refused, and nothing is served', async () => {
  const { port } = await serving();
  expect(await strata.failure('serve', '--port', `${port}`)).toMatchObject({
    exitCode: 2,
    code: 'CONFLICT',
    found: `port ${port} of 127.0.0.1 is in use`,
  });
});
