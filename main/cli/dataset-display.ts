import type { DatasetDetails, DatasetInfo, ListedDocument, TokenCount } from '../../shared/contract/datasets.ts';
import type { InspectedShape, Inspection } from '../../shared/contract/dataset-import.ts';
import { bytes, count, fields, percent, shortCount, table } from './format.ts';
import { writeMapping } from './mapping-option.ts';

/** Entries of a list that are shown; --json has more. */
const SHOWN_LEFT_OUT = 20;
const SHOWN_ROWS = 3;
const SHOWN_CHARACTERS = 400;

/** A dataset's facts. */
export function describeDataset(dataset: DatasetInfo, tokens: TokenCount | null = null): string {
  return fields([
    ['Dataset', `${dataset.name} (${dataset.id})`],
    ...(dataset.version > 1 ? ([['Version', `${dataset.version}, made after ${dataset.parent}`]] as const) : []),
    ['Documents', `${count(dataset.documents)}, ${count(dataset.heldOutDocuments)} of them held out`],
    ...optional('Kinds', describeKinds(dataset)),
    ['Text', bytes(dataset.bytes)],
    ...(tokens ? ([['Tokens', `${tokens.isExact ? '' : 'about '}${shortCount(tokens.tokens)}`]] as const) : []),
    ...optional('Languages', dataset.languages.map(({ language, share }) => `${language} ${percent(share)}`).join(', ')),
    ['From', dataset.source],
    ...optional('Origin', dataset.origin),
    ...optional('Licence', dataset.licence),
  ]);
}

/** "1,200 text, 30 chat" */
export function describeKinds({ kinds }: Pick<DatasetInfo, 'kinds'>): string {
  return Object.entries(kinds)
    .map(([kind, documents]) => `${count(documents)} ${kind}`)
    .join(', ');
}

/** A dataset with how it was cleaned and split, and some documents. */
export function describeDetails(details: DatasetDetails, preview: readonly ListedDocument[], tokens: TokenCount | null): string {
  const { cleaning, split, duplicates, runs } = details;
  const steps = cleaning?.report.steps ?? [];
  const notes = [
    ...optional('Copies left out', duplicates === 0 ? null : count(duplicates)),
    ...optional(
      'Found',
      cleaning?.report.sensitive
        .map(({ kind, matches, documents }) => `${count(matches)} ${kind} in ${count(documents)} documents`)
        .join(', '),
    ),
    ...optional('Held out', split && `${percent(split.share)} of the text${split.note === null ? '' : `. ${split.note}`}`),
    ...optional('Runs', runs.map(({ name, role }) => `${name} (as ${role})`).join(', ')),
  ];
  return [
    describeDataset(details, tokens),
    ...(notes.length === 0 ? [] : [fields(notes)]),
    ...(steps.length === 0
      ? []
      : [
          table(
            ['cleaning', 'documents before', 'after', 'characters before', 'after', 'changed'],
            steps.map(({ step, before, after, changed }) => [
              step,
              count(before.documents),
              count(after.documents),
              count(before.characters),
              count(after.characters),
              count(changed),
            ]),
          ),
        ]),
    ...preview.map(describeDocument),
  ].join('\n');
}

/** One document of a list. */
export function describeDocument({ number, heldOut, bytes: size, file, text, at }: ListedDocument): string {
  const begin = at === null ? 0 : Math.max(0, Math.min(at - 60, text.length - SHOWN_CHARACTERS));
  const head = [`document ${number}`, heldOut ? 'held out' : 'training', bytes(size), ...(file === null ? [] : [file])].join(', ');
  return `--- ${head}\n${text.slice(begin, begin + SHOWN_CHARACTERS).trim()}`;
}

/** What an import would read. */
export function describeInspection(inspection: Inspection): string {
  const { name, files, bytes: size, isComplete, formats, leftOut, leftOutCount, shapes, texts, licence } = inspection;
  return [
    fields([
      ['Name', name],
      ['Files', `${isComplete ? '' : 'more than '}${count(files)}, ${bytes(size)}`],
      ...optional('Formats', formats.map((each) => `${count(each.files)} ${each.format}`).join(', ')),
      ...optional('Texts', texts.files === 0 ? null : `${count(texts.files)} ${texts.files === 1 ? 'file' : 'files'}`),
      ...optional('Licence', licence),
    ]),
    ...texts.examples.slice(0, SHOWN_ROWS).map(({ path, text }) => `--- ${path}\n${text.slice(0, SHOWN_CHARACTERS).trim()}`),
    ...shapes.map(describeShape),
    ...leftOut.slice(0, SHOWN_LEFT_OUT).map(({ status, path, reason }) => `${status}: ${path}: ${reason}`),
    ...(leftOutCount > SHOWN_LEFT_OUT ? [`and ${count(leftOutCount - SHOWN_LEFT_OUT)} more files that would be left out.`] : []),
  ].join('\n');
}

function describeShape({ guess, mapping, files, examples, rows }: InspectedShape): string {
  const columns = guess.columns.map(({ name }) => name).join(', ');
  return [
    `Rows with the columns ${columns}: ${count(files)} ${files === 1 ? 'file' : 'files'}, such as ${examples[0]}`,
    mapping === null ? '  nothing says which column is the text: choose with --map' : `  read as --map '${writeMapping(mapping)}'`,
    ...rows
      .slice(0, SHOWN_ROWS)
      .map(({ where, cells, content, problem }) => `  ${where}: ${problem ?? inLine(JSON.stringify(content ?? cells))}`),
  ].join('\n');
}

function inLine(text: string): string {
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}

function optional(label: string, value: string | null | undefined): (readonly [string, string])[] {
  return value === null || value === undefined || value === '' ? [] : [[label, value]];
}
