import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goTo, type OpenPage, openPage } from './support/browser.ts';
import { type RunningStudio, startStudio } from './support/studio.ts';

describe('a new workspace', () => {
  let studio: RunningStudio;
  let open: OpenPage;

  beforeAll(async () => {
    studio = await startStudio([], true);
    open = await openPage(studio.url);
  });
  afterAll(async () => {
    await open.close();
    await studio.stop();
  });

  it('opens on the sample project, and one sentence leads through a first run to files of one’s own', async () => {
    const { page } = open;
    const guide = page.getByRole('region', { name: 'First run' });
    await guide.getByText('A sample project is here').waitFor();
    await guide.getByRole('button', { name: 'Set the run up' }).click();
    await guide.getByText('Everything is chosen.').waitFor();
    await page.getByRole('spinbutton', { name: /^Steps/ }).fill('4');
    await page.getByRole('button', { name: /^Expand and train/ }).click();
    await guide.getByText('It trains.').waitFor();
    await guide.getByText('That is a whole run').waitFor({ timeout: 120_000 });
    await goTo(page, 'Home');
    await guide.getByText('Your first run is done.').waitFor();
    await guide.getByRole('button', { name: 'Now with your own files' }).click();
    await page.getByRole('heading', { level: 1, name: 'Datasets' }).waitFor();
    expect(await guide.count()).toBe(0);
    await page.reload();
    await page.getByRole('heading', { level: 1, name: 'Datasets' }).waitFor();
    expect(await guide.count(), 'who has been led is not led again').toBe(0);
    expect(open.complaints).toEqual([]);
  });
});
