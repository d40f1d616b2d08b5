import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { PackageFiles } from './package-files.ts';

const pack = promisify(gzip);

/** Megabytes of 10^6 bytes. */
export interface PackageSize {
  /** As it lies on the disk. */
  whole: number;
  /** Each file packed for itself by gzip's fastest, which every installer's own method does better than (docs/desktop.md). */
  packed: number;
}

/** Packages have nearly all files in common: each is packed once. */
const known = new Map<string, Promise<PackageSize>>();

/** What our part of a package takes. Electron's own part comes on top. */
export async function packageSize({ sources }: Pick<PackageFiles, 'sources'>): Promise<PackageSize> {
  const sum = { whole: 0, packed: 0 };
  for (const path of sources) {
    const size = known.get(path) ?? sizeOf(path);
    known.set(path, size);
    const { whole, packed } = await size;
    sum.whole += whole;
    sum.packed += packed;
  }
  return sum;
}

async function sizeOf(path: string): Promise<PackageSize> {
  const content = await readFile(path);
  return { whole: content.length / 1e6, packed: (await pack(content, { level: 1 })).length / 1e6 };
}
