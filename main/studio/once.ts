/** More keys than a person can press buttons for while the studio is open; the oldest are forgotten first. */
const KEPT_KEYS = 1000;

/**
 * Does what a key stands for once: asked again with the same key, while it goes on or after it succeeded, it answers what the first call
 * answers. What failed may be tried again. Keys are kept in this process: they are for double clicks and for answers that were lost on the
 * way, not for asking again tomorrow.
 */
export class Once<Result> {
  readonly #results = new Map<string, Promise<Result>>();

  /** @param key absent: it is done whatever was done before. */
  do(key: string | undefined, work: () => Promise<Result>): Promise<Result> {
    if (key === undefined) return work();
    const known = this.#results.get(key);
    if (known) return known;
    const result = work();
    this.#results.set(key, result);
    result.catch(() => this.#results.delete(key));
    for (const oldest of this.#results.keys()) {
      if (this.#results.size <= KEPT_KEYS) break;
      this.#results.delete(oldest);
    }
    return result;
  }
}
