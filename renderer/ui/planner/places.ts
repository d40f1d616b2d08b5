/** Places of new blocks, each the base's block that a copy follows, in order: what a hand does to them. Values in, values out. */

const inOrder = (places: readonly number[]): number[] => [...places].sort((a, b) => a - b);

export function withPlace(places: readonly number[], after: number): number[] {
  return inOrder([...places, after]);
}

export function withoutPlace(places: readonly number[], index: number): number[] {
  return places.filter((_, at) => at !== index);
}

export function movedPlace(places: readonly number[], index: number, after: number): number[] {
  return withPlace(withoutPlace(places, index), after);
}

/** Where something is let go: the nearest of the gaps, given with the middles of their heights. @returns null when there are none. */
export function nearestGap(y: number, gaps: readonly { after: number; middle: number }[]): number | null {
  const distance = ({ middle }: { middle: number }): number => Math.abs(middle - y);
  return (
    gaps.reduce<(typeof gaps)[number] | null>((best, gap) => (best && distance(best) <= distance(gap) ? best : gap), null)?.after ?? null
  );
}
