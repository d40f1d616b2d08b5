import { type Address, formatAddress, parseAddress } from './address.ts';

/** Which page is shown: the part of the address after `#/`, such as `runs/py-26da` or `runs?status=done`. */
class Route {
  #address = $state.raw<Address>(parseAddress(window.location.hash));

  /** What the shown item is called, once its page knows; null between items. */
  itemTitle = $state<string | null>(null);

  constructor() {
    window.addEventListener('hashchange', () => {
      if (parseAddress(window.location.hash).path.join('/') !== this.#address.path.join('/')) this.itemTitle = null;
      this.#address = parseAddress(window.location.hash);
    });
  }

  /** The first part: the page. */
  get page(): string {
    return this.#address.path[0] ?? '';
  }

  /** The second part: which item. */
  get item(): string {
    return this.#address.path[1] ?? '';
  }

  /** What stands after the question mark: how the page is looked at. */
  get query(): Readonly<Record<string, string>> {
    return this.#address.query;
  }

  go(path: string): void {
    window.location.hash = `#/${path}`;
  }

  /** Looks at the page in another way. A new entry in the history, so that "back" undoes it, unless it is one of many small steps. */
  look(query: Readonly<Record<string, string>>, isSmallStep = false): void {
    const address = { ...this.#address, query };
    const text = `#/${formatAddress(address)}`;
    if (isSmallStep) {
      history.replaceState(null, '', text);
      this.#address = address;
    } else window.location.hash = text;
  }
}

export const route = new Route();
