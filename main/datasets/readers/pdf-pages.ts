import { getDocument } from 'unpdf/pdfjs';
import type { RawDocument } from '../raw-document.ts';
import { diskFile } from '../sources/disk-file.ts';
import { explain } from '../sources/explain.ts';
import { UnreadableFile } from '../unreadable-file.ts';
import type { Note } from './reader.ts';
import { SectionCutter } from './sections.ts';
import { wholeBytes } from './whole.ts';

const MAX_BYTES = 256 * 1024 * 1024;

/** Lines further apart than this many of their heights are paragraphs. */
const PARAGRAPH_GAP = 1.7;

type Pdf = Awaited<ReturnType<typeof getDocument>['promise']>;
type Item = Awaited<ReturnType<Awaited<ReturnType<Pdf['getPage']>>['getTextContent']>>['items'][number];

/** The text layer of a PDF file, page after page, in the order in which it stands in the file; words cut at the end of a line are mended. */
export async function* pdfSections(path: string, note: Note): AsyncIterable<RawDocument> {
  const pdf = await openPdf(await wholeBytes(diskFile(path), MAX_BYTES, 'a PDF file'));
  try {
    const cutter = new SectionCutter();
    let emptyPages = 0;
    let before = '';
    for (let number = 1; number <= pdf.numPages; number++) {
      const text = await pageText(pdf, number);
      if (text.trim() === '') {
        emptyPages++;
        continue;
      }
      // A word may be cut between two pages, so a page's last line waits for the next page.
      const joined = mended(before === '' ? text : `${before}\n${text}`);
      const lastLine = joined.lastIndexOf('\n') + 1;
      before = joined.slice(lastLine);
      for (const section of cutter.push(joined.slice(0, lastLine))) yield { kind: 'text', text: section };
    }
    if (emptyPages === pdf.numPages)
      throw new UnreadableFile(
        `It has no text layer: its ${pdf.numPages === 1 ? 'page is a picture' : `${pdf.numPages} pages are pictures`}. Recognise its text (OCR) and import the result.`,
      );
    if (emptyPages > 0) note(`${emptyPages} of ${pdf.numPages} pages have no text layer; they may be pictures.`);
    for (const section of [...cutter.push(before), ...cutter.end()]) yield { kind: 'text', text: section };
  } finally {
    await pdf.loadingTask.destroy();
  }
}

async function openPdf(bytes: Uint8Array): Promise<Pdf> {
  try {
    // The library takes the bytes for its own.
    return await getDocument({ data: new Uint8Array(bytes), verbosity: 0, isEvalSupported: false, useSystemFonts: true }).promise;
  } catch (error) {
    if (error instanceof Error && error.name === 'PasswordException')
      throw new UnreadableFile('It is protected by a password. Save it without one and import it again.');
    throw damaged(error);
  }
}

function damaged(error: unknown): Error {
  return explain(error, (message) => `It is not an intact PDF file (${message}).`);
}

async function pageText(pdf: Pdf, number: number): Promise<string> {
  try {
    const page = await pdf.getPage(number);
    const { items } = await page.getTextContent();
    page.cleanup();
    return textOfItems(items);
  } catch (error) {
    throw damaged(error);
  }
}

/** Items in their order; a blank line where the gap to the next line is that of a paragraph. */
function textOfItems(items: readonly Item[]): string {
  let text = '';
  let lastY: number | null = null;
  let lastHeight = 0;
  for (const item of items) {
    if (!('str' in item)) continue; // marks of the page's structure
    const y = (item.transform as number[])[5]!;
    if (item.str !== '') {
      const gap = lastY === null ? 0 : lastY - y;
      if (text.endsWith('\n') && lastHeight > 0 && gap > PARAGRAPH_GAP * lastHeight) text += '\n';
      lastY = y;
      lastHeight = item.height || lastHeight;
    }
    text += item.str + (item.hasEOL ? '\n' : '');
  }
  return text.trimEnd();
}

/** A word that a hyphen cut at the end of a line in one piece again. A hyphen before a capital letter or a digit belongs to the word. */
function mended(text: string): string {
  return text.replace(/(\p{L})[-\u00ad\u2010][ \t]*\n[ \t]*(?=\p{Ll})/gu, '$1');
}
