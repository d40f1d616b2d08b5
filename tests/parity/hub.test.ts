import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { downloadModel } from '../../main/models/hub/download-model.ts';
import { commitId, type HubServer, REPOSITORY, startHubServer, TOKEN } from '../support/hub-server.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

/**
 * Beside the Python client of the hub (huggingface_hub): the hub of these tests is one for it, too, and what it keeps in its cache is what an
 * offline download takes.
 */

const run = promisify(execFile);
const python = process.env.STRATA_PYTHON!;
const folder = useTemporaryFolder();
const FILES = {
  'config.json': Buffer.from('{"model_type": "llama"}'),
  'tokenizer.json': Buffer.from('{"version": "1.0"}'),
  'README.md': Buffer.from('# Tiny'),
  'model.safetensors': Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 31) % 251)),
};
const PROGRAM = `
import sys
from huggingface_hub import snapshot_download
print(snapshot_download(sys.argv[1]))
`;

let hub: HubServer;
beforeEach(async () => {
  hub = await startHubServer({ ...FILES });
});
afterEach(() => hub.close());

async function downloadWithPython(environment: Record<string, string> = {}): Promise<string> {
  const env = {
    ...process.env,
    HF_ENDPOINT: hub.endpoint,
    HF_HOME: join(folder.path, 'hf'),
    HF_HUB_DISABLE_XET: '1',
    HF_HUB_OFFLINE: '0',
    ...environment,
  };
  const { stdout } = await run(python, ['-c', PROGRAM, REPOSITORY], { env });
  return stdout.trim();
}

describe('beside the Python client', () => {
  it('the same files arrive, byte for byte', { timeout: 120_000 }, async () => {
    hub.isPrivate = true;
    const snapshot = await downloadWithPython({ HF_TOKEN: TOKEN });
    const settings = { endpoint: hub.endpoint, token: TOKEN, isOffline: false, cacheDirectory: join(folder.path, 'none') };
    const request = { repository: REPOSITORY, revision: 'main', directory: join(folder.path, 'ours'), settings };
    const ours = await downloadModel(request, {
      signal: new AbortController().signal,
      onProgress: () => undefined,
      onNotice: () => undefined,
    });
    expect((await readdir(ours.path)).sort()).toEqual((await readdir(snapshot)).sort());
    for (const name of Object.keys(FILES)) {
      expect((await readFile(join(ours.path, name))).equals(await readFile(join(snapshot, name))), name).toBe(true);
    }
  });

  it('what it has cached is taken offline, by branch and by commit', { timeout: 120_000 }, async () => {
    await downloadWithPython();
    hub.served.length = 0;
    for (const revision of ['main', commitId(1)]) {
      const directory = join(folder.path, revision);
      await mkdir(directory);
      const settings = { endpoint: hub.endpoint, token: null, isOffline: true, cacheDirectory: join(folder.path, 'hf', 'hub') };
      const { path } = await downloadModel(
        { repository: REPOSITORY, revision, directory, settings },
        { signal: new AbortController().signal, onProgress: () => undefined, onNotice: () => undefined },
      );
      for (const [name, content] of Object.entries(FILES)) expect((await readFile(join(path, name))).equals(content), name).toBe(true);
    }
    expect(hub.served).toEqual([]);
  });
});
