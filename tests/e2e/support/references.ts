import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import pixelmatch from 'pixelmatch';
import { PNG } from 'pngjs';
import sharp from 'sharp';
import { expect } from 'vitest';

/**
 * Pictures of pages as they are meant to look, in tests/e2e/references. `STRATA_REFERENCES=renew` writes them anew instead of comparing:
 * look at each of them before it is committed.
 */
const REFERENCES = join(import.meta.dirname, '../references');
/** Where what was seen and where it differs are written when a page looks otherwise. */
const DIFFERENCES = join(tmpdir(), 'strata-references');

/**
 * Letters have other edges, and stand a fraction of a pixel elsewhere, on another machine or in another Chromium, which is no difference. So
 * pictures are compared by the mean colours of squares of that many pixels, in which that does not show: a panel, a row of a table, a colour
 * or a place that changed does. Measured on Home and a run: with other hinting of letters 0.03 % of the squares differ, with one row of a
 * table or one figure less 0.2 to 0.8 %.
 */
const SQUARE = 20;
/** How far apart two colours may be, from 0 to 1 as pixelmatch measures it. */
const COLOUR_TOLERANCE = 0.06;
/** The share of squares that may differ. */
const SHARE_TOLERANCE = 0.0015;

/** What is not the same every time and is painted over: times, speeds, memory, places of this machine. */
export type Masks = Locator[];

/**
 * The page looks as its reference does.
 * @param name of the reference's file, without its ending.
 * @throws an assertion that names the reference, the picture of now and the picture of the differences.
 */
export async function expectLooksAs(page: Page, name: string, masks: Masks = []): Promise<void> {
  const seen = await page.screenshot({ animations: 'disabled', caret: 'hide', mask: masks, maskColor: '#808080' });
  const path = join(REFERENCES, `${name}.png`);
  if (process.env.STRATA_REFERENCES === 'renew') {
    await mkdir(REFERENCES, { recursive: true });
    return void (await sharp(seen).png({ palette: true, effort: 10, dither: 0 }).toFile(path)); // 256 colours are enough
  }
  const share = await differingShare(await readFile(path), seen, name);
  expect(
    share,
    `${name} does not look as ${path} does: ${join(DIFFERENCES, name)}.png is what was seen, ${name}.difference.png beside it shows where ` +
      'it differs. If it is meant, STRATA_REFERENCES=renew npm test -- --only browser looks writes all references anew.',
  ).toBeLessThanOrEqual(SHARE_TOLERANCE);
}

/** The share of squares whose mean colours differ; when it is too large, both pictures are written. */
async function differingShare(reference: Buffer, seen: Buffer, name: string): Promise<number> {
  const [expected, actual] = [meansOf(PNG.sync.read(reference)), meansOf(PNG.sync.read(seen))];
  const { width, height } = expected;
  if (actual.width !== width || actual.height !== height) {
    throw new Error(`${name} is a picture of ${actual.width} × ${actual.height} squares, its reference of ${width} × ${height}.`);
  }
  const difference = new PNG({ width, height });
  const options = { threshold: COLOUR_TOLERANCE, includeAA: true };
  const share = pixelmatch(expected.data, actual.data, difference.data, width, height, options) / (width * height);
  if (share > SHARE_TOLERANCE) {
    await mkdir(DIFFERENCES, { recursive: true });
    await writeFile(join(DIFFERENCES, `${name}.png`), seen);
    const large = sharp(PNG.sync.write(difference)).resize({ width: width * SQUARE, kernel: 'nearest' });
    await large.png({ palette: true }).toFile(join(DIFFERENCES, `${name}.difference.png`));
  }
  return share;
}

/** A picture of the mean colours of squares. */
function meansOf({ width, height, data }: PNG): PNG {
  const means = new PNG({ width: Math.floor(width / SQUARE), height: Math.floor(height / SQUARE) });
  for (let y = 0; y < means.height; y++) {
    for (let x = 0; x < means.width; x++) {
      for (let channel = 0; channel < 4; channel++) {
        let sum = 0;
        for (let row = y * SQUARE; row < (y + 1) * SQUARE; row++) {
          for (let column = x * SQUARE; column < (x + 1) * SQUARE; column++) sum += data[4 * (row * width + column) + channel]!;
        }
        means.data[4 * (y * means.width + x) + channel] = sum / SQUARE ** 2;
      }
    }
  }
  return means;
}
