/** The picture of gain against forgetting: where things stand on it. Lengths in pixels of the page. */

export type Range = readonly [least: number, most: number];
export interface Uncertain {
  value: number;
  error: number | null;
}

/**
 * What an axis covers: all values with their error bars and some room, and zero where that is no further away than the values are apart:
 * whether something was forgotten at all should be seen, but not at the price of everything else.
 */
export function rangeOf(estimates: readonly Uncertain[]): Range {
  let least = Math.min(...estimates.map(({ value, error }) => value - (error ?? 0)));
  let most = Math.max(...estimates.map(({ value, error }) => value + (error ?? 0)));
  if (!(most > least)) {
    const room = Math.max(Math.abs(least) * 0.1, 0.01);
    return [least - room, most + room];
  }
  const span = most - least;
  if (least > 0 && least <= span) least = 0;
  if (most < 0 && -most <= span) most = 0;
  const room = (most - least) * 0.08;
  return [least - room, most + room];
}

/** Which round step is nearest to a rough one, in proportion: the borders are geometric means. */
const STEPS = [
  { factor: 1, upTo: Math.sqrt(2) },
  { factor: 2, upTo: Math.sqrt(10) },
  { factor: 5, upTo: Math.sqrt(50) },
] as const;

/** Round values within a range, about so many: steps of 1, 2 or 5 times a power of ten. */
export function ticksOf([least, most]: Range, about: number): number[] {
  const rough = (most - least) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * (STEPS.find(({ upTo }) => rough / power < upTo)?.factor ?? 10);
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  const first = Math.ceil(least / step - 1e-9);
  const last = Math.floor(most / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toFixed(digits)));
}

/** From values to pixels. */
export function scaleOf([least, most]: Range, [start, end]: Range): (value: number) => number {
  return (value) => start + ((value - least) / (most - least)) * (end - start);
}

/**
 * The best trade-off as a line of steps through the best points: for each gain, the least forgetting of any run that gained at least so much.
 * It does not cut corners: what lies between two runs, no run has shown.
 */
export function frontLine(best: readonly { gain: number; forgetting: number }[]): { gain: number; forgetting: number }[] {
  const sorted = [...best].sort((a, b) => a.gain - b.gain || a.forgetting - b.forgetting);
  return sorted.flatMap((point, index) => {
    const next = sorted[index + 1];
    return next ? [point, { gain: point.gain, forgetting: next.forgetting }] : [point];
  });
}

/** A point with its name's width, and how far its error bars reach to either side. */
interface LabelledPoint {
  x: number;
  y: number;
  width: number;
  reachX: number;
  reachY: number;
}
interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}
export interface LabelPlace {
  x: number;
  y: number;
  anchor: 'start' | 'end' | 'middle';
}
const LABEL_HEIGHT = 15;
const MARK = 7;
const GAP = 10;

/**
 * Where names stand beside their points without lying on a point or on one another: right, left, above or below, whichever is free first.
 * Null for a name that has no room; it is still in the table and in the box that opens beside its point.
 */
export function placeLabels(points: readonly LabelledPoint[], bounds: Box): (LabelPlace | null)[] {
  const taken: Box[] = points.map(({ x, y }) => ({ left: x - MARK, right: x + MARK, top: y - MARK, bottom: y + MARK }));
  return points.map(({ x, y, width, reachX, reachY }, index) => {
    const [beside, above] = [Math.max(GAP, reachX + 5), Math.max(GAP, reachY + 4)];
    const candidates: LabelPlace[] = [
      { x: x + beside, y: y + 4, anchor: 'start' },
      { x: x - beside, y: y + 4, anchor: 'end' },
      { x, y: y - above - 2, anchor: 'middle' },
      { x, y: y + above + 12, anchor: 'middle' },
    ];
    for (const place of candidates) {
      const box = boxOf(place, width);
      const isInside = box.left >= bounds.left && box.right <= bounds.right && box.top >= bounds.top && box.bottom <= bounds.bottom;
      if (!isInside || taken.some((other, at) => at !== index && overlaps(box, other))) continue;
      taken.push(box);
      return place;
    }
    return null;
  });
}

function boxOf({ x, y, anchor }: LabelPlace, width: number): Box {
  const left = anchor === 'start' ? x : anchor === 'end' ? x - width : x - width / 2;
  return { left, right: left + width, top: y - LABEL_HEIGHT + 4, bottom: y + 4 };
}

function overlaps(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
