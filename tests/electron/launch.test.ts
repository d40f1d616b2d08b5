import { expect, test } from 'vitest';
import { openedBy, parseLink, withoutHome } from '../../main/electron/launch.ts';

test('a link means a run by its id', () => {
  expect(parseLink('strata-studio://run/novels-1a2b3c4d')).toEqual({ kind: 'run', run: 'novels-1a2b3c4d' });
  expect(parseLink('strata-studio://run/novels-1a2b3c4d/')).toEqual({ kind: 'run', run: 'novels-1a2b3c4d' });
});

test.each([
  'strata://run/a',
  'strata-studio://run/../../settings',
  'strata-studio://run/a/b',
  'strata-studio://run/a?x=1',
  'strata-studio://run/%2e%2e',
  'strata-studio://run/A B',
  'strata-studio://run/',
  'strata-studio://run/-a',
  `strata-studio://run/${'a'.repeat(81)}`,
  'strata-studio://models/a',
  'strata-studio://run/a\nstrata-studio://run/b',
  'javascript:strata-studio://run/a',
])('%j means nothing', (text) => {
  expect(parseLink(text)).toBeNull();
});

test('of a command line a link or a pack is taken, whatever else stands there', () => {
  expect(openedBy(['strata', '--home=/x', '.', 'strata-studio://run/a-1'], '/here')).toEqual({ kind: 'run', run: 'a-1' });
  expect(openedBy(['strata', 'packs/new.STRATA-PACK'], '/here')).toEqual({ kind: 'pack', path: '/here/packs/new.STRATA-PACK' });
  expect(openedBy(['strata', '--x=/a.strata-pack', 'notes.txt'], '/here')).toBeNull();
  expect(openedBy(['a.strata-pack'], '/here')).toBeNull(); // the program itself
  expect(withoutHome(['electron', '.', '--home=/x', 'strata-studio://run/a', 'a.strata-pack', '--no'])).toEqual(['electron', '.', '--no']);
});
