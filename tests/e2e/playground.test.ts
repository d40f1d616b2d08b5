import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModelInfo } from '../../shared/contract/models.ts';
import type { ModelPacks } from '../../shared/contract/packs.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { fastEngine } from '../support/engines.ts';
import { writeTinySources } from '../support/workspace.ts';
import { expectAccessible } from './support/axe.ts';
import { goTo, type OpenPage, openPage } from './support/browser.ts';
import { type RunningStudio, startStudio } from './support/studio.ts';

/** Each test goes on from the one before. */
describe('the playground in the browser', () => {
  let studio: RunningStudio;
  let open: OpenPage;
  let files: string;
  let run: RunSummary;

  beforeAll(async () => {
    files = await mkdtemp(join(tmpdir(), 'strata-e2e-packs-'));
    studio = await startStudio();
    open = await openPage(studio.url);
  });
  afterAll(async () => {
    await open.close();
    await studio.stop();
    await rm(files, { recursive: true, force: true });
  });

  it('says what to do while there is no model', async () => {
    await goTo(open.page, 'Playground');
    await open.page.getByText('No models yet').waitFor();
    await expectAccessible(open.page, 'the playground without a model');
  });

  it('shows the same prompt through a base and what was trained from it, token by token, and why they differ', async () => {
    const { page } = open;
    const sources = await writeTinySources(files);
    await studio.strata('model', 'import', sources.model);
    await studio.strata('data', 'import', sources.newText, '--name', 'code');
    await studio.strata('data', 'import', sources.oldText, '--name', 'stories');
    const how = ['--at', '1,3', '--steps', '15', '--batch', '2', '--context', '32', '--lr', '0.05', '--engine', fastEngine];
    run = await studio.strata<RunSummary>('train', '--model', 'tiny', '--new', 'code', '--old', 'stories', '--name', 'coder', ...how);
    expect(run.status).toBe('done');
    await page.goto(`${new URL(studio.url).origin}/#/runs/${run.id}`);
    await page.getByRole('link', { name: 'Playground' }).last().click();
    const [a, b] = [page.getByRole('region', { name: 'Voice A' }), page.getByRole('region', { name: 'Voice B' })];
    await a.getByText('No packs: no blocks were inserted.').waitFor();
    await b.getByRole('slider', { name: 'Pack 1: coder' }).waitFor();

    await page.getByLabel('Prompt', { exact: true }).fill('let total');
    await page.getByLabel('Tokens', { exact: true }).fill('12');
    await page.getByLabel('Prompt', { exact: true }).press('Control+Enter');
    await b.getByText(/^12 tokens, as many tokens as asked for/).waitFor();
    // Asked again only when every voice has been compared with another: until then a token has one share.
    await page.getByRole('button', { name: 'Ask all' }).waitFor();
    await page.getByText('likelier here than with the other voice').waitFor();
    const tokens = b.getByRole('group', { name: 'Answer of voice B' }).getByRole('button');
    expect(await tokens.count()).toBe(12);
    expect(await tokens.first().getAttribute('title')).toMatch(/^".+": [\d.]+ % here, [\d.]+ % with tiny$/);
    await tokens.first().focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    const detail = page.getByRole('region', { name: 'The chosen token' });
    await detail.getByText('Which blocks moved it').waitFor();
    expect(
      await detail
        .getByRole('list', { name: /^Blocks of/ })
        .getByRole('listitem')
        .count(),
    ).toBe(2);
    expect(
      await detail
        .getByRole('list', { name: /^Likeliest/ })
        .first()
        .getByRole('listitem')
        .count(),
    ).toBe(5);
    await expectAccessible(page, 'answers and the chosen token');
  });

  it('turns a pack off by keys: the answers are then the same; and a gate says which way it went', async () => {
    const { page } = open;
    const [a, b] = [page.getByRole('region', { name: 'Voice A' }), page.getByRole('region', { name: 'Voice B' })];
    await b.getByRole('slider').focus();
    await page.keyboard.press('Home');
    await b.getByText('off', { exact: true }).waitFor();
    // Clicked twice, it does what it does when it is clicked once: "Stop" comes in its place.
    await page.getByRole('button', { name: 'Ask all' }).dblclick();
    await b.getByText(/^12 tokens, as many tokens as asked for/).waitFor();
    await page.getByRole('button', { name: 'Ask all' }).waitFor();
    const text = (voice: typeof a): Promise<string> => voice.getByRole('group', { name: /^Answer of/ }).innerText();
    expect(await text(a)).toBe(await text(b));
    await page.keyboard.press('Escape');
    await b.getByRole('slider').press('End');
    await b.getByText('full', { exact: true }).waitFor();
    await b.getByRole('checkbox', { name: /^Gate/ }).check();
    await page.getByRole('button', { name: 'Ask all' }).click();
    await b.getByText(/^(through|past) the pack$/).waitFor();
    await page.getByRole('button', { name: 'Ask all' }).waitFor();
  });

  it('stops, and keeps what was written by then', async () => {
    const { page } = open;
    await page.getByLabel('Prompt', { exact: true }).fill('x');
    await page.getByLabel('Tokens', { exact: true }).fill('900');
    await page.getByText('Tokens: a whole number from 1 to 512.').waitFor();
    await page.getByLabel('Tokens', { exact: true }).fill('62');
    await page.getByRole('button', { name: 'Ask all' }).click();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('button', { name: 'Ask all' }).waitFor();
  });

  it('packs are proved, dialled and made a model of on the run’s page', async () => {
    const { page, complaints } = open;
    await page.goto(`${new URL(studio.url).origin}/#/runs/${run.id}`);
    const packs = page.getByRole('region', { name: 'Packs' });
    await packs.getByRole('button', { name: 'Prove that off is the base' }).click();
    await packs.getByText(/largest logit difference from “tiny” 0 on \d+ tokens/).waitFor();
    await packs.getByRole('button', { name: 'Evaluate a gate for pack 1' }).click();
    await packs.getByRole('table').waitFor();
    await packs.getByRole('slider').fill('0.5');
    await packs.getByRole('button', { name: 'Make a model of it' }).click();
    await packs.getByText('made', { exact: true }).waitFor();
    await expectAccessible(page, 'packs', '[aria-label="Packs"]');
    const models = await studio.strata<ModelInfo[]>('model', 'list');
    const made = models.find(({ name }) => name === 'tiny with coder')!;
    const listed = await studio.strata<ModelPacks>('pack', 'list', made.id);
    expect(listed.packs).toMatchObject([{ strength: 0.5, positions: [2, 5] }]);
    expect(await studio.strata('pack', 'prove', made.id)).toMatchObject({ isProved: true, maxLogitDifference: 0 });
    // A page that is loaded anew leaves off what it was just fetching.
    expect(complaints.filter((complaint) => !complaint.includes('ERR_ABORTED'))).toEqual([]);
  });
});
