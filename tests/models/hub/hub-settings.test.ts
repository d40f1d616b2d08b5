import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { downloadFolderName, parseHubReference } from '../../../main/models/hub/hub-reference.ts';
import { hubSettings } from '../../../main/models/hub/hub-settings.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const folder = useTemporaryFolder();

describe('the settings of a hub', () => {
  it('are the public hub, no token, and the cache of the Python client, where nothing is said', async () => {
    expect(await hubSettings({}, { HF_HOME: folder.path })).toEqual({
      endpoint: null,
      token: null,
      isOffline: false,
      cacheDirectory: join(folder.path, 'hub'),
    });
    expect((await hubSettings({}, {})).cacheDirectory).toBe(join(homedir(), '.cache', 'huggingface', 'hub'));
    expect((await hubSettings({}, { XDG_CACHE_HOME: folder.path })).cacheDirectory).toBe(join(folder.path, 'huggingface', 'hub'));
  });

  it('take the token from the option, else HF_TOKEN, else the file that is named, else the one of the client', async () => {
    await folder.write('token', 'hf_fromHome\n');
    const named = await folder.write('elsewhere', ' hf_fromFile ');
    const home = { HF_HOME: folder.path };
    const tokenOf = async (token: string | undefined, environment: NodeJS.ProcessEnv): Promise<string | null> =>
      (await hubSettings(token === undefined ? {} : { token }, { ...home, ...environment })).token;
    expect(await tokenOf('hf_option', { HF_TOKEN: 'hf_variable', HF_TOKEN_PATH: named })).toBe('hf_option');
    expect(await tokenOf(undefined, { HF_TOKEN: 'hf_variable', HF_TOKEN_PATH: named })).toBe('hf_variable');
    expect(await tokenOf(undefined, { HF_TOKEN_PATH: named })).toBe('hf_fromFile');
    expect(await tokenOf(undefined, {})).toBe('hf_fromHome');
  });

  it('refuse a token that cannot be one, without showing it', async () => {
    for (const token of ['hf_a b', 'hf_ä', 'hf_a\nhf_b']) {
      const error: unknown = await hubSettings({ token }, {}).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'BAD_INPUT', found: 'what was given' });
      expect(JSON.stringify(error)).not.toContain(token);
    }
    await expect(hubSettings({}, { HF_TOKEN: 'a b' })).rejects.toMatchObject({ found: 'HF_TOKEN' });
  });

  it('send no token where anyone can read it', async () => {
    const environment = { HF_ENDPOINT: 'http://mirror.example', HF_TOKEN: 'hf_x' };
    expect((await hubSettings({}, environment)).token).toBeNull();
    await expect(hubSettings({ token: 'hf_x' }, environment)).rejects.toMatchObject({ code: 'BAD_INPUT', found: 'http://mirror.example' });
    for (const endpoint of ['https://mirror.example/hf/', 'http://127.0.0.1:8080', 'http://localhost:1']) {
      expect(await hubSettings({ endpoint, token: 'hf_x' }, {})).toMatchObject({ endpoint: endpoint.replace(/\/$/, ''), token: 'hf_x' });
    }
  });

  it('refuse an endpoint that is no address', async () => {
    for (const endpoint of ['mirror', 'ftp://mirror', 'https://user:secret@mirror', 'https://mirror/?x=1']) {
      await expect(hubSettings({}, { HF_ENDPOINT: endpoint })).rejects.toMatchObject({ code: 'BAD_INPUT' });
    }
  });

  it('are offline by option, or as the Python client is', async () => {
    for (const HF_HUB_OFFLINE of ['1', 'true', 'YES', 'on']) expect((await hubSettings({}, { HF_HUB_OFFLINE })).isOffline).toBe(true);
    for (const HF_HUB_OFFLINE of ['0', '', 'no']) expect((await hubSettings({}, { HF_HUB_OFFLINE })).isOffline).toBe(false);
    expect((await hubSettings({ offline: true }, {})).isOffline).toBe(true);
    expect((await hubSettings({ offline: false }, { HF_HUB_OFFLINE: '1' })).isOffline).toBe(false);
  });
});

describe('a reference', () => {
  it('names a repository, and a revision or main', () => {
    expect(parseHubReference('acme/tiny')).toEqual({ repository: 'acme/tiny', revision: 'main' });
    expect(parseHubReference('HuggingFaceTB/SmolLM2-135M@v1.0')).toEqual({ repository: 'HuggingFaceTB/SmolLM2-135M', revision: 'v1.0' });
    expect(parseHubReference('a/b@refs/pr/1').revision).toBe('refs/pr/1');
  });

  it.each(['', 'tiny', 'a/b/c', '/b', 'a/', '../b', 'a/..', 'a/b..c', 'a/b--c', 'a b/c', 'a/b?x', 'a/-b', 'https://hub/a/b', 'a/b\u0000'])(
    'that is none is refused: %j',
    (text) => {
      expect(() => parseHubReference(text)).toThrow(expect.objectContaining({ code: 'BAD_INPUT', found: text }) as Error);
    },
  );

  it.each(['', '../x', 'a..b', '-x', 'a//b', 'a/', 'a b', 'x?y', 'a@b'])('with the revision %j is refused', (revision) => {
    expect(() => parseHubReference(`a/b@${revision}`)).toThrow(expect.objectContaining({ code: 'BAD_INPUT' }) as Error);
  });

  it('has a folder of its own, with any file of it', () => {
    expect(downloadFolderName(parseHubReference('acme/tiny'))).toBe('acme--tiny@main');
    expect(downloadFolderName(parseHubReference('acme/tiny@refs/pr/1'), 'a/b*.gguf')).toBe('acme--tiny@refs%2Fpr%2F1+a%2Fb%2A.gguf');
  });
});
