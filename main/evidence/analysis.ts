import { atGain } from '../../shared/domain/matched-gain.ts';
import { student95 } from '../../shared/domain/student.ts';
import type { StudyRun } from './study.ts';

/** What several seeds say of a figure, and of the difference of two. */

/** Mean over seeds, and the half width of its 95 % interval by Student's t; null with one seed. */
export interface Spread {
  mean: number;
  halfWidth: number | null;
  seeds: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const seeds = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / seeds;
  if (seeds < 2) return { mean, halfWidth: null, seeds };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (seeds - 1);
  return { mean, halfWidth: student95(seeds - 1) * Math.sqrt(variance / seeds), seeds };
}

/** Whether `a` is larger than `b`, seed by seed: what a seed does to both cancels. */
export type Order = 'larger' | 'smaller' | 'cannot tell';

export function compareSeeds(a: readonly number[], b: readonly number[]): { order: Order; difference: Spread } {
  const difference = spreadOf(a.map((value, index) => value - b[index]!));
  const isClear = difference.halfWidth !== null && Math.abs(difference.mean) > difference.halfWidth;
  return { order: isClear ? (difference.mean > 0 ? 'larger' : 'smaller') : 'cannot tell', difference };
}

/** The runs of one arm at one learning rate, one for each seed, in the order of seeds. */
export interface Group {
  arm: string;
  target: string;
  replay: number;
  learningRate: number;
  runs: StudyRun[];
}

export function groupsOf(runs: readonly StudyRun[]): Group[] {
  const groups = new Map<string, Group>();
  for (const run of runs) {
    const { arm, target, replay, learningRate } = run;
    const key = JSON.stringify([arm, target, replay, learningRate]);
    const group = groups.get(key) ?? { arm, target, replay, learningRate, runs: [] };
    group.runs.push(run);
    groups.set(key, group);
  }
  for (const { runs: ofGroup } of groups.values()) ofGroup.sort((a, b) => a.seed - b.seed);
  return [...groups.values()];
}

/** A group's forgetting at a gain, seed by seed; null when a seed did not reach it. */
export function groupAtGain({ runs }: Group, gain: number): number[] | null {
  const values = runs.map(({ course }) => atGain(course, gain)?.forgetting ?? null);
  return values.every((value) => value !== null) ? values : null;
}

/** Of one arm's groups at several learning rates, the one that forgets least at a gain, and what it forgets there. */
export function bestRateAtGain(groups: readonly Group[], gain: number): { group: Group; forgetting: number[] } | null {
  let best: { group: Group; forgetting: number[] } | null = null;
  for (const group of groups) {
    const forgetting = groupAtGain(group, gain);
    if (forgetting && (best === null || spreadOf(forgetting).mean < spreadOf(best.forgetting).mean)) best = { group, forgetting };
  }
  return best;
}

/** The largest gain that every seed of both arms reached at some learning rate. */
export function commonGain(a: readonly Group[], b: readonly Group[]): number {
  const reached = (groups: readonly Group[]): number =>
    Math.max(...groups.map(({ runs }) => Math.min(...runs.map(({ course }) => Math.max(...course.map(({ gain }) => gain))))));
  return Math.min(reached(a), reached(b));
}
