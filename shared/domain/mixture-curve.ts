import { StrataError } from '../errors.ts';
import type { CurvePoint } from './mixture.ts';

/** A height at a fraction of the run: only their proportions count, the replay share says how high they are. */
export interface CurveHeight {
  at: number;
  height: number;
}

/** Courses of the replay share over a run; `scheduleMeaning` says what each means. */
export const REPLAY_SCHEDULES = {
  constant: heightsOf([0, 1], [1, 1]),
  'replay-heavy-start': heightsOf([0, 3], [0.5, 0.5], [1, 0.5]),
  falling: heightsOf([0, 2], [1, 0]),
  'new-heavy-end': heightsOf([0, 1], [0.75, 1], [1, 0]),
} as const satisfies Record<string, CurveHeight[]>;
export type ReplaySchedule = keyof typeof REPLAY_SCHEDULES;
export const REPLAY_SCHEDULE_NAMES = Object.keys(REPLAY_SCHEDULES) as ReplaySchedule[];

/** How one's own course is written. */
export const SCHEDULE_FORM = `${REPLAY_SCHEDULE_NAMES.join(', ')}, or heights at fractions of the run such as 0:2,0.5:1,1:0`;

function heightsOf(...points: [number, number][]): CurveHeight[] {
  return points.map(([at, height]) => ({ at, height }));
}

/**
 * Reads a course: a name, or `fraction:height` pairs with commas between, from 0 to 1.
 * @throws StrataError BAD_INPUT
 */
export function parseSchedule(text: string): CurveHeight[] {
  const named = REPLAY_SCHEDULE_NAMES.find((name) => name === text.trim());
  if (named) return REPLAY_SCHEDULES[named];
  const points = text.split(',').map((pair) => {
    const match = /^\s*([\d.]+)\s*:\s*([\d.]+)\s*$/.exec(pair);
    return { at: Number(match?.[1] ?? NaN), height: Number(match?.[2] ?? NaN) };
  });
  const areNumbers = points.every(({ at, height }) => Number.isFinite(at) && Number.isFinite(height));
  const isInOrder = points.every(({ at }, index) => index === 0 || at >= points[index - 1]!.at);
  const isWhole = points.length >= 2 && points[0]!.at === 0 && points.at(-1)!.at === 1;
  if (areNumbers && isInOrder && isWhole && meanHeight(points) > 0) return points;
  throw new StrataError('BAD_INPUT', 'That is no course of the replay share.', {
    found: text,
    allowed: `${SCHEDULE_FORM}; the first fraction is 0, the last 1, they do not fall, and not all heights are 0`,
  });
}

/**
 * The share of old tokens over the run: the heights, as high as makes their mean the replay share.
 * @throws StrataError BAD_INPUT when more than all tokens would have to be old somewhere.
 */
export function curveOf(heights: readonly CurveHeight[], replayShare: number): CurvePoint[] {
  const mean = meanHeight(heights);
  const isFlat = heights.every(({ height }) => height === heights[0]!.height);
  const curve = heights.map(({ at, height }) => ({ at, share: isFlat ? replayShare : (replayShare * height) / mean }));
  const highest = Math.max(...curve.map(({ share }) => share));
  if (highest <= 1 + 1e-9) return curve.map(({ at, share }) => ({ at, share: Math.min(1, share) }));
  const most = Math.floor((1000 * replayShare) / highest + 1e-6) / 1000;
  throw new StrataError('BAD_INPUT', 'With this course the replay share would rise above all tokens.', {
    found: `a replay share of ${replayShare} on average, and ${highest.toFixed(3)} at its highest`,
    allowed: `up to ${most} with this course`,
    hint: 'Choose a lower replay share or a flatter course.',
  });
}

function meanHeight(points: readonly CurveHeight[]): number {
  return points
    .slice(1)
    .reduce((area, { at, height }, index) => area + ((at - points[index]!.at) * (height + points[index]!.height)) / 2, 0);
}

/** How many windows of a run should have been old after each of its windows: the area below the curve, which is no whole number. */
export class ReplayCurve {
  readonly #segments: { start: number; share: number; slope: number; before: number }[];

  /** @param windows of the whole run. */
  constructor(curve: readonly CurvePoint[], windows: number) {
    let before = 0;
    this.#segments = curve.slice(0, -1).flatMap(({ at, share }, index) => {
      const next = curve[index + 1]!;
      const length = (next.at - at) * windows;
      if (length === 0) return []; // a step in the course
      const segment = { start: at * windows, share, slope: (next.share - share) / length, before };
      before += (length * (share + next.share)) / 2;
      return [segment];
    });
  }

  before(windows: number): number {
    let index = this.#segments.length - 1;
    while (index > 0 && this.#segments[index]!.start > windows) index--;
    const segment = this.#segments[index]!;
    const past = windows - segment.start;
    return segment.before + past * (segment.share + (segment.slope * past) / 2);
  }
}
