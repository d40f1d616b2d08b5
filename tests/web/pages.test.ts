import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask, startTinyServer, type TinyServer } from '../support/web-client.ts';

let web: TinyServer;
beforeAll(async () => {
  web = await startTinyServer();
  await writeFile(join(web.directory, 'secret.txt'), 'a secret');
  await writeFile(join(web.directory, 'pages-secret.txt'), 'a secret beside a folder of the same beginning');
  await symlink(join(web.directory, 'secret.txt'), join(web.pages, 'link.txt'));
  await symlink(web.directory, join(web.pages, 'up'));
  await symlink(join(web.pages, 'icon.svg'), join(web.pages, 'same.svg'));
});
afterAll(() => web.remove());

test('the page comes with a policy that lets nothing in from elsewhere', async () => {
  const { status, headers, body } = await ask(web.port, '/');
  expect({ status, body, type: headers['content-type'] }).toEqual({
    status: 200,
    body: '<!doctype html><title>Strata</title>',
    type: 'text/html; charset=utf-8',
  });
  const policy = new Map(
    String(headers['content-security-policy'])
      .split('; ')
      .map((rule) => rule.split(/ (.*)/) as [string, string]),
  );
  expect(Object.fromEntries(policy)).toMatchObject({
    'default-src': "'self'",
    'script-src': "'self'",
    'connect-src': "'self'",
    'object-src': "'none'",
    'base-uri': "'none'",
    'form-action': "'none'",
    'frame-ancestors': "'none'",
  });
  expect(headers).toMatchObject({
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cache-control': 'no-store',
  });
});

test.each([
  ['/assets/app.js', 'text/javascript; charset=utf-8', /immutable/],
  ['/icon.svg', 'image/svg+xml', /no-store/],
  ['/index.html?from=elsewhere', 'text/html; charset=utf-8', /no-store/],
  ['/same.svg', 'image/svg+xml', /no-store/],
])('%s has its type and its caching', async (path, type, caching) => {
  const { status, headers } = await ask(web.port, path);
  expect({ status, type: headers['content-type'] }).toEqual({ status: 200, type });
  expect(headers['cache-control']).toMatch(caching);
});

test('HEAD is answered without the body, other methods are refused', async () => {
  expect(await ask(web.port, '/', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
    expect(await ask(web.port, '/', { method }), method).toMatchObject({ status: 405 });
  }
});

describe('a path that leads outside', () => {
  test.each([
    '/../secret.txt',
    '/assets/../../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e%2fsecret.txt',
    '/%252e%252e%252fsecret.txt',
    '/..%5csecret.txt',
    '/../pages-secret.txt',
    '/..%2fpages-secret.txt',
    '/%2e%2e/pages-secret.txt',
    '/link.txt',
    '/up/secret.txt',
    '/up/home/strata.db',
    '//etc/passwd',
    '/assets',
    '/assets/',
    '/index.html%00.js',
    '/%ff',
    '/%',
    '/a'.repeat(3000),
  ])('%s is not found', async (path) => {
    const { status, body, headers } = await ask(web.port, path);
    expect(status).toBe(404);
    expect(body).toBe('Not found.');
    expect(headers['content-security-policy']).toContain("default-src 'self'");
  });
});

test('pages that were never built are told how to get', async () => {
  const elsewhere = await mkdtemp(join(web.directory, 'moved-'));
  await rename(web.pages, join(elsewhere, 'pages'));
  const answer = await ask(web.port, '/');
  await rename(join(elsewhere, 'pages'), web.pages);
  await rm(elsewhere, { recursive: true });
  expect(answer).toMatchObject({ status: 404, body: expect.stringContaining('npm run setup') as string });
});
