/** Gain against forgetting: what a run won, and what it cost. */
export interface TradeOff {
  gain: number;
  /** Null where nothing old was measured: such a run is on no front. */
  forgetting: number | null;
}

/**
 * Which points are best (the Pareto front): no other gains at least as much and forgets no more, and is better in one of the two. Equal
 * points are best together.
 */
export function bestTradeOffs(points: readonly TradeOff[]): boolean[] {
  return points.map((point) => point.forgetting !== null && !points.some((other) => isBetter(other, point)));
}

function isBetter(a: TradeOff, b: TradeOff): boolean {
  if (a.forgetting === null || b.forgetting === null) return false;
  return a.gain >= b.gain && a.forgetting <= b.forgetting && (a.gain > b.gain || a.forgetting < b.forgetting);
}
