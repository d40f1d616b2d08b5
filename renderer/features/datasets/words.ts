import { CONTENT_KINDS, type ContentKind, type ContentKinds } from '../../../shared/domain/content.ts';
import type { AnswerForm, Mapping, Shape, ShapeGuess } from '../../../shared/domain/shape.ts';
import { count, percent } from '../../ui/format.ts';

/** What datasets hold and how they are read, in words for the screen. */

export const SHAPE_WORDS: Readonly<Record<Shape, string>> = {
  text: 'Plain text',
  completion: 'Prompt and completion',
  chat: 'Conversation',
  choice: 'Question with choices',
};

export const CONFIDENCE_WORDS: Readonly<Record<ShapeGuess['confidence'], string>> = {
  sure: 'Recognised by its column names',
  likely: 'Looks like it; check the example',
  unsure: 'A guess; please check',
};

export const ANSWER_FORM_WORDS: Readonly<Record<AnswerForm, string>> = {
  index: 'its position, from 0',
  number: 'its position, from 1',
  letter: 'a letter, A, B, C…',
  label: 'the choice’s own label',
  text: 'the choice’s own text',
};

const KIND_NOUNS: Readonly<Record<ContentKind, readonly [one: string, several: string]>> = {
  text: ['text', 'texts'],
  completion: ['prompt with completion', 'prompts with completions'],
  chat: ['conversation', 'conversations'],
  choice: ['question with choices', 'questions with choices'],
};

/** One kind, as a label of a document. */
export function kindWord(kind: ContentKind): string {
  return KIND_NOUNS[kind][0];
}

/** "120 conversations, 3 texts". */
export function kindsInWords(kinds: ContentKinds): string {
  return CONTENT_KINDS.flatMap((kind) => {
    const documents = kinds[kind] ?? 0;
    return documents > 0 ? [`${count(documents)} ${KIND_NOUNS[kind][documents === 1 ? 0 : 1]}`] : [];
  }).join(', ');
}

const languageNames = new Intl.DisplayNames(['en'], { type: 'language' });

/** A language's English name; codes that nobody knows stay as they are. */
export function languageName(code: string): string {
  if (code === 'unknown') return 'not told';
  try {
    return languageNames.of(code) ?? code;
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
  const shown = main.slice(0, 3).map(({ language, share }) => `${languageName(language)} ${percent(Number(share.toFixed(2)))}`);
  return shown.join(', ') + (main.length > 3 ? ' and more' : '');
}

/** A way to read rows, in short: "Plain text: body". */
export function mappingInWords(mapping: Mapping): string {
  return `${SHAPE_WORDS[mapping.shape]}: ${columnsInWords(mapping)}`;
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
