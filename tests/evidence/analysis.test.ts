import { describe, expect, it } from 'vitest';
import { bestRateAtGain, commonGain, compareSeeds, groupsOf, spreadOf } from '../../main/evidence/analysis.ts';
import { verdictsOn } from '../../main/evidence/claims.ts';
import { plannedRuns } from '../../main/evidence/plan.ts';
import type { StudyRun } from '../../main/evidence/study.ts';
import { subject, trained } from './study-runs.ts';

describe('several seeds', () => {
  it('have the mean and the interval that a table of Student’s t gives', () => {
    // Of 1, 2, 3: deviation 1, t for two degrees of freedom 4.303.
    expect(spreadOf([1, 2, 3])).toEqual({ mean: 2, halfWidth: expect.closeTo(4.30265273 / Math.sqrt(3), 9), seeds: 3 });
    expect(spreadOf([5])).toEqual({ mean: 5, halfWidth: null, seeds: 1 });
  });

  it('are compared pair by pair, and cannot tell what their difference does not', () => {
    expect(compareSeeds([1, 5, 9], [0.5, 4.51, 8.49]).order).toBe('larger');
    expect(compareSeeds([0.5, 4.51, 8.49], [1, 5, 9]).order).toBe('smaller');
    expect(compareSeeds([1, 5, 9], [2, 4, 9]).order).toBe('cannot tell');
    expect(compareSeeds([1], [0]).order, 'one seed never tells').toBe('cannot tell');
  });
});

describe('forgetting at a gain', () => {
  it('is an arm’s at the learning rate that forgets least there', () => {
    const groups = groupsOf(
      trained(({ learningRate }) => ({ gain: 2, forgetting: learningRate * 100 })).filter(
        ({ arm, replay, target }) => arm === 'full' && replay === 0 && target === 'code',
      ),
    );
    expect(groups).toHaveLength(3);
    expect(bestRateAtGain(groups, 2)).toMatchObject({
      group: { learningRate: 3e-4 },
      forgetting: [0.03, 0.03, 0.03].map((value) => expect.closeTo(value, 12)),
    });
    expect(bestRateAtGain(groups, 3)).toBe(null);
    expect(commonGain(groups, groups)).toBe(2);
  });
});

describe('the plan', () => {
  it('has every run once, each with the same tokens, and names that tell them apart', () => {
    const runs = plannedRuns(subject);
    expect(new Set(runs.map(({ name }) => name)).size).toBe(runs.length);
    // Eleven arms at three rates; three arms at five shares more; a rung of its own at three shares, and the target's three are there already.
    expect(runs).toHaveLength(3 * (11 * 3 + 3 * 5 + 3 * 3));
    expect(plannedRuns({ ...subject, blocks: 2, sweeps: false, replay: [0.25], rungs: [] }), 'no two of the same').toHaveLength(
      3 * (9 + 3),
    );
    expect(new Set(runs.map(({ request: { steps, batch, context } }) => `${steps} ${batch} ${context}`))).toEqual(new Set(['30 2 16']));
  });
});

describe('verdicts', () => {
  const find = (runs: StudyRun[], claim: RegExp): string | undefined =>
    verdictsOn(subject, runs).find((each) => claim.test(each.claim))?.verdict;
  const noise = (seed: number): number => seed * 0.001;

  it('follow the figures in either direction', () => {
    const claim = /^Expansion forgets less than full training, each/;
    const rule = (ofFull: number) =>
      trained(({ arm, seed }) => ({ gain: 2, forgetting: (arm === 'full' ? ofFull : 1) + noise(seed * (arm === 'full' ? 1 : 2)) }));
    expect(find(rule(1.5), claim)).toBe('holds');
    expect(find(rule(0.5), claim)).toBe('does not hold');
    expect(find(rule(1.0015), claim)).toBe('cannot tell');
  });

  it('refuse identity for one differing logit', () => {
    const runs = trained(() => ({ gain: 1, forgetting: 1 }));
    expect(find(runs, /before it is trained/)).toBe('holds');
    runs[7]!.identityDifference = 1e-9;
    expect(find(runs, /before it is trained/)).toBe('does not hold');
  });

  it('are left out where runs are missing', () => {
    const runs = trained(() => ({ gain: 1, forgetting: 1 })).filter(({ arm }) => arm !== 'full');
    expect(verdictsOn(subject, runs).some(({ claim }) => claim.includes('full'))).toBe(false);
  });
});
