/** A row of points, x rising. */
export interface Points {
  x: number[];
  y: number[];
}

/**
 * At most so many of the points, in their order: the first, the last, and of every bucket between them the least and the largest, so that no
 * spike is lost. What was thinned can be thinned again and keeps the same extremes.
 */
export function thin({ x, y }: Points, most: number): Points {
  if (x.length <= most) return { x, y };
  const kept = [0];
  const inner = x.length - 2;
  const buckets = Math.floor((most - 2) / 2);
  for (let bucket = 0; bucket < buckets; bucket++) {
    const from = 1 + Math.floor((bucket * inner) / buckets);
    const to = 1 + Math.floor(((bucket + 1) * inner) / buckets);
    let [least, largest] = [from, from];
    for (let index = from + 1; index < to; index++) {
      if (y[index]! < y[least]!) least = index;
      if (y[index]! > y[largest]!) largest = index;
    }
    kept.push(Math.min(least, largest));
    if (least !== largest) kept.push(Math.max(least, largest));
  }
  kept.push(x.length - 1);
  return { x: kept.map((index) => x[index]!), y: kept.map((index) => y[index]!) };
}
