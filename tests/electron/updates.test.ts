import { expect, test } from 'vitest';
import { checkForUpdate } from '../../main/electron/updates.ts';

const address = 'https://example.org/latest.json';

function answering(body: string, status = 200): { fetch: typeof fetch; asked: unknown[][] } {
  const asked: unknown[][] = [];
  const stand = (...values: unknown[]): Promise<Response> => {
    asked.push(values);
    return Promise.resolve(new Response(body, { status }));
  };
  return { fetch: stand as typeof fetch, asked };
}

test('nothing is asked unless it is switched on and has an https address', async () => {
  const { fetch, asked } = answering('{"version": "9.0.0"}');
  for (const updates of [
    { check: false, address },
    { check: true, address: '' },
    { check: true, address: 'http://example.org/' },
    { check: true, address: 'https://me:secret@example.org/' },
    { check: true, address: 'file:///etc/passwd' },
  ]) {
    expect(await checkForUpdate('1.2.3', updates, { fetch })).toMatchObject({ latest: null, isNewer: false, sent: '' });
  }
  expect(asked).toEqual([]);
});

test.each([
  ['1.2.4', true],
  ['1.10.0', true],
  ['2.0.0', true],
  ['1.2.3', false],
  ['1.1.9', false],
])('%s beside 1.2.3 is newer: %s', async (version, isNewer) => {
  const { fetch, asked } = answering(JSON.stringify({ version, more: 'ignored' }));
  const report = await checkForUpdate('1.2.3', { check: true, address }, { fetch });
  expect(report).toMatchObject({ latest: version, isNewer, problem: null });
  expect(report.sent).toBe(`GET ${address}\naccept: application/json\nuser-agent: Strata`);
  expect(asked).toMatchObject([[address, { redirect: 'error', credentials: 'omit' }]]);
});

test.each([
  ['no JSON', 'hello', 200],
  ['no version', '{"version": "latest"}', 200],
  ['an endless answer', `{"version": "1.0.0", "x": "${'a'.repeat(100_000)}"}`, 200],
  ['a refusal', '{"version": "9.0.0"}', 404],
])('%s is said, and is no newer version', async (_what, body, status) => {
  const report = await checkForUpdate('1.2.3', { check: true, address }, { fetch: answering(body, status).fetch });
  expect(report).toMatchObject({ latest: null, isNewer: false });
  expect(report.problem).toMatch(/\w/);
});
