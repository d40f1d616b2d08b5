import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { projectRoot } from '../setup/paths.mjs';

/** Width and height of a page in the film, and of the line below it that says what is done. */
export const FILM = { width: 960, height: 600, line: 46 };
/** The page is laid out this many times larger, so that it looks as on a screen. */
export const FILM_SCALE = 4 / 3;
const POINTER = Buffer.from(
  '<svg xmlns="http://www.w3.org/2000/svg" width="26" height="30"><path d="M4 3v20l5-5 4 9 4-2-4-8h7z" fill="#111" stroke="#fff" stroke-width="2" stroke-linejoin="round"/></svg>',
);
const MOVES = 7;
const MOVE_MS = 45;

/** Frames of a page with a pointer and, below, a line of words; saved as an animated WebP. */
export class Film {
  #page;
  #words;
  /** @type {{ png: Buffer, ms: number }[]} */
  #frames = [];
  #at = { x: FILM.width * 0.6, y: FILM.height * 0.75 };
  /** @type {Buffer} */
  #line = Buffer.alloc(0);
  /** @type {Buffer} */
  #lastPage = Buffer.alloc(0);

  /**
   * @param {import('playwright-core').Page} page
   * @param {import('playwright-core').Page} words an empty page of the same browser, which draws the line of words
   */
  constructor(page, words) {
    this.#page = page;
    this.#words = words;
  }

  get seconds() {
    return this.#frames.reduce((sum, { ms }) => sum + ms, 0) / 1000;
  }

  /** @param {string} chapter one of CHAPTERS, which is marked @param {string} sentence */
  async say(chapter, sentence) {
    await this.#words.setViewportSize({ width: FILM.width, height: FILM.line });
    await this.#words.setContent(lineOf(chapter, sentence));
    await this.#words.evaluate('document.fonts.load("600 17px Inter")');
    this.#line = await this.#words.screenshot();
  }

  /** The page as it is now, for some time. @param {number} ms */
  async show(ms) {
    const shot = await this.#page.screenshot({ animations: 'disabled' });
    this.#lastPage = await sharp(shot).resize(FILM.width, FILM.height).png().toBuffer();
    await this.#add(ms);
  }

  /** Moves the pointer there and lets it rest. @param {import('playwright-core').Locator} target @param {number} [ms] */
  async point(target, ms = 400) {
    const box = await target.boundingBox();
    if (!box) throw new Error('What the film points at is not on the page.');
    const from = this.#at;
    const to = { x: (box.x + box.width / 2) / FILM_SCALE, y: (box.y + box.height / 2) / FILM_SCALE };
    for (let move = 1; move <= MOVES; move++) {
      const part = (1 - Math.cos((Math.PI * move) / MOVES)) / 2;
      this.#at = { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
      await this.#add(move === MOVES ? ms : MOVE_MS);
    }
    await target.hover();
  }

  /** Points and clicks. @param {import('playwright-core').Locator} target */
  async click(target) {
    await this.point(target);
    await target.click();
  }

  async #add(/** @type {number} */ ms) {
    const png = await sharp({ create: { width: FILM.width, height: FILM.height + FILM.line, channels: 3, background: '#1d1a17' } })
      .composite([
        { input: this.#lastPage, left: 0, top: 0 },
        { input: POINTER, left: clamp(this.#at.x - 4, FILM.width - 27), top: clamp(this.#at.y - 3, FILM.height - 31) },
        { input: this.#line, left: 0, top: FILM.height },
      ])
      .png({ compressionLevel: 1 })
      .toBuffer();
    const last = this.#frames.at(-1);
    if (last?.png.equals(png)) last.ms += ms;
    else this.#frames.push({ png, ms });
  }

  /** @param {string} path @returns {Promise<number>} its size in bytes */
  async save(path) {
    const { size } = await sharp(
      this.#frames.map(({ png }) => png),
      { join: { animated: true } },
    )
      .webp({ quality: 80, effort: 6, delay: this.#frames.map(({ ms }) => ms), loop: 0 })
      .toFile(path);
    return size;
  }
}

const CHAPTERS = ['Data', 'Mix', 'Plan', 'Train', 'Result', 'Compare'];

function lineOf(/** @type {string} */ chapter, /** @type {string} */ sentence) {
  const font = readFileSync(join(projectRoot, 'node_modules/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2')).toString(
    'base64',
  );
  const chapters = CHAPTERS.map((each) => `<b class="${each === chapter ? 'now' : ''}">${each}</b>`).join('');
  return `<style>
    @font-face { font-family: Inter; font-weight: 100 900; src: url(data:font/woff2;base64,${font}) }
    * { margin: 0 } body { background: #1d1a17; color: #f6f3ee; font: 500 17px Inter; display: flex; align-items: center; height: ${FILM.line}px; padding: 0 20px; box-sizing: border-box }
    p { flex: 1; white-space: nowrap } b { font: 600 13px Inter; color: #8d857c; margin-left: 14px } .now { color: #ff9a5c }
  </style><p>${sentence}</p>${chapters}`;
}

const clamp = (/** @type {number} */ value, /** @type {number} */ most) => Math.round(Math.min(Math.max(value, 0), most));
