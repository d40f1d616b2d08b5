#!/usr/bin/env node
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureChromium } from '../setup/chromium.mjs';
import { prepare, runScript } from '../setup/prepare.mjs';
import { createReport } from '../setup/report.mjs';

/**
 * `npm run pictures`: the pictures of the guide and the film of the README, docs/images/*.webp, taken from the built studio while it really trains
 * two short runs (some five minutes on two cores). Look at them before they are committed: a page that changed may need another moment.
 */
await runScript(async () => {
  const { node } = await prepare({ quiet: true, renderer: true, retry: true });
  const chromium = await ensureChromium(createReport());
  if ('problem' in chromium) throw new Error(chromium.problem);
  // Read after the packages are installed.
  const { FILM, FILM_SCALE, Film } = await import('./film.mjs');
  const { IMAGES, openBrowser, openPage } = await import('./pages.mjs');
  const { startStudio } = await import('./studio.mjs');
  const { dataToRun, ending } = await import('./story.mjs');
  const { takeStills, trainAnother } = await import('./stills.mjs');
  const studio = await startStudio(node);
  const browser = await openBrowser(chromium.executable);
  try {
    const page = await openPage(browser, studio.url, { width: FILM.width * FILM_SCALE, height: FILM.height * FILM_SCALE, density: 1 });
    const film = new Film(page, await browser.newPage());
    await dataToRun(page, film, studio.code);
    const still = await openPage(browser, studio.url, { width: 1280, height: 800 });
    await trainAnother(still);
    await ending(page, film);
    const path = join(IMAGES, 'film.webp');
    const size = await film.save(path);
    process.stdout.write(`film.webp  ${Math.round(size / 1000)} kB, ${film.seconds.toFixed(1)} s\n`);
    await page.close();
    await takeStills(browser, still, studio);
  } catch (error) {
    for (const [at, page] of browser
      .contexts()
      .flatMap((context) => context.pages())
      .entries()) {
      await page.screenshot({ path: join(tmpdir(), `pictures-failed-${at}.png`) });
    }
    process.stderr.write(`What the pages showed at last: ${join(tmpdir(), 'pictures-failed-*.png')}\n`);
    throw error;
  } finally {
    await browser.close();
    await studio.stop();
  }
  return 0;
});
