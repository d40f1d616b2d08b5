/** Which page is shown: the part of the address after `#/`, such as `runs/py-26da`. */
class Route {
  #path = $state(read());

  constructor() {
    window.addEventListener('hashchange', () => {
      this.#path = read();
    });
  }

  /** The first part: the page. */
  get page(): string {
    return this.#path[0] ?? '';
  }

  /** The second part: which item. */
  get item(): string {
    return this.#path[1] ?? '';
  }

  go(path: string): void {
    window.location.hash = `#/${path}`;
  }
}

/** Parts of the address after `#/`. A hash without the slash is no page: `strata serve` puts its token there. */
function read(): string[] {
  const { hash } = window.location;
  return hash.startsWith('#/') ? hash.slice(2).split('/').filter(Boolean).map(decodeURIComponent) : [];
}

export const route = new Route();
