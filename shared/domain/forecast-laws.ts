import { z } from 'zod';

/**
 * Two laws of a run's held-out losses over its replay share p, fitted to a few short runs. They were chosen by how well they predict shares
 * that were left out of published and of own experiments; an exponential misses the large effect of the first percent.
 */

/** `floor + height / (1 + rate p)^power`: loss on old text. The floor is free: it is not the base's loss. */
export const oldLawSchema = z.object({ floor: z.number(), height: z.number(), rate: z.number(), power: z.number() });
export type OldLaw = z.infer<typeof oldLawSchema>;

/** `offset + scale (1 - p)^-power`: loss on new text, which has fewer and fewer tokens to be learned from. */
export const newLawSchema = z.object({ offset: z.number(), scale: z.number(), power: z.number() });
export type NewLaw = z.infer<typeof newLawSchema>;

/** A measured loss at a replay share. */
export interface LawPoint {
  share: number;
  loss: number;
}

export function oldLossAt({ floor, height, rate, power }: OldLaw, share: number): number {
  return floor + height * (1 + rate * share) ** -power;
}

export function newLossAt({ offset, scale, power }: NewLaw, share: number): number {
  return offset + scale * (1 - share) ** -power;
}

/** dL_old / dp; never positive. */
export function oldSlopeAt({ height, rate, power }: OldLaw, share: number): number {
  return -height * power * rate * (1 + rate * share) ** (-power - 1);
}

/** dL_new / dp; never negative. */
export function newSlopeAt({ scale, power }: NewLaw, share: number): number {
  return scale * power * (1 - share) ** (-power - 1);
}

/** Where the non-linear parameters are looked for, as logarithms. Beyond, the laws are a logarithm or an exponential within measurement. */
const RATES: Range = [Math.log(1e-2), Math.log(1e5)];
const POWERS: Range = [Math.log(1e-2), Math.log(20)];
type Range = readonly [low: number, high: number];

const GRID_STEP = 0.25;
const FINEST_STEP = 1e-10;

/**
 * Least squares by variable projection (Golub and Pereyra 1973): given rate and power the law is a straight line in `(1 + rate p)^-power`,
 * so only those two are searched for, on a grid that is then refined around its best point.
 * @param power held at this value, for refits with fewer points than parameters.
 */
export function fitOldLaw(points: readonly LawPoint[], power: number | null = null): OldLaw {
  const lineAt = ([logRate, logPower]: readonly number[]): Line =>
    fitLine(points.map(({ share, loss }) => ({ x: (1 + Math.exp(logRate!) * share) ** -Math.exp(logPower!), y: loss })));
  const powers: Range = power === null ? POWERS : [Math.log(power), Math.log(power)];
  const { place, line } = search([RATES, powers], lineAt);
  return { floor: line.intercept, height: line.slope, rate: Math.exp(place[0]!), power: Math.exp(place[1]!) };
}

/** The same for the law of new text, a straight line in `(1 - p)^-power`. */
export function fitNewLaw(points: readonly LawPoint[]): NewLaw {
  const lineAt = ([logPower]: readonly number[]): Line =>
    fitLine(points.map(({ share, loss }) => ({ x: (1 - share) ** -Math.exp(logPower!), y: loss })));
  const { place, line } = search([POWERS], lineAt);
  return { offset: line.intercept, scale: line.slope, power: Math.exp(place[0]!) };
}

interface Line {
  slope: number;
  intercept: number;
  /** Sum of squared residuals. */
  rest: number;
}

/** A straight line by least squares that does not fall: more replay neither adds to forgetting nor helps to learn. */
function fitLine(points: readonly { x: number; y: number }[]): Line {
  const mean = (of: (point: { x: number; y: number }) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [meanX, meanY] = [mean(({ x }) => x), mean(({ y }) => y)];
  const spread = mean(({ x }) => (x - meanX) ** 2);
  const slope = spread > 0 ? Math.max(0, mean(({ x, y }) => (x - meanX) * (y - meanY)) / spread) : 0;
  const intercept = meanY - slope * meanX;
  return { slope, intercept, rest: points.reduce((sum, { x, y }) => sum + (y - intercept - slope * x) ** 2, 0) };
}

/** The place in a box with the least rest: the best of a grid, then steps to better neighbours, half as long whenever there is none. */
function search(ranges: readonly Range[], lineAt: (place: readonly number[]) => Line): { place: number[]; line: Line } {
  const axes = ranges.map(([low, high]) =>
    Array.from({ length: Math.floor((high - low) / GRID_STEP + 1e-9) + 1 }, (_, index) => low + index * GRID_STEP),
  );
  const places = axes.reduce<number[][]>((all, axis) => all.flatMap((place) => axis.map((value) => [...place, value])), [[]]);
  let best = places
    .map((place) => ({ place, line: lineAt(place) }))
    .reduce((least, each) => (each.line.rest < least.line.rest ? each : least));
  const directions = ranges.reduce<number[][]>((all) => all.flatMap((each) => [-1, 0, 1].map((sign) => [...each, sign])), [[]]);
  for (let step = GRID_STEP; step > FINEST_STEP;) {
    const neighbours = directions.map((direction) =>
      best.place.map((value, axis) => Math.min(ranges[axis]![1], Math.max(ranges[axis]![0], value + step * direction[axis]!))),
    );
    const better = neighbours.map((place) => ({ place, line: lineAt(place) })).find(({ line }) => line.rest < best.line.rest * (1 - 1e-9));
    if (better) best = better;
    else step /= 2;
  }
  return best;
}
