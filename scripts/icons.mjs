#!/usr/bin/env node
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { projectRoot } from './setup/paths.mjs';

/**
 * `node scripts/icons.mjs`: resources/icons from the mark in renderer/public/icon.svg, drawn by Chromium (STRATA_CHROMIUM names one): PNG files
 * for Linux, an .ico for Windows and an .icns for macOS, both of which hold PNG files.
 */
const SIZES = [16, 32, 48, 64, 128, 256, 512, 1024];
/** Types of Apple's icon file by the size of their picture (Apple, Icon Composer). */
const ICNS_TYPES = { 16: 'icp4', 32: 'icp5', 64: 'icp6', 128: 'ic07', 256: 'ic08', 512: 'ic09', 1024: 'ic10' };

/** @param {Map<number, Buffer>} pictures by width @returns {Buffer} a directory of 16 bytes a picture, then the pictures */
function ico(pictures) {
  const chosen = [...pictures].filter(([size]) => size <= 256);
  const head = Buffer.alloc(6 + 16 * chosen.length);
  head.writeUInt16LE(1, 2);
  head.writeUInt16LE(chosen.length, 4);
  let offset = head.length;
  for (const [index, [size, png]] of chosen.entries()) {
    const at = 6 + 16 * index;
    head.writeUInt8(size % 256, at); // 0 means 256
    head.writeUInt8(size % 256, at + 1);
    head.writeUInt16LE(1, at + 4);
    head.writeUInt16LE(32, at + 6);
    head.writeUInt32LE(png.length, at + 8);
    head.writeUInt32LE(offset, at + 12);
    offset += png.length;
  }
  return Buffer.concat([head, ...chosen.map(([, png]) => png)]);
}

/** @param {Map<number, Buffer>} pictures by width @returns {Buffer} */
function icns(pictures) {
  const parts = Object.entries(ICNS_TYPES).map(([size, type]) => {
    const png = /** @type {Buffer} */ (pictures.get(Number(size)));
    const head = Buffer.alloc(8);
    head.write(type, 'latin1');
    head.writeUInt32BE(png.length + 8, 4);
    return Buffer.concat([head, png]);
  });
  const head = Buffer.alloc(8);
  head.write('icns', 'latin1');
  head.writeUInt32BE(8 + parts.reduce((sum, { length }) => sum + length, 0), 4);
  return Buffer.concat([head, ...parts]);
}

const svg = readFileSync(join(projectRoot, 'renderer', 'public', 'icon.svg'), 'utf8');
const folder = join(projectRoot, 'resources', 'icons');
mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.STRATA_CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
const pictures = new Map();
for (const size of SIZES) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  await page.setContent(`<style>*{margin:0}svg{display:block;width:${size}px;height:${size}px}</style>${svg}`);
  const png = await page.screenshot({ omitBackground: true });
  pictures.set(size, png);
  if (size !== 1024) writeFileSync(join(folder, `${size}x${size}.png`), png);
  await page.close();
}
await browser.close();
writeFileSync(join(folder, 'icon.ico'), ico(pictures));
writeFileSync(join(folder, 'icon.icns'), icns(pictures));
