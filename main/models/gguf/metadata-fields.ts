import { StrataError } from '../../../shared/errors.ts';
import type { GgufNumbers, GgufValue } from './read-metadata.ts';

/** Looks values of a GGUF file's metadata up by name and kind. */
export class GgufFields {
  readonly #path: string;
  readonly #metadata: ReadonlyMap<string, GgufValue>;

  constructor({ path, metadata }: { path: string; metadata: ReadonlyMap<string, GgufValue> }) {
    this.#path = path;
    this.#metadata = metadata;
  }

  /** A text; null where there is none. */
  text(key: string): string | null {
    return this.#find(key, 'a text', (value) => typeof value === 'string');
  }

  flag(key: string): boolean | null {
    return this.#find(key, 'true or false', (value) => typeof value === 'boolean');
  }

  /** A number of any kind, as the shortest one that is the same in 32 bits: 0.00001, not 0.000009999999747378752. */
  number(key: string): number | null {
    const value = this.#find(key, 'a number', (found): found is number => typeof found === 'number' && Number.isFinite(found));
    return value === null || Number.isInteger(value) ? value : shortest(value);
  }

  /** A whole number of at least `least`; null where there is none. */
  whole(key: string, least = 0): number | null {
    return this.#find(key, `a whole number of at least ${least}`, (value): value is number => isWhole(value, least));
  }

  /** {@link whole} where a model cannot do without; `fallback` where the format has one. */
  count(key: string, fallback?: number | null): number {
    const value = this.whole(key, 1) ?? fallback ?? null;
    if (value === null) throw this.#wrong(key, 'nothing', 'a whole number of at least 1');
    return value;
  }

  /** A number for all blocks, or a list of one for each, which must be the same: blocks of different sizes are not LLaMA's. */
  evenCount(key: string, fallback?: number): number {
    const value = this.#metadata.get(key);
    if (value === undefined || !isList(value)) return this.count(key, fallback);
    const [first] = value;
    if (!isWhole(first, 1)) throw this.#wrong(key, shown(value), 'whole numbers of at least 1');
    if (value.some((other) => other !== first)) {
      throw new StrataError('UNSUPPORTED', 'Strata does not compute models whose blocks differ in size.', {
        found: `${key} ${shown(value)}`,
        allowed: 'the same number for every block',
        hint: 'Choose a LLaMA or Mistral model: Strata computes no others.',
      });
    }
    return first;
  }

  texts(key: string): string[] | null {
    return this.#find(
      key,
      'a list of texts',
      (value): value is string[] => Array.isArray(value) && value.every((text) => typeof text === 'string'),
    );
  }

  numbers(key: string): number[] | null {
    const value = this.#find(key, 'a list of numbers', isNumbers);
    return value && Array.from(value as ArrayLike<number | bigint>, Number);
  }

  #find<Kind extends GgufValue>(key: string, allowed: string, isKind: (value: GgufValue) => value is Kind): Kind | null {
    const value = this.#metadata.get(key);
    if (value === undefined) return null;
    if (!isKind(value)) throw this.#wrong(key, shown(value), allowed);
    return value;
  }

  #wrong(key: string, found: string, allowed: string): StrataError {
    return new StrataError('CORRUPT', `The metadata of ${this.#path} is not that of a model.`, {
      found: `${key}: ${found}`,
      allowed,
      hint: 'Download the file again, or convert the original model again with a current program.',
    });
  }
}

function isWhole(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

function isNumbers(value: GgufValue): value is GgufNumbers {
  return ArrayBuffer.isView(value);
}

function isList(value: GgufValue): value is GgufValue[] | GgufNumbers {
  return Array.isArray(value) || isNumbers(value);
}

function shown(value: GgufValue): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}...` : value);
  if (!isList(value)) return String(value);
  return `[${Array.from(value as ArrayLike<GgufValue>)
    .slice(0, 8)
    .map(String)
    .join(', ')}${value.length > 8 ? ', ...' : ''}]`;
}

/** The decimal with the fewest digits that is the same number in 32 bits: what the model's maker wrote before it was stored. */
export function shortest(value: number): number {
  const stored = Math.fround(value);
  for (let digits = 1; digits < 9; digits++) {
    const candidate = Number(stored.toPrecision(digits));
    if (Math.fround(candidate) === stored) return candidate;
  }
  return stored;
}
