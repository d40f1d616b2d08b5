import type { CellType, Mapping, ShapeGuess } from '../../../shared/domain/shape.ts';
import type { Row } from './cells.ts';
import { ColumnFinder, columnsOf, type SampledColumn, TEXT_TYPES } from './found-columns.ts';
import { guessChoice } from './guess-choice.ts';

/** So many rows of a file show its shape; more are not looked at. */
export const ROWS_FOR_GUESSING = 200;

/** Columns that hold a row's whole text, most telling first. */
const TEXTS = ['text', 'content', 'document', 'body', 'code', 'article', 'passage', 'story', 'abstract'];
const TEXT_PARTS = ['title', 'description', 'summary'];

const MESSAGES = ['messages', 'conversations', 'conversation', 'dialogue', 'dialog', 'chat', 'prompt', 'completion', 'chosen'];
const SYSTEMS = ['system', 'system_prompt', 'system_message'];

const PROMPTS = ['instruction', 'prompt', 'question', 'query', 'problem', 'input', 'task'];
const CONTEXTS = ['input', 'context', 'contexts', 'passage'];
const COMPLETIONS = ['output', 'completion', 'response', 'chosen', 'solution', 'answer', 'long_answer', 'rationale', 'target'];
/** What explains an answer belongs to it. */
const EXPLANATIONS = ['long_answer', 'rationale'];

/**
 * Columns of text that a mapping should not pass over unsaid. `text` is not one of them, as it often is the same once more, written out;
 * nor is `task`, which often only names one.
 */
export const TELLING_COLUMNS: ReadonlySet<string> = new Set(
  [...TEXTS, ...SYSTEMS, ...PROMPTS, ...CONTEXTS, ...COMPLETIONS].filter((name) => name !== 'text' && name !== 'task'),
);

interface Candidate {
  mapping: Mapping;
  confidence: ShapeGuess['confidence'];
}

/**
 * Recognises the shape of a file's rows from its first ones: a conversation, a question with choices, a prompt with its completion, or a text,
 * in this order, by the names that datasets use and by what the columns hold.
 */
export function guessMapping(given: readonly Row[]): ShapeGuess {
  const rows = given.slice(0, ROWS_FOR_GUESSING);
  const sampled = columnsOf(rows);
  const columns = new ColumnFinder(sampled);
  const choice = guessChoice(rows, columns);
  const candidates: Candidate[] = [
    ...chats(columns),
    ...(choice ? [{ mapping: choice.mapping, confidence: choice.isSure ? 'sure' : 'likely' } as const] : []),
    ...completions(columns),
    ...texts(columns, rows.length),
  ];
  const [best] = candidates;
  const others = [...candidates.slice(1).map(({ mapping }) => mapping), ...singleTexts(sampled)];
  const seen = new Set([JSON.stringify(best?.mapping)]);
  const alternatives = others.filter((mapping) => !seen.has(JSON.stringify(mapping)) && seen.add(JSON.stringify(mapping)));
  return {
    mapping: best?.mapping ?? null,
    confidence: best?.confidence ?? 'unsure',
    alternatives,
    columns: sampled.map(({ name, types, example }) => ({ name, types, example })),
    rows: rows.length,
  };
}

/** Columns with lists of messages: those with known names, else the only one. */
function chats(columns: ColumnFinder): Candidate[] {
  const named = columns.named(MESSAGES, ['messages']).map(({ name }) => name);
  const unnamed = columns.all.filter(({ type }) => type === 'messages').map(({ name }) => name);
  const messages = named.length > 0 ? named : unnamed;
  if (messages.length === 0) return [];
  const system = optional(columns, SYSTEMS, ['text'])[0]?.name ?? null;
  const isPair = messages.length === 2 && /^prompt$/i.test(messages[0]!);
  const first = isPair ? messages : messages.slice(0, 1);
  const candidate = (each: string[]): Candidate => ({
    mapping: { shape: 'chat', messages: each, system },
    confidence: named.length > 0 ? 'sure' : 'likely',
  });
  return [candidate(first), ...messages.filter((name) => !first.includes(name)).map((name) => candidate([name]))];
}

function completions(columns: ColumnFinder): Candidate[] {
  const task = columns.named(['text', 'code'], TEXT_TYPES);
  const found: Candidate[] = [];
  const [prompt] = columns.named(PROMPTS, TEXT_TYPES);
  const [answer] = columns.named(COMPLETIONS, TEXT_TYPES);
  if (prompt && answer) {
    const context = optional(columns, CONTEXTS).filter((each) => each !== prompt);
    const more = /^answer$/i.test(answer.name) ? optional(columns, EXPLANATIONS) : [];
    found.push(completion([prompt, ...context.slice(0, 1)], [answer, ...more]));
  }
  // A task in words and its solution in code: with only one of them half the data would be gone.
  if (task.length === 2) found.push(completion([task[0]!], [task[1]!]));
  return found;
}

/** Columns that need not be filled: those that are empty in the sample take part, too, for rows after it may fill them. */
function optional(columns: ColumnFinder, names: readonly string[], types: readonly CellType[] = TEXT_TYPES): SampledColumn[] {
  return [...columns.named(names, types), ...columns.named(names, ['empty'])];
}

function completion(prompt: readonly SampledColumn[], answer: readonly SampledColumn[]): Candidate {
  return {
    mapping: { shape: 'completion', prompt: prompt.map(({ name }) => name), completion: answer.map(({ name }) => name) },
    confidence: 'sure',
  };
}

function texts(columns: ColumnFinder, rows: number): Candidate[] {
  const named = columns.named(TEXTS, TEXT_TYPES);
  const filled = named.find((column) => column.filled * 2 >= rows) ?? named[0];
  if (filled) return [{ mapping: { shape: 'text', columns: [filled.name] }, confidence: 'sure' }];
  const parts = columns.named(TEXT_PARTS, TEXT_TYPES).map(({ name }) => name);
  if (parts.length >= 2) return [{ mapping: { shape: 'text', columns: parts }, confidence: 'likely' }];
  const textual = columns.all.filter(({ type }) => type === 'text');
  return textual.length === 1 ? [{ mapping: { shape: 'text', columns: [textual[0]!.name] }, confidence: 'unsure' }] : [];
}

/** Each column of text alone, the longest first. */
function singleTexts(columns: readonly SampledColumn[]): Mapping[] {
  return columns
    .filter(({ type }) => TEXT_TYPES.includes(type))
    .sort((a, b) => b.characters - a.characters)
    .map(({ name }) => ({ shape: 'text', columns: [name] }));
}
