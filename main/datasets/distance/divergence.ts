/**
 * Jensen-Shannon divergence of two distributions given as counts of the same things, base 2: 0 for equal ones, 1 for ones with nothing in common.
 * `JS = KL(p || m) / 2 + KL(q || m) / 2` with `m = (p + q) / 2` (Lin 1991).
 * @param pairs counts on both sides of each thing that either side has.
 */
export function jensenShannon(pairs: Iterable<readonly [number, number]>, total: readonly [number, number]): number {
  let sum = 0;
  for (const [a, b] of pairs) {
    const p = a / total[0];
    const q = b / total[1];
    const middle = (p + q) / 2;
    if (p > 0) sum += p * Math.log2(p / middle);
    if (q > 0) sum += q * Math.log2(q / middle);
  }
  return Math.min(1, Math.max(0, sum / 2)); // rounding
}
