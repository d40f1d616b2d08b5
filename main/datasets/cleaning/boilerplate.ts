import type { Content } from '../../../shared/domain/content.ts';
import { mix32 } from '../../../shared/domain/random.ts';

/**
 * Lines that many documents begin or end with: a site's name, a licence, "Page 3 of 10". Found in two passes: the first counts, in a table of fixed
 * size, in how many documents each candidate stands; the second removes those that stand in many.
 *
 * Candidates are the first and last lines of a plain text that are long enough to say something, and short enough to be a header: not a brace
 * that ends many programs, not a paragraph. Prompts, answers and conversations have none: an instruction that all of them begin with is meant.
 */

/** Lines with text at each end that are looked at. */
const EDGE_LINES = 5;
const MIN_CHARACTERS = 10;
const MAX_CHARACTERS = 200;

/**
 * Count-Min sketch (Cormode and Muthukrishnan 2005) with conservative update (Estan and Varghese 2002): 4 rows of 4 million 16-bit counters, 32 MB
 * whatever the dataset. A count is never too low; it is too high by more than n / 1.5 million for one line in 55 at most (n lines counted; the bound
 * is for the plain update, the conservative one is lower).
 */
const ROWS = 4;
const COLUMNS = 1 << 22;
const LARGEST_COUNT = 0xffff;

export class BoilerplateLines {
  readonly #counts = new Uint16Array(ROWS * COLUMNS);
  readonly #minDocuments: number;

  /** @param minDocuments documents that must share a line. */
  constructor(minDocuments: number) {
    this.#minDocuments = Math.min(minDocuments, LARGEST_COUNT);
  }

  /** First pass: counts a document's candidates, each once. */
  observe(content: Content): void {
    if (content.kind !== 'text') return;
    const lines = content.text.split('\n');
    const keys = new Set(edgesOf(lines).map((index) => keyOf(lines[index]!)));
    for (const key of keys) {
      const least = this.#count(key);
      if (least === LARGEST_COUNT) continue;
      for (let row = 0; row < ROWS; row++) {
        const cell = cellOf(key, row);
        if (this.#counts[cell] === least) this.#counts[cell] = least + 1;
      }
    }
  }

  /** Second pass: the text without the candidates that many documents share. */
  remove(text: string): string {
    const lines = text.split('\n');
    const shared = new Set(edgesOf(lines).filter((index) => this.#count(keyOf(lines[index]!)) >= this.#minDocuments));
    return shared.size === 0 ? text : lines.filter((_, index) => !shared.has(index)).join('\n');
  }

  #count(key: string): number {
    let least = LARGEST_COUNT;
    for (let row = 0; row < ROWS; row++) least = Math.min(least, this.#counts[cellOf(key, row)]!);
    return least;
  }
}

/** Places of the candidates among a text's lines. */
function edgesOf(lines: readonly string[]): number[] {
  const edge = (from: number, step: number): number[] => {
    const found: number[] = [];
    for (let index = from; index >= 0 && index < lines.length && found.length < EDGE_LINES; index += step) {
      if (lines[index]!.trim() !== '') found.push(index);
    }
    return found;
  };
  return [...new Set([...edge(0, 1), ...edge(lines.length - 1, -1)])].filter((index) => isCandidate(lines[index]!));
}

function isCandidate(line: string): boolean {
  const { length } = line.trim();
  return length >= MIN_CHARACTERS && length <= MAX_CHARACTERS && /\p{L}{2}/u.test(line);
}

/** Lines that differ in numbers only, as page numbers do, are one. */
function keyOf(line: string): string {
  return line.trim().replace(/\p{Nd}+/gu, '0');
}

function cellOf(key: string, row: number): number {
  let hash = mix32(row + 1);
  for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  return row * COLUMNS + (mix32(hash) & (COLUMNS - 1));
}
