import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunSummary } from '../../shared/domain/run.ts';
import { goTo, type OpenPage, openPage } from './support/browser.ts';
import { TrainPage } from './support/pages/train.ts';
import { type RunningStudio, startStudio } from './support/studio.ts';

/** What somebody sees who looks closely in the first minutes: nothing on a page contradicts another thing on it. */
describe('a first look at the studio', () => {
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

  it('finds one invitation to the sample project at a time', async () => {
    const { page } = open;
    await page.getByRole('button', { name: 'Set the run up' }).waitFor();
    expect(await page.getByRole('button', { name: 'Open the sample project' }).count()).toBe(0);
  });

  it('finds the same roles among the datasets as on the page that trains', async () => {
    const { page } = open;
    await goTo(page, 'Datasets');
    for (const [name, role] of [
      ['JavaScript code', 'New'],
      ['English novels', 'Old'],
    ] as const) {
      const card = page.getByRole('article', { name, exact: true });
      await card.getByText('Guessed: the sample project uses it so.').waitFor();
      expect(await card.getByRole('radio', { name: role, exact: true }).isChecked()).toBe(true);
      await page.setViewportSize({ width: 420, height: 900 });
      const [title, picker, reason] = await Promise.all(
        [card.getByRole('heading'), card.getByRole('group'), card.getByText(/^Guessed: /)].map((each) => each.boundingBox()),
      );
      expect([picker!.x, reason!.x], 'in a narrow window all begin at one edge').toEqual([title!.x, title!.x]);
      await page.setViewportSize({ width: 1280, height: 900 });
    }
  });

  it('sees no figure, share or readiness before the studio has said it', async () => {
    const { page } = open;
    // Every state that the page is drawn in, frame by frame, from before it is opened.
    await page.evaluate(`
      globalThis.seen = [];
      const look = () => {
        const budget = document.querySelector('aside[aria-label="Budget"]');
        if (budget) {
          const steps = [...budget.querySelectorAll('small')].map((each) => each.textContent);
          const share = document.querySelector('input[aria-label="Old tokens in percent"]')?.value;
          const state = [steps[1], steps[3], budget.querySelector('.state').textContent, share].join(' | ');
          if (globalThis.seen.at(-1) !== state) globalThis.seen.push(state);
        }
        requestAnimationFrame(look);
      };
      look();
    `);
    await goTo(page, 'Train');
    await new TrainPage(page).budget.getByText('Checked with the data.').waitFor();
    await page.getByText(/^New and old data are far apart/).waitFor();
    const seen = await page.evaluate<string[]>('globalThis.seen');
    expect(seen.length).toBeGreaterThan(1);
    for (const state of seen) {
      const [mix, review, figures] = state.split(' | ');
      expect(mix, state).not.toBe('only new');
      expect(figures, state).not.toBe('No figures while the plan is not possible.');
      if (figures !== 'Checked with the data.') expect([mix, review, state.split(' | ')[3]], state).not.toContain('ready');
    }
    expect(seen[0]).toBe('being worked out… | being worked out… | Working out what the run will cost… | ');
  });

  it('cannot start what a field refuses, from the key on that makes it wrong', async () => {
    const { page } = open;
    const train = new TrainPage(page);
    expect(await train.start.isEnabled()).toBe(true);
    await train.steps.pressSequentially('1e99');
    // At once: what is asked of the studio would take longer than this.
    expect(await page.evaluate(`document.querySelector('aside[aria-label="Budget"] button.primary').disabled`)).toBe(true);
    expect(await train.steps.getAttribute('aria-invalid')).toBe('true');
    await page.getByText('The number of steps is a whole number from 1 to 1,000,000,000, or empty.').waitFor();
    await train.steps.fill('');
    await expect.poll(() => train.start.isEnabled()).toBe(true);
  });

  it('leaves most of a low window to the choices', async () => {
    const { page } = open;
    const train = new TrainPage(page);
    for (const width of [980, 640, 390]) {
      await page.setViewportSize({ width, height: 800 });
      const bar = await train.budget.boundingBox();
      expect(bar!.height, `at ${width} px`).toBeLessThanOrEqual(80);
      expect(await train.start.isVisible()).toBe(true);
    }
    // German has longer words: the button must leave the figures their room.
    for (const language of ['de', 'en']) {
      await page.setViewportSize({ width: 360, height: 800 });
      await page.evaluate(`localStorage.setItem('strata-language', '${language}')`);
      await page.reload();
      const bar = page.locator(`html[lang="${language}"] aside:has(dl)`);
      await bar.locator('dd strong').nth(2).waitFor({ state: 'attached' });
      const [figures, go, all] = await Promise.all([bar.locator('dl'), bar.locator('.go'), bar].map((each) => each.boundingBox()));
      expect(await bar.locator('dl').evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)).toBe(0);
      expect(figures!.x + figures!.width, language).toBeLessThanOrEqual(go!.x);
      expect(go!.x + go!.width, language).toBeLessThanOrEqual(all!.x + all!.width);
      expect(all!.height, language).toBeLessThanOrEqual(80);
    }
    await page.setViewportSize({ width: 1280, height: 900 });
  });

  it('begins the sample project with the replay that its distance asks for, and is told so', async () => {
    const { page } = open;
    await goTo(page, 'Home');
    await page.getByRole('button', { name: 'Set the run up' }).click();
    await page.getByText(/far apart: .*25 % was needed/).waitFor();
    await page.getByRole('button', { name: 'End the guide' }).click();
    await goTo(page, 'Home'); // whoever is not led any more is invited by the page itself
    await page.getByRole('button', { name: 'Open the sample project' }).waitFor();
    await goTo(page, 'Train');
    await new TrainPage(page).steps.fill('2');
    await new TrainPage(page).start.click();
    await page.getByRole('heading', { level: 1, name: 'strata-base learns JavaScript code' }).waitFor();
    const [run] = await studio.strata<RunSummary[]>('run', 'list');
    expect(run!.configuration).toMatchObject({ replayShare: 0.25, replayReason: expect.stringMatching(/far apart/) as string });
    expect(open.complaints).toEqual([]);
  });
});
