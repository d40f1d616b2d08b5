import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DatasetInfo } from '../../shared/contract/datasets.ts';
import type { TrainPreview } from '../../shared/contract/training.ts';
import { storyDocuments } from '../support/workspace.ts';
import { goTo, type OpenPage, openPage } from './support/browser.ts';
import { type RunningStudio, startStudio } from './support/studio.ts';

/** How tokens are shared, chosen on the Train page with the keyboard alone, as the command line would say it. */
describe('the ratio editor', () => {
  let studio: RunningStudio;
  let open: OpenPage;

  beforeAll(async () => {
    studio = await startStudio();
    const path = join(studio.home, 'tales.jsonl');
    await writeFile(
      path,
      storyDocuments(200)
        .map((text) => JSON.stringify({ text }) + '\n')
        .join(''),
    );
    await studio.strata<{ datasets: DatasetInfo[] }>('data', 'import', path, '--name', 'tales');
    open = await openPage(studio.url);
  });
  afterAll(async () => {
    await open.close();
    await studio.stop();
  });

  it('replays as the measured distance says, unless the person does, and tells why', async () => {
    const { page } = open;
    await page.getByRole('button', { name: 'Open the sample project' }).click();
    await page.getByRole('heading', { name: 'Train', level: 1 }).waitFor();
    const share = page.getByRole('spinbutton', { name: 'Old tokens in percent' });
    const request = ['train', '--model', 'strata-base', '--new', 'JavaScript code', '--old', 'English novels', '--dry-run'];
    const { replayShare, replayReason } = await studio.strata<TrainPreview>(...request);
    expect(replayShare).toBe(0.25);
    await page.getByText(replayReason).waitFor();
    await page.getByRole('row', { name: /English novels.* 25 % / }).waitFor();
    expect(await share.inputValue()).toBe('25');
    // What is no share stays as it was typed, with the reason, until it is corrected.
    const start = page.getByRole('button', { name: 'Expand and train' });
    await share.fill('100');
    const reason = page.getByText(/^The replay share is a number from 0 to less than 100 %/).first();
    await reason.waitFor();
    expect([await start.isDisabled(), await share.getAttribute('aria-invalid')]).toEqual([true, 'true']);
    expect(await share.getAttribute('aria-describedby')).toBe(await reason.getAttribute('id'));
    await page.keyboard.press('Tab');
    expect(await share.inputValue()).toBe('100');
    await share.fill('99.5'); // counts as it is typed
    await reason.waitFor({ state: 'detached' });
    await page.getByRole('row', { name: /English novels.* 99.5 % / }).waitFor();
    await page.getByRole('button', { name: 'Replay 25 %' }).waitFor();
    // What stands there already is chosen by who types it.
    await share.fill('25');
    await page.keyboard.press('Tab');
    await page.getByText(/^As chosen\.$/).waitFor();
    await share.fill('');
    await page.keyboard.press('Tab');
    await page.getByText(replayReason).waitFor();

    await page.getByText(/^Distance of new from old: far apart/).click();
    await page.getByText(/^The further above its floor/).waitFor();
    await page.getByRole('button', { name: 'Measure with the model too' }).click();
    await page.getByText('bits per byte, for strata-base').waitFor();
    await page.getByText('Some text is harder for every model').waitFor();
    await share.fill('10');
    await page.keyboard.press('Tab');
    await page.getByText(/^As chosen\.$/).waitFor();
    expect(open.complaints).toEqual([]);
    await goTo(page, 'Home');
  });

  it('shares old tokens by linked parts, and shows where the windows come from', async () => {
    const { page } = open;
    await page.getByRole('button', { name: 'Open the sample project' }).click();
    await page.getByRole('heading', { name: 'Train', level: 1 }).waitFor();
    await page.getByRole('group', { name: 'Role of tales' }).getByRole('radio', { name: 'Old' }).check();
    const part = (name: string): ReturnType<typeof page.getByRole> =>
      page.getByRole('spinbutton', { name: `${name}, percent of the old tokens` });
    await part('tales').fill('40');
    await page.keyboard.press('Tab');
    expect(await part('English novels').inputValue()).toBe('60');
    expect(await page.getByLabel('Tokens within new and within old').inputValue()).toBe('manual');
    await page.getByRole('slider', { name: /English novels/ }).focus();
    await page.keyboard.press('ArrowRight');
    expect([await part('English novels').inputValue(), await part('tales').inputValue()]).toEqual(['60.5', '39.5']);

    await page.getByLabel(/^Steps/).fill('50');
    await page.getByText('50 steps of 8').waitFor();
    const gives = page.getByRole('group', { name: 'What each dataset gives to the run' });
    const wanted = await studio.strata<TrainPreview>(
      ...['train', '--model', 'strata-base', '--new', 'JavaScript code', '--old', 'tales=39.5', 'English novels=60.5', '--replay', '0.1'],
      ...['--steps', '50', '--dry-run'],
    );
    for (const { name, windows } of wanted.mixture) await gives.getByRole('row', { name: new RegExp(`${name}.* ${windows} `) }).waitFor();

    await page.getByRole('img', { name: /^Windows 0 to 63: \d+ × JavaScript code/ }).waitFor();
    await page.getByLabel('from window').fill('390');
    await page.keyboard.press('Tab');
    await page.getByRole('img', { name: /^Windows 390 to 399: / }).waitFor();
    expect(open.complaints).toEqual([]);
  });

  it('gives the shares over the run as a table and as files, which begins no run', async () => {
    const { page } = open;
    const frame = page.getByRole('region', { name: 'Shares over the run', exact: true });
    await frame.waitFor();
    for (const [name, begins] of [
      ['CSV', /^part of the run,/],
      ['PNG', /^\x89PNG/],
    ] as const) {
      const [download] = await Promise.all([page.waitForEvent('download'), frame.getByRole('button', { name }).click()]);
      expect(await readFile(await download.path(), 'latin1')).toMatch(begins);
    }
    await frame.getByRole('button', { name: 'Show as table' }).click();
    await frame.getByRole('row', { name: /^0 % / }).waitFor();
    await frame.getByRole('button', { name: 'Show as chart' }).click();
    expect(await studio.strata<unknown[]>('run', 'list')).toEqual([]);
    expect(open.complaints).toEqual([]);
  });

  it('says what a cap on repeats cannot give, and offers text of the base where nothing is old', async () => {
    const { page } = open;
    await page.getByLabel('Most times through a dataset').fill('0.01');
    await page.getByRole('alert').getByText('There is too little new data for this run.').waitFor();
    await page.getByLabel('Most times through a dataset').fill('');
    for (const name of ['tales', 'English novels']) {
      await page
        .getByRole('group', { name: `Role of ${name}` })
        .getByRole('radio', { name: 'Not used' })
        .check();
    }
    await page.getByLabel('Tokens to sample').fill('3000');
    await page.getByRole('button', { name: 'Sample from strata-base' }).click();
    const role = page.getByRole('group', { name: 'Role of self-replay of strata-base' });
    await role.waitFor({ timeout: 120_000 });
    await page.getByLabel('Replay share').waitFor();
    expect(await role.getByRole('radio', { name: 'Old' }).isChecked()).toBe(true);
    expect(open.complaints).toEqual([]);
  });
});
