import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { formatOf } from '../readers/formats.ts';

const LICENCE = /^(licen[cs]e|copying|unlicense)([-.]\w+)*$/i;
const LICENCE_BYTES = 4096;

/** The licence that a file LICENSE or the like among the sources names: the first of them that can be read. */
export class LicenceFinder {
  /** Null until one is found. */
  licence: string | null = null;

  /** Looks into the file if its name says that it is a licence, and none was found before. */
  async offer(path: string): Promise<void> {
    const name = basename(path);
    // A licence.ts is about licences and begins with something else.
    if (this.licence === null && LICENCE.test(name) && formatOf(name) !== 'code') this.licence = await firstLine(path);
  }
}

/** The first line with something in it; null for what cannot be read, such as a file in an archive. */
async function firstLine(path: string): Promise<string | null> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(LICENCE_BYTES), 0, LICENCE_BYTES, 0);
      const lines = buffer.toString('utf8', 0, bytesRead).split('\n');
      return lines.map((line) => line.trim()).find((line) => line !== '') ?? null;
    } finally {
      await file.close();
    }
  } catch {
    return null;
  }
}
