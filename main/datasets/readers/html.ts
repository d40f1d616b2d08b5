import { isProbablyReaderable, Readability } from '@mozilla/readability';
import { parseHTML } from 'linkedom';
import { wholeTextOf } from './encoding.ts';
import { htmlToText, MAX_HTML_BYTES } from './html-text.ts';
import type { Reader } from './reader.ts';
import { sectionsOf } from './sections.ts';
import { wholeBytes } from './whole.ts';

/** A page's own words on its encoding are among its first bytes, by the standard. */
const CHARSET_BYTES = 1024;

/**
 * A page's main text, without menus and advertisements, as Firefox's reader view finds it. Where that finds none (a list, a short page), the
 * text of the whole page; a note says so. The rule is only that: the same page gives the same text.
 */
export const readHtml: Reader = async function* (file, note) {
  const bytes = await wholeBytes(file, MAX_HTML_BYTES, 'a page');
  const html = await wholeTextOf(bytes, note, charsetOf(bytes));
  const main = mainPartOf(html);
  if (main === null) note('No main text was found in the page; all of its text was taken.');
  const text = htmlToText(main?.content ?? html);
  for (const section of sectionsOf(text)) yield { kind: 'text', text: section, ...(main?.title && { title: main.title }) };
};

/** The encoding that a page names; null where it names none that is known. */
function charsetOf(bytes: Uint8Array): string | null {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, CHARSET_BYTES)).toString('latin1');
  const label =
    /<meta[^>]+charset\s*=\s*["']?\s*([\w-]+)/i.exec(start)?.[1] ?? /^\s*<\?xml[^>]+encoding\s*=\s*["']([\w-]+)/i.exec(start)?.[1];
  if (!label) return null;
  try {
    return new TextDecoder(label).encoding === 'utf-8' ? null : label;
  } catch {
    return null;
  }
}

function mainPartOf(html: string): { content: string; title: string | null } | null {
  try {
    const { document } = parseHTML(html);
    if (!isProbablyReaderable(document as unknown as Document)) return null;
    const article = new Readability(document as unknown as Document).parse();
    if (!article?.content || htmlToText(article.content) === '') return null;
    return { content: article.content, title: article.title || null };
  } catch {
    // Pages without a root element, or too deep for the library, still have a text.
    return null;
  }
}
