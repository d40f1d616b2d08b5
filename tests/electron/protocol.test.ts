import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appProtocolHandler, CONTENT_SECURITY_POLICY, isAppUrl, resolveAsset } from '../../main/electron/protocol.ts';

let folder: string;
let root: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strata-protocol-'));
  root = join(folder, 'renderer');
  await mkdir(join(root, 'assets'), { recursive: true });
  await mkdir(join(folder, 'renderer-private'));
  await writeFile(join(root, 'index.html'), '<title>Strata</title>');
  await writeFile(join(root, 'assets', 'page.js'), 'export {};');
  await writeFile(join(root, 'assets', 'notes.secret'), 'unknown kind');
  await writeFile(join(folder, 'secret.js'), 'secret');
  await writeFile(join(folder, 'renderer-private', 'secret.js'), 'secret');
  await symlink(join(folder, 'secret.js'), join(root, 'link.js'));
});

afterAll(() => rm(folder, { recursive: true }));

describe('what a URL of the scheme means', () => {
  test('files below the folder', async () => {
    expect(await resolveAsset(root, 'strata://app/assets/page.js')).toBe(join(root, 'assets', 'page.js'));
    expect(await resolveAsset(root, 'strata://app/assets/page.js?v=1#x')).toBe(join(root, 'assets', 'page.js'));
  });

  test.each(['strata://app/', 'strata://app', 'strata://app/runs/abc'])('%s is a place in the studio', async (url) => {
    expect(await resolveAsset(root, url)).toBe(join(root, 'index.html'));
  });

  test.each([
    ['a path upwards', 'strata://app/../secret.js'],
    ['encoded dots', 'strata://app/%2e%2e/secret.js'],
    ['an encoded slash', 'strata://app/..%2fsecret.js'],
    ['dots inside', 'strata://app/assets/..%2f..%2fsecret.js'],
    ['a backslash', 'strata://app/..%5csecret.js'],
    ['a folder whose name starts alike', 'strata://app/..%2frenderer-private%2fsecret.js'],
    ['an absolute path', 'strata://app//etc/hosts.js'],
    ['a link that leaves the folder', 'strata://app/link.js'],
    ['an upward path without a file ending', 'strata://app/..%2fsecret'],
    ['a null byte', 'strata://app/index.html%00.js'],
    ['a broken escape', 'strata://app/%E0%A4%A'],
    ['a missing file', 'strata://app/missing.js'],
    ['another host', 'strata://other/index.html'],
    ['another scheme', 'file:///index.html'],
    ['no URL', 'index.html'],
  ])('%s means nothing', async (_what, url) => {
    expect(await resolveAsset(root, url)).toBeNull();
  });

  test('only our scheme and host are ours', () => {
    expect(isAppUrl('strata://app/x')).toBe(true);
    expect(['strata://app.example/x', 'https://app/', 'strata:app', 'about:blank', ''].filter(isAppUrl)).toEqual([]);
  });
});

describe('answers', () => {
  const get = (url: string, init?: RequestInit): Promise<Response> => appProtocolHandler(root)(new Request(url, init));

  test('a page comes with its type and the content policy', async () => {
    const response = await get('strata://app/');
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('<title>Strata</title>');
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('content-security-policy')).toBe(CONTENT_SECURITY_POLICY);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('refusals carry the policy too', async () => {
    for (const [url, init, status] of [
      ['strata://app/missing.js', undefined, 404],
      ['strata://app/assets/notes.secret', undefined, 404],
      ['strata://app/', { method: 'POST', body: 'x' }, 405],
    ] as const) {
      const response = await get(url, init);
      expect([url, response.status]).toEqual([url, status]);
      expect(response.headers.get('content-security-policy')).toBe(CONTENT_SECURITY_POLICY);
    }
  });

  test('the policy starts from nothing and allows no foreign or inline code', () => {
    const directives = new Map(CONTENT_SECURITY_POLICY.split('; ').map((each) => [each.split(' ')[0], each.split(' ').slice(1)]));
    expect(directives.get('default-src')).toEqual(["'none'"]);
    expect(directives.get('script-src')).toEqual(["'self'"]);
    expect(directives.get('connect-src')).toEqual(["'self'"]);
    expect(directives.get('frame-ancestors')).toEqual(["'none'"]);
    expect(CONTENT_SECURITY_POLICY).not.toMatch(/unsafe-eval|https?:|\*/);
  });
});
