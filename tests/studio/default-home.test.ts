import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { defaultHome } from '../../main/studio/default-home.ts';

test.each([
  ['linux', { STRATA_HOME: '/work space/strata' }, '/work space/strata'],
  ['linux', { XDG_DATA_HOME: '/data' }, '/data/strata'],
  ['linux', {}, join(homedir(), '.local/share/strata')],
  ['darwin', {}, join(homedir(), 'Library/Application Support/Strata')],
  ['win32', { APPDATA: '/roaming' }, '/roaming/Strata'],
] as const)('the workspace on %s with %o', (platform, environment, wanted) => {
  expect(defaultHome(environment, platform)).toBe(wanted);
});
