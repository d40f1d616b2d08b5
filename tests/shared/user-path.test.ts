import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { userPath, userPathsIn } from '../../shared/contract/user-path.ts';
import { callsOfContract, stringsOf } from '../support/contract-calls.ts';

const calls = callsOfContract();

describe('paths in the contract', () => {
  /** Names of fields that hold paths, or could. */
  const LIKE_A_PATH = /(path|file|folder|directory|dir|destination|location|output|home|root|source|evaluation)s?$/i;
  /** Fields of such names that are none, and what they are. */
  const NO_PATHS: Record<string, string> = {
    'downloads.start file': 'a file of the repository on the hub',
    'downloads.start source': 'hub: or catalogue:, parsed before anything is done with it',
  };

  it('all calls are looked at', () => {
    expect(calls.length).toBeGreaterThan(95);
  });

  it('every field that is named like a path is one that the user must have chosen', () => {
    const strings = calls.flatMap(({ name, input }) => stringsOf(input).map((each) => ({ ...each, where: `${name} ${each.field}` })));
    const forgotten = strings.filter(({ field, isUserPath }) => !isUserPath && LIKE_A_PATH.test(field));
    expect(new Set(forgotten.map(({ where }) => where).filter((where) => !(where in NO_PATHS)))).toEqual(new Set());
    // And these are looked for where they are: a list that nothing is left of would hide the next.
    expect(Object.keys(NO_PATHS).filter((where) => !forgotten.some((each) => each.where === where))).toEqual([]);
  });

  it('are these', () => {
    const marked = calls.flatMap(({ name, input }) =>
      stringsOf(input).flatMap(({ field, isUserPath }) => (isUserPath ? [`${name} ${field}`] : [])),
    );
    expect([...new Set(marked)].sort()).toEqual([
      'datasets.check evaluations',
      'datasets.imports.start paths',
      'datasets.inspect paths',
      'engines.packs.install path',
      'models.export destination',
      'models.import path',
      'models.recognise paths',
      'suites.inspect file',
      'suites.save file',
      'suites.score file',
      'text.evaluate files',
    ]);
  });
});

describe('the paths that a value names', () => {
  const schema = z.object({
    one: userPath('read').optional(),
    many: z.array(userPath('write')).default([]),
    either: z.union([z.object({ file: userPath('read') }), z.object({ name: z.string() })]),
    byName: z.record(z.string(), userPath('read', { orDataset: true })).optional(),
    text: z.string(),
  });

  it('are found in lists, choices and records, and nothing else is', () => {
    const value = schema.parse({ one: '/a', many: ['/b', '/c'], either: { file: '/d' }, byName: { x: '/e' }, text: '/f' });
    expect(userPathsIn(schema, value)).toEqual([
      { path: '/a', access: 'read', orDataset: false },
      { path: '/b', access: 'write', orDataset: false },
      { path: '/c', access: 'write', orDataset: false },
      { path: '/d', access: 'read', orDataset: false },
      { path: '/e', access: 'read', orDataset: true },
    ]);
    expect(userPathsIn(schema, schema.parse({ either: { name: '/x' }, text: '' }))).toEqual([]);
  });

  it('a schema that cannot be looked into is refused, for it could hold one', () => {
    expect(() => userPathsIn(z.map(z.string(), userPath('read')), new Map([['a', '/b']]))).toThrow(/"map"/);
  });
});
