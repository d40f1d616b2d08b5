import { convert, type HtmlToTextOptions } from 'html-to-text';
import { UnreadableFile } from '../unreadable-file.ts';

/** A page is held as a tree of many times its size. */
export const MAX_HTML_BYTES = 16 * 1024 * 1024;

const OPTIONS: HtmlToTextOptions = {
  wordwrap: false,
  // Nothing is cut: the size of a page is judged before.
  limits: { maxInputLength: MAX_HTML_BYTES },
  selectors: [
    { selector: 'a', options: { ignoreHref: true } },
    { selector: 'img', format: 'skip' },
    ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: { uppercase: false } })),
    { selector: 'table', format: 'dataTable', options: { uppercaseHeaderCells: false } },
    ...['script', 'style', 'template', 'noscript', 'svg', 'head', 'title'].map((selector) => ({ selector, format: 'skip' })),
  ],
};

/**
 * The text of HTML as a reader sees it: paragraphs apart, lists and tables as lines, no addresses of links.
 * @throws UnreadableFile when its elements lie too deep in one another.
 */
export function htmlToText(html: string): string {
  try {
    return convert(html, OPTIONS).trim();
  } catch (error) {
    if (error instanceof RangeError) throw new UnreadableFile('Its elements lie too deep in one another to be read.');
    throw error;
  }
}
