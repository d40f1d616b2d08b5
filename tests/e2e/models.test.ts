import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Download } from '../../shared/contract/downloads.ts';
import type { ModelInfo } from '../../shared/contract/models.ts';
import { type HubServer, REPOSITORY, startHubServer, TOKEN } from '../support/hub-server.ts';
import { writeTinyModel } from '../support/workspace.ts';
import { goTo, type OpenPage, openPage } from './support/browser.ts';
import { type RunningStudio, startStudio } from './support/studio.ts';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const WEIGHTS = 'model.safetensors';

describe.each(['light', 'dark'] as const)('adding a model in the browser, %s theme', (colorScheme) => {
  let studio: RunningStudio;
  let open: OpenPage;
  let hub: HubServer;
  let folder: string;
  let half: number;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'strata-models-'));
    await writeTinyModel(join(folder, 'model'));
    const files: Record<string, Buffer> = {};
    for (const name of await readdir(join(folder, 'model'))) files[name] = await readFile(join(folder, 'model', name));
    half = Math.floor(files[WEIGHTS]!.length / 2);
    hub = await startHubServer(files);
    vi.stubEnv('HF_ENDPOINT', hub.endpoint);
    vi.stubEnv('HF_HOME', join(folder, 'hf'));
    vi.stubEnv('HF_TOKEN', '');
    studio = await startStudio();
    open = await openPage(studio.url, { colorScheme });
    await goTo(open.page, 'Models');
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await open.close();
    await studio.stop();
    await hub.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** What axe finds on the page as it is, and a picture of it for whoever wants to look (STRATA_SCREENSHOTS names a folder). */
  async function look(name: string): Promise<void> {
    const pictures = process.env.STRATA_SCREENSHOTS;
    if (pictures) await open.page.screenshot({ path: join(pictures, `models-${name}-${colorScheme}.png`), fullPage: true });
    await open.page.evaluate(axe);
    const found = await open.page.evaluate(
      async () =>
        (
          (await (globalThis as unknown as { axe: { run(options: object): Promise<unknown> } }).axe.run({
            runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
          })) as { violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }
        ).violations,
    );
    expect(found.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`))).toEqual([]);
  }

  it('shows where a model may come from, by keyboard too', async () => {
    const { page } = open;
    const tabs = page.getByRole('tablist', { name: 'Where the model comes from' });
    await tabs.getByRole('tab', { name: 'This computer' }).focus();
    await look('computer');
    await page.keyboard.press('ArrowRight');
    await page.getByLabel('Repository').waitFor();
    await page.getByText('More choices').click();
    await look('hub');
    await page.keyboard.press('Tab');
  });

  it('says what is wrong with a repository', async () => {
    const { page } = open;
    await page.getByLabel('Repository').fill('acme/nothing');
    await page.getByRole('button', { name: 'Fetch' }).click();
    await page.getByRole('alert').getByText('The hub knows no such repository.').waitFor();
    await look('failed');
    await page.getByRole('button', { name: 'Do not show acme/nothing any more' }).click();
    await page.getByRole('alert').waitFor({ state: 'detached' });
    await page.getByLabel('Repository').fill('nonsense');
    await page.getByRole('button', { name: 'Fetch' }).click();
    await page.getByRole('alert').getByText('That is not the name of a repository.').waitFor();
  });

  it('fetches one, which is stopped, looked at again, and gone on with to its end; the token goes along and stays nowhere', async () => {
    const { page } = open;
    hub.isPrivate = true;
    hub.fault = ({ path, times }) => (path === WEIGHTS && times === 1 ? { stallAfter: half } : null);
    await page.getByLabel('Repository').fill(`https://hub.example/${REPOSITORY}/tree/main`);
    await page.getByLabel('Token, for private and gated models').fill(TOKEN);
    await page.getByRole('button', { name: 'Fetch' }).click();
    const bar = page.getByRole('progressbar', { name: `${REPOSITORY}, fetched` });
    await expect.poll(async () => Number(await bar.getAttribute('aria-valuenow')), { timeout: 30_000 }).toBeGreaterThan(40);
    await page.getByText(/^Fetching \d+ files of/).waitFor();
    await look('fetching');
    // Another page, and back: the studio went on meanwhile.
    await goTo(page, 'Datasets');
    await goTo(page, 'Models');
    await page.getByRole('button', { name: `Stop fetching ${REPOSITORY}` }).click();
    await page.getByText('Stopped', { exact: true }).waitFor();
    await look('stopped');
    await page.getByRole('button', { name: `Delete what has arrived of ${REPOSITORY}` }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Keep it' }).click();
    expect(await studio.strata<Download[]>('model', 'downloads')).toMatchObject([{ source: `hub:${REPOSITORY}@main`, state: 'stopped' }]);

    await page.getByRole('button', { name: `Go on with ${REPOSITORY}` }).click();
    await page.getByRole('alert').getByText('The hub knows no such repository, or it is private.').waitFor(); // the token is gone with the form
    await page.getByRole('tab', { name: 'Hub' }).click();
    await page.getByText('More choices').click();
    await page.getByLabel('Token, for private and gated models').fill(TOKEN);
    await page.getByRole('button', { name: `Try again with ${REPOSITORY}` }).click();
    await page.getByText('In the workspace', { exact: true }).waitFor();
    expect(hub.rangesOf(WEIGHTS)).toEqual([undefined, `bytes=${half}-`]);
    await page.getByRole('region', { name: 'tiny-llama', exact: true }).waitFor();
    const [model] = await studio.strata<ModelInfo[]>('model', 'list');
    expect(model).toMatchObject({ name: 'tiny-llama', source: `${REPOSITORY}@000000000000 (hub)` });
    expect(await studio.strata('model', 'downloads')).toEqual([]);
    await look('done');
    await page.getByRole('button', { name: `Do not show ${REPOSITORY} any more` }).click();
    await page.getByRole('list', { name: 'Downloads' }).waitFor({ state: 'detached' });
  });

  it('deletes one, which is brought back at once or out of the bin, until the bin is emptied', async () => {
    const { page } = open;
    const names = async (...options: string[]): Promise<string[]> =>
      (await studio.strata<{ name: string }[]>('model', 'list', ...options)).map(({ name }) => name);
    const spare = await studio.strata<ModelInfo>('model', 'import', join(folder, 'model'), '--name', 'spare');
    await page.reload();
    const card = page.getByRole('region', { name: 'spare', exact: true });
    const remove = page.getByRole('button', { name: 'Delete the model “spare”', exact: true });
    await remove.click();
    await page.getByText('Deleted “spare”. It lies in the bin.').waitFor();
    await card.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Undo' }).click();
    await card.waitFor();
    expect(await names()).toEqual(['tiny-llama', 'spare']);

    await remove.click();
    await page.getByText(/^1 deleted, [\d.]+ kB$/).click();
    await look('bin');
    await page.getByRole('button', { name: 'Bring back spare' }).click();
    await card.waitFor();
    expect(await names('--deleted')).toEqual([]);

    await remove.click();
    await page.getByText(/^1 deleted, [\d.]+ kB$/).click();
    await page.getByRole('button', { name: 'Empty the bin' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText(/^1 deleted, /).waitFor({ state: 'detached' });
    expect([await names(), await names('--deleted')]).toEqual([['tiny-llama'], []]);
    await expect(readdir(spare.path)).rejects.toThrow('ENOENT');
  });

  it('takes one out of the catalogue', async () => {
    const { page } = open;
    await page.getByRole('tab', { name: 'Catalogue' }).click();
    const smol = page.getByRole('article', { name: 'SmolLM2-135M-Instruct' });
    expect(await smol.textContent()).toMatch(/134\.52 M parameters.*92\.9 MB to fetch.*Apache-2\.0/s);
    await page.getByRole('button', { name: 'Add Strata base' }).click();
    await page.getByRole('article', { name: 'Strata base' }).getByText('In the workspace').waitFor();
    await look('catalogue');
    await page.setViewportSize({ width: 400, height: 900 });
    await look('narrow');
    expect((await studio.strata<ModelInfo[]>('model', 'list')).map(({ name }) => name)).toEqual(['tiny-llama', 'strata-base']);
    expect(open.complaints).toEqual([]);
  });
});
