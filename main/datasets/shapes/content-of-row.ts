import type { ChatMessage, Content } from '../../../shared/domain/content.ts';
import { type CellType, cellTypeInWords, type FoundColumn, type Mapping } from '../../../shared/domain/shape.ts';
import { describeCell, inShort, type LabelledChoice, type Row, textOfCell, unpack } from './cells.ts';
import { messagesOf } from './chat-messages.ts';
import { answerOf, choicesOfRow } from './choices.ts';
import type { ChoiceMapping } from './guess-choice.ts';
import { UnusableRow } from './unusable-row.ts';

/** Columns that a message names; more would hide what it says. */
const MOST_COLUMNS = 12;

/**
 * What a row says, read as its mapping says. A row without any text gives an empty content; columns that the mapping does not name may hold
 * anything.
 * @param where the row's place, for messages: "line 7".
 * @throws UnusableRow where a needed column is missing or holds something else.
 */
export function contentOfRow(row: Row, mapping: Mapping, where: string): Content {
  switch (mapping.shape) {
    case 'text':
      return { kind: 'text', text: joined(row, mapping.columns, where) };
    case 'completion':
      return completionOf(row, mapping, where);
    case 'chat':
      return chatOf(row, mapping, where);
    case 'choice':
      return choiceOf(row, mapping, where);
  }
}

/** Why rows cannot be read at all, for a file whose shape was not recognised. */
export function unknownShape(columns: readonly FoundColumn[]): string {
  const found = columns.slice(0, MOST_COLUMNS).map(({ name, types }) => {
    const words = Object.keys(types).map((type) => cellTypeInWords(type as CellType));
    return `${name} (${words.join(' or ')})`;
  });
  return `No column is known as the one with the text. Found: ${found.join(', ') || 'no columns'}. Say which columns to read.`;
}

/** Texts of columns, a blank line between those that are not empty; the first must be there. */
function joined(row: Row, columns: readonly string[], where: string): string {
  if (!columns.some((name) => Object.hasOwn(row, name))) throw missing(row, columns[0]!, where);
  const texts = columns.map((name) => {
    const text = textOfCell(row[name]);
    if (text === null) throw wrong(row, name, 'a text, or a list of texts', where);
    return text;
  });
  return texts.length === 1 ? texts[0]! : texts.filter((text) => text.trim() !== '').join('\n\n');
}

function completionOf(row: Row, mapping: Extract<Mapping, { shape: 'completion' }>, where: string): Content {
  const prompt = joined(row, mapping.prompt, where);
  const completion = joined(row, mapping.completion, where);
  if (completion.trim() === '' && prompt.trim() !== '') throw wrong(row, mapping.completion[0]!, 'a text to learn', where);
  return { kind: 'completion', prompt, completion };
}

function chatOf(row: Row, mapping: Extract<Mapping, { shape: 'chat' }>, where: string): Content {
  const messages: ChatMessage[] = [];
  for (const name of mapping.messages) {
    const list = unpack(row[name]);
    if (list === undefined) throw missing(row, name, where);
    if (!Array.isArray(list) || list.length === 0) throw wrong(row, name, 'a list of messages', where);
    messages.push(...messagesOf(list, `${where}, column "${name}"`));
  }
  const system = mapping.system === null ? '' : joined({ [mapping.system]: null, ...row }, [mapping.system], where);
  const isNeeded = system.trim() !== '' && messages[0]?.role !== 'system';
  return { kind: 'chat', messages: isNeeded ? [{ role: 'system', content: system }, ...messages] : messages };
}

function choiceOf(row: Row, mapping: ChoiceMapping, where: string): Content {
  const named = [...mapping.question, ...mapping.choices, ...(mapping.ending === null ? [] : [mapping.ending]), mapping.answer];
  const absent = named.find((name) => !Object.hasOwn(row, name));
  if (absent !== undefined) throw missing(row, absent, where);
  const choices = choicesOfRow(row, mapping.choices);
  if (choices === null || choices.length < 2) throw wrong(row, mapping.choices[0]!, 'at least two choices', where);
  const answer = answerOf(row[mapping.answer], choices, mapping.answerForm);
  if (answer === null) throw wrong(row, mapping.answer, answersAllowed(mapping, choices), where);
  const ending = mapping.ending === null ? '' : ` ${joined(row, [mapping.ending], where)}`;
  const texts = choices.map(({ text }) => text + ending);
  if (mapping.question.length === 0) return { kind: 'choice', ...withoutBeginning(texts), answer };
  const question = joined(row, mapping.question, where);
  if (mapping.gap === null) return { kind: 'choice', question, choices: texts, answer };
  const parts = question.split(mapping.gap);
  if (parts.length !== 2) throw wrong(row, mapping.question[0]!, `a text with one "${mapping.gap}" in it`, where);
  return { kind: 'choice', question: parts[0]!.trimEnd(), choices: texts.map((text) => text + parts[1]!), answer };
}

function answersAllowed({ answerForm }: ChoiceMapping, choices: readonly LabelledChoice[]): string {
  switch (answerForm) {
    case 'index':
      return `0 to ${choices.length - 1}`;
    case 'number':
      return `1 to ${choices.length}`;
    case 'letter':
      return `A to ${String.fromCharCode(64 + choices.length)}`;
    case 'label':
      return choices.map(({ label }) => label ?? '(no label)').join(', ');
    case 'text':
      return choices.map(({ text }) => inShort(text, 20)).join(', ');
  }
}

/** Texts that begin alike: what they share, up to the end of a word, is the question. */
function withoutBeginning(texts: readonly string[]): { question: string; choices: string[] } {
  let shared = 0;
  while (texts.every((text) => shared < text.length && text[shared] === texts[0]![shared])) shared++;
  const end = texts[0]!.slice(0, shared).search(/\s\S*$/);
  return end === -1
    ? { question: '', choices: [...texts] }
    : { question: texts[0]!.slice(0, end), choices: texts.map((text) => text.slice(end + 1)) };
}

function missing(row: Row, column: string, where: string): UnusableRow {
  const found = Object.keys(row).slice(0, MOST_COLUMNS).join(', ') || 'no columns';
  return new UnusableRow(`At ${where} there is no column "${column}". Found: ${found}.`);
}

function wrong(row: Row, column: string, allowed: string, where: string): UnusableRow {
  return new UnusableRow(`At ${where}, column "${column}" holds ${describeCell(row[column])}; allowed: ${allowed}.`);
}
