import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { PartInspection, PartSource } from '../../shared/contract/suites.ts';
import type { Content } from '../../shared/domain/content.ts';
import { answerItem } from '../../shared/domain/evaluation/answer-item.ts';
import { askedItem } from '../../shared/domain/evaluation/asked-item.ts';
import { choiceFormOf, choiceItem } from '../../shared/domain/evaluation/choice-forms.ts';
import type { ChoiceForm } from '../../shared/domain/evaluation/choice-item.ts';
import { guessPart } from '../../shared/domain/evaluation/guess-part.ts';
import type { PartOptions } from '../../shared/domain/evaluation/part.ts';
import { RowFields } from '../../shared/domain/evaluation/row-fields.ts';
import { StrataError } from '../../shared/errors.ts';
import { openDataset } from '../datasets/dataset-folder.ts';
import { writeTextAtomically } from '../models/atomic-file.ts';
import type { StoredDataset } from '../store/datasets.ts';
import { type NumberedRow, rowsOfText } from '../training/item-rows.ts';
import { describeSource, type StudioContext } from './context.ts';

/** The items of a part, copied into the workspace under their hash: what is measured with stays as it was. */
export interface PartItems {
  /** sha256 of the text. */
  hash: string;
  items: number;
  /** For the user. */
  source: string;
  name: string;
}

/** Texts of files are held in memory whole; published sets have a few megabytes. */
const MOST_BYTES = 512 * 1024 * 1024;

type FindDataset = (reference: string) => StoredDataset;

/**
 * Reads a source, sees that every item can be understood, and copies it into a folder.
 * @throws StrataError NOT_FOUND, or BAD_INPUT with the line that is malformed.
 */
export async function copyItems(
  context: StudioContext,
  folder: string,
  source: PartSource,
  options: PartOptions,
  findDataset: FindDataset,
): Promise<PartItems> {
  const { text, name, described } =
    'file' in source ? await ofFile(context, source.file) : await ofDataset(findDataset(source.dataset), options.kind);
  const rows = rowsOfText(text, name);
  checkItems(rows, options, name);
  const hash = createHash('sha256').update(text).digest('hex');
  const path = pathOfItems(folder, hash);
  if (!existsSync(path)) {
    await mkdir(folder, { recursive: true });
    await writeTextAtomically(path, text);
  }
  return { hash, items: rows.length, source: described, name };
}

/**
 * What a source would measure, with these options or as its first item looks; nothing is kept.
 * @throws StrataError as {@link copyItems}.
 */
export async function inspectItems(
  context: StudioContext,
  source: PartSource,
  wanted: PartOptions | undefined,
  findDataset: FindDataset,
): Promise<PartInspection> {
  const { text, name } =
    'file' in source ? await ofFile(context, source.file) : await ofDataset(findDataset(source.dataset), wanted?.kind ?? null);
  const rows = rowsOfText(text, name);
  const [first] = rows as [NumberedRow];
  const options = wanted ?? guessPart(first.row, name);
  const form = checkItems(rows, options, name);
  return { name, items: rows.length, options, form, example: askedItem(first.row, options, form, `line ${first.line} of ${name}`) };
}

/** Sees that every item can be understood; the form of questions with choices. */
function checkItems(rows: readonly NumberedRow[], options: PartOptions, name: string): ChoiceForm | null {
  const form = options.kind === 'choices' ? (options.form ?? choiceFormOf(rows[0]!.row)) : null;
  for (const { row, line } of rows) {
    const where = `line ${line} of ${name}`;
    if (form !== null) choiceItem(row, form, where);
    else if (options.kind === 'exact-match') answerItem(row, options.extraction, where);
    else new RowFields(row, where).text('text');
  }
  return form;
}

/** Where the items of suites lie. */
export function folderOfItems({ home }: StudioContext): string {
  return join(home, 'evaluations');
}

export function pathOfItems(folder: string, hash: string): string {
  return join(folder, `${hash}.jsonl`);
}

/** Deletes copies that nothing names any more. */
export async function forgetItems(folder: string, hashes: readonly string[]): Promise<void> {
  for (const hash of hashes) await rm(pathOfItems(folder, hash), { force: true });
}

interface SourceText {
  text: string;
  name: string;
  described: string;
}

async function ofFile(context: StudioContext, path: string): Promise<SourceText> {
  const found = await stat(path);
  if (!found.isFile()) {
    throw new StrataError('BAD_INPUT', `${path} is no file.`, {
      found: 'a folder',
      allowed: 'files of items',
      hint: 'Name the files in it.',
    });
  }
  if (found.size > MOST_BYTES) throw tooLarge(path, found.size);
  const raw = await readFile(path);
  const refuse = (error: unknown): StrataError =>
    new StrataError('BAD_INPUT', `${path} holds no items.`, {
      found: error instanceof Error ? error.message : String(error),
      allowed: 'JSON Lines in UTF-8, plain or gzip (.gz): one object per line',
      cause: error,
    });
  try {
    const bytes = path.endsWith('.gz') ? gunzipSync(raw, { maxOutputLength: MOST_BYTES }) : raw;
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { text, name: basename(path), described: describeSource(context, [path]) };
  } catch (error) {
    throw refuse(error);
  }
}

/** Held-out documents; of questions with choices, which are never trained on, all. */
async function ofDataset(dataset: StoredDataset, wanted: PartOptions['kind'] | null): Promise<SourceText> {
  const kind = wanted ?? (dataset.kinds.choice ? 'choices' : dataset.kinds.completion ? 'exact-match' : 'text');
  const lines: string[] = [];
  const folder = await openDataset(dataset.path);
  for await (const { content } of folder.documents(kind === 'choices' ? {} : { heldOut: true })) {
    const row = rowOf(content, kind);
    if (row !== null) lines.push(JSON.stringify(row));
  }
  if (lines.length === 0) {
    throw new StrataError('BAD_INPUT', `The dataset "${dataset.name}" has nothing to measure this with.`, {
      found: Object.entries(dataset.kinds)
        .map(([kind, documents]) => `${documents} documents of kind ${kind}`)
        .join(', '),
      allowed: { text: 'held-out texts', choices: 'questions with choices', 'exact-match': 'held-out prompts with completions' }[kind],
    });
  }
  return { text: lines.join('\n') + '\n', name: dataset.name, described: `dataset ${dataset.name} (${dataset.id})` };
}

function rowOf(content: Content, kind: PartOptions['kind']): Record<string, unknown> | null {
  if (kind === 'text' && content.kind === 'text') return { text: content.text };
  if (kind === 'exact-match' && content.kind === 'completion') return { prompt: content.prompt, answer: content.completion };
  if (kind === 'choices' && content.kind === 'choice')
    return { question: content.question, choices: content.choices, answer: content.answer };
  return null;
}

function tooLarge(path: string, bytes: number): StrataError {
  return new StrataError('BAD_INPUT', `${path} is larger than sets of items are.`, {
    found: `${bytes} bytes`,
    allowed: `up to ${MOST_BYTES} bytes`,
    hint: 'Measure on a part of it.',
  });
}
