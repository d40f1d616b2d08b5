import { StrataError } from '../../errors.ts';

/** A row of named values, as a line of JSON has it. */
export type ItemRow = Readonly<Record<string, unknown>>;

/** Reads the fields of one row; what is missing or is something else is refused with the row's place. */
export class RowFields {
  readonly #row: ItemRow;
  /** Such as "line 7". */
  readonly #where: string;

  constructor(row: ItemRow, where: string) {
    this.#row = row;
    this.#where = where;
  }

  value(name: string): unknown {
    return this.#row[name];
  }

  /** The first of these fields that the row has. */
  firstOf(names: readonly string[]): string {
    const found = names.find((name) => this.#row[name] !== undefined && this.#row[name] !== null);
    if (found !== undefined) return found;
    throw this.refusal(
      `There is no ${names.join(', ')} in ${this.#where}.`,
      `the fields ${Object.keys(this.#row).join(', ') || '(none)'}`,
      `${names.length === 1 ? 'the field' : 'one of the fields'} ${names.join(', ')}`,
    );
  }

  /** The fields of an object in a field; none where it is something else. */
  inside(name: string): RowFields {
    const value = this.#row[name];
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return new RowFields(isObject ? (value as ItemRow) : {}, `"${name}" of ${this.#where}`);
  }

  text(name: string): string {
    const value = this.#row[this.firstOf([name])];
    if (typeof value === 'string') return value;
    throw this.#wrong(name, 'a text');
  }

  /** A list of at least two texts; numbers count as texts. */
  texts(name: string): string[] {
    const value = this.#row[this.firstOf([name])];
    const isList = Array.isArray(value) && value.every((each) => typeof each === 'string' || typeof each === 'number');
    if (!isList || value.length < 2) throw this.#wrong(name, 'a list of at least two texts');
    return value.map(String);
  }

  /** The index among `size` choices that a whole number or its digits say. */
  index(name: string, size: number): number {
    const value = this.#row[this.firstOf([name])];
    const index = typeof value === 'string' && /^\d+$/.test(value.trim()) ? Number(value) : value;
    if (typeof index === 'number' && Number.isInteger(index) && index >= 0 && index < size) return index;
    throw this.#wrong(name, `the index of the right choice, 0 to ${size - 1}`);
  }

  /** The index of the choice that a letter names, A the first. */
  letter(name: string, size: number): number {
    const value = this.#row[this.firstOf([name])];
    const index = typeof value === 'string' && /^\s*[A-Za-z]\s*$/.test(value) ? value.trim().toUpperCase().charCodeAt(0) - 65 : -1;
    if (index >= 0 && index < size) return index;
    throw this.#wrong(name, `the letter of the right choice, A to ${String.fromCharCode(64 + size)}`);
  }

  /** Whichever of the usual ways to name the right choice: its label, its text, its letter, its index. */
  answer(name: string, choices: readonly string[], labels: readonly string[] | null = null): number {
    const value = this.#row[this.firstOf([name])];
    if (typeof value === 'number') return this.index(name, choices.length);
    if (typeof value !== 'string') throw this.#wrong(name, `the index, the label or the text of one of ${choices.length} choices`);
    for (const names of [labels, choices]) {
      const found = names?.indexOf(value) ?? -1;
      if (found !== -1) return found;
    }
    if (labels !== null) throw this.#wrong(name, `one of the labels ${labels.join(', ')}`);
    return /^\s*[A-Za-z]\s*$/.test(value) ? this.letter(name, choices.length) : this.index(name, choices.length);
  }

  refusal(message: string, found: string, allowed: string): StrataError {
    return new StrataError('BAD_INPUT', message, { found, allowed, hint: `Correct ${this.#where}, or leave it out.` });
  }

  #wrong(name: string, allowed: string): StrataError {
    return this.refusal(`"${name}" of ${this.#where} is not what it should be.`, `${name}: ${inShort(this.#row[name])}`, allowed);
  }
}

const SHOWN_CHARACTERS = 80;

function inShort(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS).toWellFormed()}…` : text;
}
