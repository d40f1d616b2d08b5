import { textOf } from './encoding.ts';
import type { Reader } from './reader.ts';
import { SectionCutter } from './sections.ts';

/** Plain text and Markdown as they stand: documents between separator lines, or sections of one long document. */
export const readText: Reader = async function* (file, note) {
  const cutter = new SectionCutter();
  for await (const text of textOf(file.open(), note)) for (const section of cutter.push(text)) yield { kind: 'text', text: section };
  for (const section of cutter.end()) yield { kind: 'text', text: section };
};
