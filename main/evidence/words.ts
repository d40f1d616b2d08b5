import type { Spread } from './analysis.ts';

/** "1.234 ± 0.056": a mean over seeds with the half width of its 95 % interval. */
export function interval({ mean, halfWidth }: Spread, digits = 3): string {
  const value = mean.toFixed(digits);
  return halfWidth === null ? value : `${value} ± ${halfWidth.toFixed(digits)}`;
}

/** A table in Markdown. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
