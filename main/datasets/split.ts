import { StrataError } from '../../shared/errors.ts';
import { mix32 } from '../../shared/domain/random.ts';
import type { SplitReport } from '../../shared/domain/split.ts';

/** The held-out part of a dataset: at least this share of its text and these bytes (about 20,000 tokens), but never more than the limit. */
const MIN_SHARE = 0.01;
const MIN_BYTES = 80_000;
const MAX_SHARE = 0.2;

/** More is held out until the mean loss has at most this standard error, as a fraction of the loss. */
export const TARGET_STANDARD_ERROR = 0.01;

const BYTES_PER_TOKEN = 4;

/**
 * How losses of tokens scatter. Their standard deviation is taken as large as the loss itself. Tokens of one document go together (its subject, its
 * style): the share of the variance that lies between documents is 0.015 on web pages, 0.013 on Python files and 0.010 on school mathematics, as
 * measured with the embedded base (`tests/parity/loss_scatter.py`; the deviation is 0.65, 0.56 and 0.58 of the loss there). Of documents as unlike as
 * licences in many forms it can be 0.45: then the true error is several times the estimated one.
 */
const DEVIATION = 1;
const BETWEEN_DOCUMENTS = 0.015;

/** What the split has to know of each document, as columns. */
export interface SplitInput {
  /** Bytes of UTF-8 text. */
  bytes: ArrayLike<number>;
  /** The first 48 bits of each text's hash (the first two numbers of `textKeyOf`), by which documents are drawn. */
  keys: ArrayLike<number>;
  /** The cluster of each document, any number; without, each is by itself. */
  clusters?: ArrayLike<number>;
  /** Another one draws other documents. */
  seed?: number;
}

export interface Split {
  /** 1 for each document that is held out. */
  heldOut: Uint8Array;
  report: SplitReport;
}

interface Group {
  key: number;
  bytes: number;
  members: number[];
}

/**
 * Chooses what is held out, by whole clusters, so that no text is trained on whose twin is measured on. Clusters are drawn in the order of their
 * hashes: the same documents have the same split in whatever order they come. At least one is held out (where all are large, the smallest), never all.
 * @throws StrataError BAD_INPUT when there are not two clusters.
 */
export function splitDocuments({ bytes, keys, clusters, seed = 0 }: SplitInput): Split {
  const groups = groupsOf(bytes, keys, clusters, seed);
  if (groups.length < 2) throw tooLittle(bytes);
  const total = groups.reduce((sum, group) => sum + group.bytes, 0);
  const limit = total * MAX_SHARE;
  const wanted = Math.max(total * MIN_SHARE, MIN_BYTES);
  const chosen: Group[] = [];
  let size = 0;
  let squares = 0;
  const isEnough = (): boolean => size >= wanted && standardErrorOf(size, squares) <= TARGET_STANDARD_ERROR;
  const take = (group: Group): void => {
    chosen.push(group);
    size += group.bytes;
    squares += group.bytes ** 2;
  };
  for (const group of groups) {
    if (isEnough()) break;
    if (size + group.bytes <= limit) take(group);
  }
  if (chosen.length === 0) take(groups.reduce((least, group) => (group.bytes < least.bytes ? group : least)));
  const heldOut = new Uint8Array(bytes.length);
  for (const { members } of chosen) for (const member of members) heldOut[member] = 1;
  const share = total === 0 ? 0 : size / total;
  const estimatedStandardError = standardErrorOf(size, squares);
  const documents = chosen.reduce((sum, { members }) => sum + members.length, 0);
  return { heldOut, report: { documents, bytes: size, share, estimatedStandardError, note: noteOn(share, estimatedStandardError) } };
}

/** Clusters in the order in which they are drawn. A cluster has the least of its members' keys. */
function groupsOf(bytes: ArrayLike<number>, keys: ArrayLike<number>, clusters: ArrayLike<number> | undefined, seed: number): Group[] {
  const groups = new Map<number, Group>();
  for (let document = 0; document < bytes.length; document++) {
    const name = clusters?.[document] ?? document;
    const group = groups.get(name);
    const key = keyWith(keys[document]!, seed);
    if (!group) groups.set(name, { key, bytes: bytes[document]!, members: [document] });
    else {
      group.key = Math.min(group.key, key);
      group.bytes += bytes[document]!;
      group.members.push(document);
    }
  }
  return [...groups.values()].sort((a, b) => a.key - b.key || a.bytes - b.bytes);
}

/** A key under a seed: all its bits are turned by the seed's, which brings other documents to the front. Seed 0 leaves it as it is. */
function keyWith(key: number, seed: number): number {
  const high = Math.floor(key / 2 ** 24) ^ (mix32(seed) >>> 8);
  const low = (key % 2 ** 24) ^ (mix32(mix32(seed)) >>> 8);
  return high * 2 ** 24 + low;
}

/**
 * Standard error of the mean loss of n tokens in clusters of m tokens, as a fraction of the loss L (Kish, Survey Sampling, 1965, chapter 5):
 * s² = σ² ((1 − ρ) / n + ρ Σ m² / n²), with σ = L and ρ the share of the variance between documents.
 */
function standardErrorOf(bytes: number, sumOfSquares: number): number {
  if (bytes === 0) return Infinity;
  const tokens = Math.max(1, bytes / BYTES_PER_TOKEN);
  return DEVIATION * Math.sqrt((1 - BETWEEN_DOCUMENTS) / tokens + (BETWEEN_DOCUMENTS * sumOfSquares) / bytes ** 2);
}

function noteOn(share: number, error: number): string | null {
  if (error <= TARGET_STANDARD_ERROR) return null;
  const [percent, target] = [(100 * error).toFixed(1), 100 * TARGET_STANDARD_ERROR];
  return (
    `Losses measured on it will be uncertain by about ${percent} %, not ${target} %: ${(100 * share).toFixed(1)} % of the text is held out, ` +
    `at most ${100 * MAX_SHARE} % may be. More documents make it better.`
  );
}

function tooLittle(bytes: ArrayLike<number>): StrataError {
  const documents = bytes.length;
  const total = Array.from(bytes).reduce((sum, each) => sum + each, 0);
  const alike = documents > 1 ? ' that are copies of each other' : '';
  return new StrataError('BAD_INPUT', 'There is too little text: nothing could be held out to measure on.', {
    found: `${documents} ${documents === 1 ? 'document' : 'documents'} of ${total} bytes${alike}`,
    allowed: 'at least two documents with different texts',
    hint: 'Import more text together with it.',
  });
}
