/**
 * Parts of a whole that are set one at a time, as linked sliders do: the others shrink and grow in proportion, locked ones stay. In percent,
 * by dataset id.
 */
export type Parts = Readonly<Record<string, number>>;

/** Steps in which parts are set. */
const STEP = 0.01;

/** Sets one part; what it may be is limited by those that are locked, and where all others are, it takes what they leave. */
export function setPart(parts: Parts, locked: readonly string[], id: string, wanted: number): Parts {
  const others = Object.keys(parts).filter((each) => each !== id);
  const free = others.filter((each) => !locked.includes(each));
  const held = others.reduce((sum, each) => sum + (locked.includes(each) ? parts[each]! : 0), 0);
  const room = Math.max(0, 100 - held);
  const value = free.length === 0 ? room : Math.min(room, Math.max(0, wanted));
  const before = free.reduce((sum, each) => sum + parts[each]!, 0);
  const next: Record<string, number> = {};
  for (const each of Object.keys(parts)) {
    if (each === id) next[each] = value;
    else if (locked.includes(each)) next[each] = parts[each]!;
    else next[each] = before > 0 ? ((room - value) * parts[each]!) / before : (room - value) / free.length;
  }
  return rounded(next, [id, ...locked]);
}

/** Parts of exactly these ids, from parts of others: one that is new gets an equal part, and all are brought to a whole again. */
export function partsOf(ids: readonly string[], known: Parts): Parts {
  const present = ids.filter((id) => id in known);
  const sum = present.reduce((total, id) => total + known[id]!, 0);
  const forPresent = present.length / ids.length;
  const parts = Object.fromEntries(
    ids.map((id) => [id, id in known && sum > 0 ? (100 * forPresent * known[id]!) / sum : 100 / ids.length]),
  );
  return rounded(parts, []);
}

/** In whole steps that add up to 100; what rounding leaves over goes to the largest that is not kept. */
function rounded(parts: Parts, kept: readonly string[]): Parts {
  const next = Object.fromEntries(Object.entries(parts).map(([id, part]) => [id, Number((Math.round(part / STEP) * STEP).toFixed(2))]));
  const left = 100 - Object.values(next).reduce((sum, part) => sum + part, 0);
  const takers = Object.keys(next).filter((id) => !kept.includes(id));
  const largest = takers.toSorted((a, b) => next[b]! - next[a]!)[0];
  if (largest !== undefined) next[largest] = Math.max(0, Number((next[largest]! + left).toFixed(2)));
  return next;
}
