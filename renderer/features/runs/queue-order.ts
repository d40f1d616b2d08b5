/** Where a waiting run goes, as the studio is told: before which other one; null is the end. */

/** One place nearer to the front, or to the end; undefined where it stands there already. */
export function neighbourPlace(ids: readonly string[], run: string, direction: 'up' | 'down'): string | null | undefined {
  const at = ids.indexOf(run);
  if (at < 0) return undefined;
  if (direction === 'up') return at === 0 ? undefined : ids[at - 1];
  return at === ids.length - 1 ? undefined : (ids[at + 2] ?? null);
}

/**
 * Let go over another one: it takes that one's place, and those between move up to where it came from. Undefined where nothing changes.
 */
export function droppedPlace(ids: readonly string[], run: string, onto: string): string | null | undefined {
  const [from, to] = [ids.indexOf(run), ids.indexOf(onto)];
  if (from < 0 || to < 0 || from === to) return undefined;
  return from < to ? (ids[to + 1] ?? null) : onto;
}
