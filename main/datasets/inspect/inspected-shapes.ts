import type { ChosenMapping, InspectedRow, InspectedShape } from '../../../shared/contract/dataset-import.ts';
import type { Content } from '../../../shared/domain/content.ts';
import type { Mapping, ShapeGuess } from '../../../shared/domain/shape.ts';
import { chooserOf, columnsKey } from '../import/choose-mapping.ts';
import type { RawDocument } from '../raw-document.ts';
import { inShort } from '../shapes/cells.ts';
import { contentOfRow, unknownShape } from '../shapes/content-of-row.ts';
import { guessMapping } from '../shapes/guess-mapping.ts';
import { MOST_UNUSABLE } from '../shapes/read-contents.ts';
import { UnusableRow } from '../shapes/unusable-row.ts';

export type RowDocument = Extract<RawDocument, { kind: 'row' }>;

/** Files with more different columns than this are not data of one kind. */
const MOST_SHAPES = 30;
const SHOWN_ROWS = 5;
const EXAMPLES = 5;
const CELL_CHARACTERS = 300;
const CONTENT_CHARACTERS = 1500;

/** Files by the columns of their rows, with the first rows of each and what becomes of them. */
export class InspectedShapes {
  readonly #choose: (guess: Pick<ShapeGuess, 'columns'>) => Mapping | null;
  readonly #shapes = new Map<string, InspectedShape>();

  constructor(mappings: readonly ChosenMapping[]) {
    this.#choose = chooserOf(mappings);
  }

  /**
   * @param rows of the beginning of the file, as many as an import guesses from.
   * @returns why an import would fail to read the file, as far as these rows show it; null where it would not.
   */
  add(path: string, rows: readonly RowDocument[]): string | null {
    const guess = guessMapping(rows.map(({ row }) => row));
    const mapping = this.#choose(guess) ?? guess.mapping;
    const key = columnsKey(guess.columns.map(({ name }) => name));
    const known = this.#shapes.get(key);
    if (known) {
      known.files++;
      if (known.examples.length < EXAMPLES) known.examples.push(path);
    } else if (this.#shapes.size < MOST_SHAPES) {
      const shown = rows.slice(0, SHOWN_ROWS).map((row) => inspected(row, mapping));
      this.#shapes.set(key, { guess, mapping, files: 1, examples: [path], rows: shown });
    }
    return mapping === null ? unknownShape(guess.columns) : mostlyUnusable(rows, mapping);
  }

  /** Those of most files first. */
  result(): InspectedShape[] {
    return [...this.#shapes.values()].sort((a, b) => b.files - a.files);
  }
}

/** What is wrong with the first of the rows that cannot be used, where these are too many for an import. */
function mostlyUnusable(rows: readonly RowDocument[], mapping: Mapping): string | null {
  const problems = rows.flatMap(({ row, where }) => {
    try {
      contentOfRow(row, mapping, where);
      return [];
    } catch (error) {
      if (!(error instanceof UnusableRow)) throw error;
      return [error.message];
    }
  });
  return problems.length >= rows.length * MOST_UNUSABLE ? (problems[0] ?? null) : null;
}

function inspected({ row, where }: RowDocument, mapping: Mapping | null): InspectedRow {
  const cells = Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, value === null || value === undefined ? '' : inShort(value, CELL_CHARACTERS)]),
  );
  if (mapping === null) return { where, cells, content: null, problem: null };
  try {
    return { where, cells, content: shortened(contentOfRow(row, mapping, where)), problem: null };
  } catch (error) {
    if (!(error instanceof UnusableRow)) throw error;
    return { where, cells, content: null, problem: error.message };
  }
}

/** The same with the beginnings of its texts. */
function shortened(content: Content): Content {
  const short = (text: string): string => inShort(text, CONTENT_CHARACTERS);
  switch (content.kind) {
    case 'text':
      return { kind: 'text', text: short(content.text) };
    case 'completion':
      return { kind: 'completion', prompt: short(content.prompt), completion: short(content.completion) };
    case 'chat':
      return { kind: 'chat', messages: content.messages.map((message) => ({ ...message, content: short(message.content) })) };
    case 'choice':
      return { ...content, question: short(content.question), choices: content.choices.map(short) };
  }
}
