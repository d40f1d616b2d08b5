/** A share of items that are right, with the standard error of the mean as lm-evaluation-harness computes it (mean_stderr). */
export interface Proportion {
  value: number;
  /** `s / sqrt(n)` with s the sample's standard deviation; null of fewer than two items. */
  standardError: number | null;
}

export function proportionOf(right: readonly boolean[]): Proportion {
  const n = right.length;
  const value = right.filter(Boolean).length / n;
  if (n < 2) return { value, standardError: null };
  return { value, standardError: Math.sqrt((value * (1 - value) * n) / (n - 1) / n) };
}
