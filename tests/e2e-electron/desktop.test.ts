import { describe, expect, it } from 'vitest';
import { desktopSuite } from '../electron/harness/suite.ts';
import { ElectronDesktop, electronHere } from '../electron/harness/electron-desktop.ts';

/** What tests/e2e/desktop.test.ts does under a stand-in, in Electron itself. */
const electron = electronHere();
if ('problem' in electron) process.stderr.write(`The desktop program is not driven in Electron: ${electron.problem}\n`);

describe.runIf('executable' in electron)('the desktop program in Electron', () => {
  const desktop = desktopSuite(() => ElectronDesktop.start((electron as { executable: string }).executable));

  it('keeps its page in a process of its own, in the sandbox', async () => {
    // The suite has quit the program: a second start finds what the first one left.
    const again = await ElectronDesktop.start((electron as { executable: string }).executable);
    try {
      await again.page.getByRole('heading', { level: 1 }).waitFor();
      expect(await again.page.evaluate('navigator.userAgent')).toContain('Electron');
      expect(again.page.url()).toMatch(/^strata:\/\/app\//);
    } finally {
      await again.stop();
    }
    expect(desktop().complaints).toEqual([]);
  });
});
