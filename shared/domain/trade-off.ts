/** Gain against forgetting: what a run won, and what it cost. */
export interface TradeOff {
  /** Null, as forgetting, where it was not measured or cannot be compared: such a run is on no front. */
  gain: number | null;
  forgetting: number | null;
}

/**
 * Which points are best (the Pareto front): no other gains at least as much and forgets no more, and is better in one of the two. Equal
 * points are best together.
 */
export function bestTradeOffs(points: readonly TradeOff[]): boolean[] {
  return points.map((point) => point.gain !== null && point.forgetting !== null && !points.some((other) => isBetter(other, point)));
}

function isBetter(a: TradeOff, b: TradeOff): boolean {
  if (a.gain === null || b.gain === null || a.forgetting === null || b.forgetting === null) return false;
  return a.gain >= b.gain && a.forgetting <= b.forgetting && (a.gain > b.gain || a.forgetting < b.forgetting);
}
