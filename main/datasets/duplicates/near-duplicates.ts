import { mix32 } from '../../../shared/domain/random.ts';
import { Clusters } from './clusters.ts';
import { SIGNATURE_VALUES } from './signature.ts';

/** Signatures that are kept together: memory grows by 2 MB, and never twice of it is needed while it grows. */
const CHUNK = 8192;

/** Share of the pairs at the threshold that must share a bucket, so that they are compared. */
const MIN_BUCKET_RECALL = 0.99;

/** A pair at the threshold has an estimate this many standard errors below it once in 44 times: it is still taken. */
const STANDARD_ERRORS = 2;

/** Documents that a bucket is searched for: a template of a million pages must not need a trillion comparisons. */
const MAX_COMPARED = 64;

/**
 * Finds texts that are nearly the same by their MinHash signatures with locality-sensitive hashing (Broder 1997; Leskovec, Rajaraman and Ullman,
 * Mining of Massive Datasets, chapter 3): documents that agree in all values of a band come into a bucket, and those of one bucket are compared by
 * their whole signatures.
 *
 * Memory: 256 bytes per document, and 12 to 20 more while clusters are made.
 */
export class NearDuplicates {
  readonly #chunks: Uint16Array[] = [];
  #documents = 0;

  get documents(): number {
    return this.#documents;
  }

  /** Takes the next document's signature (`signatureOf`). */
  add(signature: Uint16Array): void {
    const place = this.#documents % CHUNK;
    const index = (this.#documents - place) / CHUNK;
    this.#chunks[index] ??= new Uint16Array(CHUNK * SIGNATURE_VALUES);
    this.#chunks[index].set(signature, place * SIGNATURE_VALUES);
    this.#documents++;
  }

  /** Forgets the last documents down to a number, as when the rest of their file cannot be read. */
  truncate(documents: number): void {
    this.#documents = Math.min(this.#documents, documents);
    this.#chunks.length = Math.ceil(this.#documents / CHUNK);
  }

  /**
   * Clusters of near-duplicates: documents that are joined by pairs whose similarity is estimated as the threshold or, within the error of the
   * estimate, a little less. Of pairs at a threshold of 0.8 at least 95 % are found.
   */
  clusters(similarity: number): Clusters {
    const clusters = new Clusters(this.#documents);
    const rows = rowsFor(similarity);
    const bands = Math.floor(SIGNATURE_VALUES / rows);
    const margin = STANDARD_ERRORS * Math.sqrt((similarity * (1 - similarity)) / SIGNATURE_VALUES);
    const minCommon = Math.ceil(SIGNATURE_VALUES * (similarity - margin));
    const buckets = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(2, 2 * this.#documents))));
    const previous = new Int32Array(this.#documents);
    for (let band = 0; band < bands; band++) this.#joinBuckets(band * rows, rows, minCommon, clusters, buckets, previous);
    return clusters;
  }

  /**
   * Joins what is alike among the documents that agree in the values [first, first + rows).
   * @param buckets by hash the bucket's last document + 1 (0: none); @param previous by document the one before it in its bucket, + 1.
   */
  #joinBuckets(first: number, rows: number, minCommon: number, clusters: Clusters, buckets: Int32Array, previous: Int32Array): void {
    buckets.fill(0);
    const mask = buckets.length - 1;
    for (let document = 0; document < this.#documents; document++) {
      if (this.#saysNothing(document)) continue;
      let place = this.#hashOf(document, first, rows) & mask;
      while (buckets[place] !== 0 && this.#common(document, buckets[place]! - 1, first, rows) < rows) place = (place + 1) & mask;
      // One document stands for all of a cluster: what joins one that is there already need not be compared with later ones.
      let isRepresented = false;
      let compared = 0;
      for (let other = buckets[place]! - 1; other >= 0 && compared < MAX_COMPARED; other = previous[other]! - 1, compared++) {
        const isSame = clusters.of(document) === clusters.of(other);
        if (!isSame && this.#common(document, other, 0, SIGNATURE_VALUES) < minCommon) continue;
        clusters.join(document, other);
        isRepresented = true;
      }
      if (isRepresented) continue;
      previous[document] = buckets[place]!;
      buckets[place] = document + 1;
    }
  }

  #saysNothing(document: number): boolean {
    const [chunk, start] = this.#find(document);
    for (let value = 0; value < SIGNATURE_VALUES; value++) if (chunk[start + value] !== 0) return false;
    return true;
  }

  #hashOf(document: number, first: number, rows: number): number {
    const [chunk, start] = this.#find(document);
    let hash = first;
    for (let value = first; value < first + rows; value++) hash = mix32(Math.imul(hash, 0x01000193) ^ chunk[start + value]!);
    return hash;
  }

  /** How many of the values [first, first + count) two documents have in common. */
  #common(one: number, other: number, first: number, count: number): number {
    const [a, startOfA] = this.#find(one);
    const [b, startOfB] = this.#find(other);
    let common = 0;
    for (let value = first; value < first + count; value++) if (a[startOfA + value] === b[startOfB + value]) common++;
    return common;
  }

  #find(document: number): [chunk: Uint16Array, start: number] {
    const place = document % CHUNK;
    return [this.#chunks[(document - place) / CHUNK]!, place * SIGNATURE_VALUES];
  }
}

/** Values in a band: as many as leave pairs at the threshold in a common bucket; the more, the fewer unlike ones are compared. 6 for 0.8. */
function rowsFor(similarity: number): number {
  let rows = 1;
  const recall = (r: number): number => 1 - (1 - similarity ** r) ** Math.floor(SIGNATURE_VALUES / r);
  while (rows < SIGNATURE_VALUES && recall(rows + 1) >= MIN_BUCKET_RECALL) rows++;
  return rows;
}
