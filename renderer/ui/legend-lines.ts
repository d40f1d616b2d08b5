/** The legend of a chart's picture. */

export interface LegendEntry {
  label: string;
  /** As CSS says it, resolved: no custom property. */
  colour: string;
}

/** Entries in lines that are no wider than the chart, each with where it begins. */
export function legendLines(
  legend: readonly LegendEntry[],
  width: number,
  widthOf: (text: string) => number,
): (LegendEntry & { x: number })[][] {
  const lines: (LegendEntry & { x: number })[][] = [];
  let x = Infinity;
  for (const entry of legend) {
    const entryWidth = widthOf(entry.label) + 40;
    if (x + entryWidth > width) {
      lines.push([]);
      x = 0;
    }
    lines.at(-1)!.push({ ...entry, x });
    x += entryWidth;
  }
  return lines;
}
