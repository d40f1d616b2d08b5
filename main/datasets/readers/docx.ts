import mammoth from 'mammoth';
import { explain } from '../sources/explain.ts';
import { membersOfZip } from '../sources/zip-archive.ts';
import { diskFile } from '../sources/disk-file.ts';
import { UnreadableFile } from '../unreadable-file.ts';
import type { Reader } from './reader.ts';
import { sectionsOf } from './sections.ts';

/** The document inside is held as a tree of many times its size; the longest novels have a tenth of this. */
const MAX_XML_BYTES = 64 * 1024 * 1024;

/** The paragraphs of a Word document, without its formatting. */
export const readDocx: Reader = async function* (file) {
  const { path, release } = await file.onDisk();
  try {
    await refuseLarge(path);
    const { value } = await mammoth.extractRawText({ path });
    // The library ends every paragraph with two line feeds.
    for (const section of sectionsOf(value.trim())) yield { kind: 'text', text: section };
  } catch (error) {
    throw explain(error, (message) => `It is not an intact Word document (${message}).`);
  } finally {
    await release();
  }
};

/** The library unpacks whatever there is, so what there is gets counted before. */
async function refuseLarge(path: string): Promise<void> {
  let bytes = 0;
  for await (const found of membersOfZip(diskFile(path))) {
    if (found.kind !== 'file' || !/\.(xml|rels)$/i.test(found.path)) continue;
    for await (const chunk of found.file.open()) {
      bytes += chunk.length;
      if (bytes > MAX_XML_BYTES)
        throw new UnreadableFile(`Its text has over ${MAX_XML_BYTES / 2 ** 20} MB inside, which has to be held whole. Split the document.`);
    }
  }
}
