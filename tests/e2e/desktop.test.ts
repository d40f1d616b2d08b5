import Database from 'better-sqlite3';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StandInDesktop } from '../electron/harness/stand-in-desktop.ts';
import { desktopSuite } from '../electron/harness/suite.ts';

/** The built program under a stand-in for Electron, and the built pages in Chromium: see tests/electron/harness. */
describe('the desktop program', () => {
  const desktop = desktopSuite(() => StandInDesktop.start());

  it('has saved what trained: the run can go on', () => {
    const store = new Database(join(desktop().folder, 'workspace', 'strata.db'), { readonly: true });
    const runs = store.prepare('SELECT status, stepsDone FROM runs').all() as { status: string; stepsDone: number }[];
    store.close();
    expect(runs).toEqual([{ status: expect.stringMatching(/^(paused|interrupted)$/) as string, stepsDone: expect.any(Number) as number }]);
    expect(runs[0]!.stepsDone).toBeGreaterThan(0);
  });

  it('has written a log, and no report of a crash', async () => {
    const files = await readdir(join(desktop().folder, 'logs')).catch(() => []);
    expect(files.filter((name) => name.startsWith('crash-'))).toEqual([]);
  });
});
