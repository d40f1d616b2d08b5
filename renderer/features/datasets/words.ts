import { CONTENT_KINDS, type ContentKind, type ContentKinds } from '../../../shared/domain/content.ts';
import type { AnswerForm, Mapping, Shape, ShapeGuess } from '../../../shared/domain/shape.ts';
import { language, words } from '../../../shared/words/words.ts';
import { percent } from '../../ui/format.ts';

/** What datasets hold and how they are read, in words for the screen. */

const SHAPES = {
  text: 'shapes.text',
  completion: 'shapes.completion',
  chat: 'shapes.chat',
  choice: 'shapes.choice',
} as const satisfies Record<Shape, string>;

const ROWS = {
  text: 'shapes.rowText',
  completion: 'shapes.rowCompletion',
  chat: 'shapes.rowChat',
  choice: 'shapes.rowChoice',
} as const satisfies Record<Shape, string>;

const CONFIDENCES = {
  sure: 'shapes.sure',
  likely: 'shapes.likely',
  unsure: 'shapes.unsure',
} as const satisfies Record<ShapeGuess['confidence'], string>;

const ANSWER_FORMS = {
  index: 'shapes.answerIndex',
  number: 'shapes.answerNumber',
  letter: 'shapes.answerLetter',
  label: 'shapes.answerLabel',
  text: 'shapes.answerText',
} as const satisfies Record<AnswerForm, string>;

/** Kinds of documents: one by itself, and several counted. */
const KINDS = {
  text: ['datasets.kindText', 'datasets.texts'],
  completion: ['datasets.kindCompletion', 'datasets.promptsWithCompletions'],
  chat: ['datasets.kindChat', 'datasets.conversations'],
  choice: ['datasets.kindChoice', 'datasets.questions'],
} as const satisfies Record<ContentKind, readonly [string, string]>;

/** What rows are, each with its shape, to be chosen from. */
export function rowWords(): [Shape, string][] {
  return (Object.keys(ROWS) as Shape[]).map((shape) => [shape, words(ROWS[shape])]);
}

export function confidenceWords(confidence: ShapeGuess['confidence']): string {
  return words(CONFIDENCES[confidence]);
}

export function answerFormWords(form: AnswerForm): string {
  return words(ANSWER_FORMS[form]);
}

/** One kind, as a label of a document. */
export function kindWord(kind: ContentKind): string {
  return words(KINDS[kind][0]);
}

/** "120 conversations, 3 texts". */
export function kindsInWords(kinds: ContentKinds): string {
  return CONTENT_KINDS.flatMap((kind) => {
    const documents = kinds[kind] ?? 0;
    return documents > 0 ? [words(KINDS[kind][1], { count: documents })] : [];
  }).join(', ');
}

/** A language's name in the language of the page; codes that nobody knows stay as they are. */
export function languageName(code: string): string {
  if (code === 'unknown') return words('datasets.languageUnknown');
  try {
    return new Intl.DisplayNames([language()], { type: 'language' }).of(code) ?? code;
  } catch {
    return code; // no language code at all
  }
}

/** "English 92 %, German 8 %": the first ones. */
export function languagesInWords(languages: readonly { language: string; share: number }[]): string {
  // What rounds to nothing is not worth a word.
  const main = languages.filter(({ share }, index) => index === 0 || share >= 0.005);
  const [first, ...others] = main;
  if (!first) return '';
  if (others.length === 0) return languageName(first.language);
  const shown = main
    .slice(0, 3)
    .map(({ language: code, share }) =>
      words('datasets.languageShare', { language: languageName(code), share: percent(Number(share.toFixed(2))) }),
    )
    .join(', ');
  return main.length > 3 ? words('datasets.languagesAndMore', { languages: shown }) : shown;
}

/** A way to read rows, in short: "Plain text: body". */
export function mappingInWords(mapping: Mapping): string {
  return words('shapes.mapped', { shape: words(SHAPES[mapping.shape]), columns: columnsInWords(mapping) });
}

function columnsInWords(mapping: Mapping): string {
  switch (mapping.shape) {
    case 'text':
      return listed(mapping.columns);
    case 'completion':
      return `${listed(mapping.prompt)} → ${listed(mapping.completion)}`;
    case 'chat':
      return listed(mapping.messages);
    case 'choice':
      return `${listed([...mapping.question, ...mapping.choices])} → ${mapping.answer}`;
  }
}

function listed(columns: readonly string[]): string {
  return columns.join(' + ');
}

/** Where files lie that a browser sent: a folder of the server's, and one of the drop, which say nothing to anyone. */
const SENT = /^.*[\\/]uploads(?:[\\/][\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}){2}(?=[\\/])/;

/** The folder that all of some paths lie in, with its last separator; what is no path (an entry that stands for many files) does not count. */
export function commonFolder(paths: readonly string[]): string {
  const folders = paths.flatMap((each) => {
    const path = each.replace(SENT, '');
    const end = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'));
    return end === -1 ? [] : [path.slice(0, end + 1)];
  });
  let common = folders[0] ?? '';
  for (const folder of folders) {
    while (!folder.startsWith(common))
      common = common.slice(0, Math.max(common.lastIndexOf('/', common.length - 2), common.lastIndexOf('\\', common.length - 2)) + 1);
  }
  return common;
}

/** A path as it stands below the common folder of it and others. */
export function pathBelow(path: string, folder: string): string {
  const own = path.replace(SENT, '');
  return own.startsWith(folder) ? own.slice(folder.length) : own;
}

/** Characters of a path in a list. */
const PATH_CHARACTERS = 48;

/** {@link pathBelow}, an ellipsis in place of its beginning where it is long; the file's own name stays whole. */
export function nameBelow(path: string, folder: string): string {
  const below = pathBelow(path, folder);
  const own = below.split(/[\\/]/).at(-1)!;
  const shown = Math.max(PATH_CHARACTERS, own.length);
  return below.length <= shown ? below : `…${below.slice(below.length - shown)}`;
}
