import { describe, expect, it } from 'vitest';
import { newId, resolve, uniqueName } from '../../main/studio/context.ts';
import { type StrataError } from '../../shared/errors.ts';

describe('newId', () => {
  it.each([
    ['Python stdlib', /^python-stdlib-[0-9a-f]{8}$/],
    ['../../etc/passwd', /^etc-passwd-[0-9a-f]{8}$/],
    [`'); DROP TABLE runs; --`, /^drop-table-runs-[0-9a-f]{8}$/],
    ['Über Straße', /^u-ber-stra-e-[0-9a-f]{8}$/],
    ['東京', /^item-[0-9a-f]{8}$/],
    ['', /^item-[0-9a-f]{8}$/],
    ['x'.repeat(200), /^x{32}-[0-9a-f]{8}$/],
  ])('of %o is a name for a folder, and another one each time', (name, pattern) => {
    expect(newId(name)).toMatch(pattern);
    expect(new Set(Array.from({ length: 1000 }, () => newId(name))).size).toBe(1000);
  });
});

describe('uniqueName', () => {
  it('is the wanted name, or the first free one after it', () => {
    expect(uniqueName('code', [])).toBe('code');
    expect(uniqueName('code', [{ name: 'code' }, { name: 'code 3' }])).toBe('code 2');
    expect(uniqueName('code', [{ name: 'code' }, { name: 'code 2' }])).toBe('code 3');
  });
});

describe('resolve', () => {
  const items = [
    { id: 'a-1', name: 'apple' },
    { id: 'b-1', name: 'berry' },
    { id: 'b-2', name: 'berry' },
    { id: 'apple', name: 'an id that is a name' },
  ];
  const failureOf = (reference: string, among = items): StrataError => {
    try {
      resolve('run', reference, among);
    } catch (error) {
      return error as StrataError;
    }
    throw new Error('It was found.');
  };

  it('finds by id first, then by name', () => {
    expect(resolve('run', 'b-2', items)).toBe(items[2]);
    expect(resolve('run', 'apple', items)).toBe(items[3]);
    expect(resolve('run', 'an id that is a name', items)).toBe(items[3]);
  });

  it('refuses a name that several have, naming their ids', () => {
    const error = failureOf('berry');
    expect(error).toMatchObject({ code: 'BAD_INPUT', exitCode: 2, found: 'b-1, b-2' });
    expect(error.hint).toMatch(/id/);
  });

  it('says what there is when nothing has that id or name', () => {
    expect(failureOf('cherry')).toMatchObject({ code: 'NOT_FOUND', exitCode: 2, found: 'cherry', message: 'There is no run "cherry".' });
    expect(failureOf('cherry').allowed).toContain('b-1 (berry)');
    expect(failureOf('cherry', []).allowed).toBe('none: there are no runs yet');
  });
});
