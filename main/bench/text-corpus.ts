import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';

export const TEXT_SUFFIXES = ['.md', '.js', '.mjs', '.ts', '.css', '.html'];
const LARGEST_FILE = 200_000;

/** Texts of the files of a folder, in the same order on every machine; none that is not UTF-8, empty, or very long. */
export async function* textFiles(folder: string): AsyncGenerator<string> {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* textFiles(path);
    if (!entry.isFile() || !TEXT_SUFFIXES.includes(extname(entry.name))) continue;
    const content = await readFile(path);
    const text = content.toString('utf8');
    if (content.length <= LARGEST_FILE && text.trim() !== '' && !text.includes('\ufffd') && !text.includes('\0')) yield text;
  }
}
