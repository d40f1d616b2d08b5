/** Documents that belong together: disjoint sets (Tarjan 1975; union by the lower number, path halving). 4 bytes per document. */
export class Clusters {
  readonly #parents: Uint32Array;

  /** Each document by itself. */
  constructor(documents: number) {
    this.#parents = new Uint32Array(documents);
    for (let document = 0; document < documents; document++) this.#parents[document] = document;
  }

  get documents(): number {
    return this.#parents.length;
  }

  /** A cluster's name: its first document. */
  of(document: number): number {
    const parents = this.#parents;
    while (parents[document] !== document) {
      parents[document] = parents[parents[document]!]!;
      document = parents[document]!;
    }
    return document;
  }

  join(one: number, other: number): void {
    const [a, b] = [this.of(one), this.of(other)];
    this.#parents[Math.max(a, b)] = Math.min(a, b);
  }

  /** Clusters of two documents or more, in the order of their first ones; members in their order. */
  groups(): number[][] {
    const members = new Map<number, number[]>();
    for (let document = 0; document < this.documents; document++) {
      const name = this.of(document);
      if (name === document) continue;
      const known = members.get(name);
      if (known) known.push(document);
      else members.set(name, [name, document]);
    }
    return [...members.values()].sort((a, b) => a[0]! - b[0]!);
  }

  /**
   * For each document the one that stands for its cluster: the longest, of equally long ones the first.
   * @param characters of each document.
   */
  representatives(characters: ArrayLike<number>): Uint32Array {
    const best = new Uint32Array(this.documents).map((_, document) => document);
    for (let document = 0; document < this.documents; document++) {
      const name = this.of(document);
      if (characters[document]! > characters[best[name]!]!) best[name] = document;
    }
    // From the last on: a cluster's name comes before its other members, and its place must hold the best until all are done.
    for (let document = this.documents - 1; document >= 0; document--) best[document] = best[this.of(document)]!;
    return best;
  }
}
