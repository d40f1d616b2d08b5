import { expect, test } from 'vitest';
import { StandInDesktop } from '../electron/harness/stand-in-desktop.ts';

test('smoke', async () => {
  const desktop = await StandInDesktop.start();
  await desktop.page.getByRole('heading', { level: 1 }).waitFor({ timeout: 15000 }).catch(async (e) => { console.log(await desktop.page.content()); console.log(desktop.complaints); throw e; });
  console.log(await desktop.page.title(), desktop.complaints, await desktop.state());
  await desktop.quit();
  await desktop.stop();
});
