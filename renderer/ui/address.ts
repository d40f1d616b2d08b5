/** The part of the page's address after `#/`: which page, which item, and how it is looked at, such as `runs?status=done&sort=gain`. */

export interface Address {
  path: string[];
  query: Readonly<Record<string, string>>;
}

/** A hash without the slash is no page: `strata serve` puts its token there. What cannot be decoded is taken as it stands. */
export function parseAddress(hash: string): Address {
  if (!hash.startsWith('#/')) return { path: [], query: {} };
  const [path = '', query = ''] = hash.slice(2).split(/\?(.*)/s);
  return { path: path.split('/').filter(Boolean).map(decoded), query: Object.fromEntries(new URLSearchParams(query)) };
}

/** The reverse of {@link parseAddress}, without `#/`; commas stay readable, for they stand between ids. */
export function formatAddress({ path, query }: Address): string {
  const text = new URLSearchParams(query).toString();
  return `${path.map((part) => encodeURIComponent(part).replaceAll('%2C', ',')).join('/')}${text === '' ? '' : `?${text}`}`;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
