import { type Content, plainTextOf } from '../../../shared/domain/content.ts';
import type { Mapping, ShapeGuess } from '../../../shared/domain/shape.ts';
import type { RawDocument } from '../raw-document.ts';
import { readDocuments } from '../readers/read-documents.ts';
import type { Note } from '../readers/reader.ts';
import type { SourceFile } from '../source-file.ts';
import { UnreadableFile } from '../unreadable-file.ts';
import { contentOfRow, unknownShape } from './content-of-row.ts';
import { guessMapping, ROWS_FOR_GUESSING } from './guess-mapping.ts';
import { OtherShapes } from './other-shapes.ts';
import { UnreadColumns } from './unread-columns.ts';
import { UnusableRow } from './unusable-row.ts';

type RowDocument = Extract<RawDocument, { kind: 'row' }>;
type ReadableDocument = Exclude<RawDocument, { kind: 'unreadable' }>;

export interface ContentOptions {
  /** What the user chose for rows with these columns; null leaves it to the guess. */
  chooseMapping?: (guess: ShapeGuess) => Mapping | null;
  /** Hears once how rows are read. */
  onMapping?: (mapping: Mapping) => void;
  note?: Note;
}

/** A document of a file, and its place in it. */
export interface PlacedContent {
  content: Content;
  where: string;
}

/** A file most of whose rows cannot be read is one of another shape. */
export const MOST_UNUSABLE = 0.5;

/**
 * What the documents of a file say: texts as they stand, rows by the shape that the first of them show. Documents without any text are passed over;
 * rows that cannot be read, or hold something else than their columns should, are left out, which is noted with the first of
 * them. Rows that lack these columns and are surely of another shape are read by their own.
 * @throws UnreadableFile where nothing is known to be the text, most rows cannot be used, or there is no text in the file.
 */
export async function* contentsOf(file: SourceFile, { chooseMapping, onMapping, note }: ContentOptions = {}): AsyncIterable<PlacedContent> {
  let number = 0;
  let documents = 0;
  let rows = 0;
  let mapping: Mapping | null = null;
  /** What is known with the mapping. */
  let known: { unread: UnreadColumns; others: OtherShapes } | null = null;
  /** What stands before the shape is known, in its order. */
  const waiting: ReadableDocument[] = [];
  let waitingRows = 0;
  const unusable = { count: 0, first: '' };
  const leaveOut = (reason: string): void => {
    if (unusable.count++ === 0) unusable.first = reason;
  };
  const read = ({ row, where }: RowDocument): Content => {
    try {
      const content = contentOfRow(row, mapping!, where);
      known?.unread.add(row);
      return content;
    } catch (error) {
      const other = error instanceof UnusableRow ? known?.others.contentOf(row, where) : null;
      if (!other) throw error;
      return other;
    }
  };
  const placeRow = function* (row: RowDocument): Generator<PlacedContent> {
    rows++;
    try {
      yield { content: read(row), where: row.where };
    } catch (error) {
      if (!(error instanceof UnusableRow)) throw error;
      leaveOut(error.message);
    }
  };
  const place = function* (document: ReadableDocument): Generator<PlacedContent> {
    if (document.kind === 'row') yield* placeRow(document);
    else yield { content: { kind: 'text', text: document.text }, where: `document ${++number}` };
  };
  const recognise = function* (): Generator<PlacedContent> {
    const guess = guessMapping(waiting.flatMap((each) => (each.kind === 'row' ? [each.row] : [])));
    mapping = chooseMapping?.(guess) ?? guess.mapping;
    if (mapping === null && guess.columns.every(({ types }) => Object.keys(types).every((type) => type === 'empty'))) throw noText();
    if (mapping === null) throw new UnreadableFile(unknownShape(guess.columns));
    known = { unread: new UnreadColumns(mapping), others: new OtherShapes(mapping) };
    onMapping?.(mapping);
    for (const each of waiting.splice(0)) yield* place(each);
  };
  const all = async function* (): AsyncGenerator<PlacedContent> {
    for await (const document of readDocuments(file, note)) {
      const isKnown = mapping !== null || (document.kind === 'text' && waiting.length === 0);
      if (document.kind === 'unreadable') {
        rows++;
        leaveOut(document.reason);
      } else if (isKnown) yield* place(document);
      else {
        waiting.push(document);
        if (document.kind === 'row' && ++waitingRows === ROWS_FOR_GUESSING) yield* recognise();
      }
    }
    if (waiting.length > 0) yield* recognise();
  };
  for await (const placed of all()) {
    if (plainTextOf(placed.content).trim() === '') continue;
    documents++;
    yield placed;
  }
  // A line that is only a text is a row of its file, too.
  if (unusable.count > 0 && unusable.count >= (rows + number) * MOST_UNUSABLE) throw new UnreadableFile(unusable.first);
  if (documents === 0) throw noText();
  if (unusable.count > 0) note?.(`${unusable.count} of ${rows + number} rows left out. ${unusable.first}`);
  for (const sentence of sentencesOf(known)) note?.(sentence);
}

/** A variable that only inner functions set is never anything but null to the compiler. */
function sentencesOf(known: { unread: UnreadColumns; others: OtherShapes } | null): string[] {
  return known === null ? [] : [...known.others.sentences(), ...known.unread.sentences()];
}

function noText(): UnreadableFile {
  return new UnreadableFile('There is no text in it.');
}
