import { extname } from 'node:path';

/** The formats that Strata reads, by the endings of names. Their readers are loaded when a file of theirs is read. */

export type Format = 'text' | 'markdown' | 'html' | 'pdf' | 'docx' | 'epub' | 'code' | 'json' | 'jsonl' | 'csv' | 'parquet' | 'arrow';

/** What a format is called, and its endings. */
export const FORMATS: Readonly<Record<Format, { name: string; endings: readonly string[] }>> = {
  text: { name: 'text', endings: ['.txt', '.text', '.log'] },
  markdown: { name: 'Markdown', endings: ['.md', '.markdown'] },
  html: { name: 'HTML', endings: ['.html', '.htm', '.xhtml'] },
  pdf: { name: 'PDF', endings: ['.pdf'] },
  docx: { name: 'Word', endings: ['.docx'] },
  epub: { name: 'EPUB', endings: ['.epub'] },
  json: { name: 'JSON', endings: ['.json'] },
  jsonl: { name: 'JSON Lines', endings: ['.jsonl', '.ndjson'] },
  csv: { name: 'a table', endings: ['.csv', '.tsv'] },
  parquet: { name: 'Parquet', endings: ['.parquet'] },
  arrow: { name: 'Arrow', endings: ['.arrow', '.feather', '.ipc'] },
  code: {
    name: 'source code',
    endings: (
      '.py .pyi .js .mjs .cjs .jsx .ts .mts .cts .tsx .svelte .vue .css .scss .sass .less .java .kt .kts .scala .groovy .gradle .clj .cljs ' +
      '.c .h .cc .cpp .cxx .hh .hpp .hxx .inl .m .mm .cs .fs .fsi .fsx .vb .go .rs .zig .nim .d .swift .dart .rb .erb .php .pl .pm .lua .tcl .r ' +
      '.jl .hs .lhs .elm .ml .mli .ex .exs .erl .hrl .lisp .el .scm .rkt .f .f90 .f95 .for .pas .ada .adb .ads .cob .asm .s .sql .sh .bash .zsh ' +
      '.fish .ps1 .bat .cmd .cmake .mk .tf .proto .graphql .gql .v .sv .vhd .vhdl .cu .cuh .cl .glsl .wgsl .hlsl .metal .sol .xml .xsl .xsd .yaml ' +
      '.yml .toml .ini .cfg .conf .properties .tex .bib .rst .adoc .org'
    ).split(' '),
  },
};

/** Source files that have a name instead of an ending. */
const CODE_NAMES = new Set([
  'makefile',
  'gnumakefile',
  'dockerfile',
  'containerfile',
  'jenkinsfile',
  'rakefile',
  'gemfile',
  'cmakelists.txt',
  'justfile',
]);

const BY_ENDING = new Map(
  (Object.entries(FORMATS) as [Format, { endings: readonly string[] }][]).flatMap(([format, { endings }]) =>
    endings.map((ending): [string, Format] => [ending, format]),
  ),
);

/** What a name without compression endings tells of the format; null for one that Strata does not read. */
export function formatOf(name: string): Format | null {
  const lower = name.toLowerCase();
  return CODE_NAMES.has(lower) ? 'code' : (BY_ENDING.get(extname(lower)) ?? null);
}

/** Whether a file of this format is a collection of texts or rows, beside which a README describes it. */
export function isData(format: Format): boolean {
  return ['text', 'json', 'jsonl', 'csv', 'parquet', 'arrow'].includes(format);
}

/** What is read, for messages. */
export const READABLE =
  '.txt, .md, .html, .pdf, .docx, .epub, .json, .jsonl, .csv, .tsv, .parquet, .arrow, .feather and source code, each also as .gz, .zst or .bz2, or in a .zip or .tar';
