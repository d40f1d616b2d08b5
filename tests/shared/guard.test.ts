import { describe, expect, it } from 'vitest';
import { type Guard, parseGuard } from '../../shared/domain/guard.ts';
import { freshGuardState, GRACE_EVALUATIONS, guardActs, type GuardState, raisedShare } from '../../shared/domain/guard-rule.ts';
import { StrataError } from '../../shared/errors.ts';

describe('a guard as it is typed', () => {
  it.each<[string, Guard]>([
    ['loss<=0.05:lower-rate', { measure: 'loss', limit: 0.05, action: 'lower-rate', fromStart: false }],
    [' percent <= 2 : warn ', { measure: 'percent', limit: 2, action: 'warn', fromStart: false }],
    ['drift<=1e-1:roll-back:from-start', { measure: 'drift', limit: 0.1, action: 'roll-back', fromStart: true }],
  ])('%s is understood', (text, wanted) => {
    expect(parseGuard(text)).toEqual(wanted);
  });

  it.each([
    '',
    'loss',
    'loss<0.05:warn',
    'loss<=0:warn',
    'loss<=-1:warn',
    'loss<=x:warn',
    'accuracy<=1:warn',
    'loss<=1:explode',
    'loss<=1',
    'loss<=1:warn:later',
  ])('"%s" is refused, with what is allowed', (text) => {
    expect(() => parseGuard(text)).toThrow(StrataError);
    try {
      parseGuard(text);
    } catch (error) {
      expect(error).toMatchObject({ code: 'BAD_INPUT', found: text, allowed: expect.stringContaining('loss, percent, drift') as string });
      expect((error as StrataError).hint).toContain('loss<=0.05:lower-rate');
    }
  });
});

describe('a guard', () => {
  const guard = (changes: Partial<Guard> = {}): Guard => ({
    measure: 'loss',
    limit: 1,
    action: 'lower-rate',
    fromStart: false,
    ...changes,
  });
  const state = (changes: Partial<GuardState> = {}): GuardState => ({ ...freshGuardState(), ...changes });
  const late = GRACE_EVALUATIONS + 1;
  const acts = (found: number, { on = guard(), from = state(), evaluation = late, isEnd = false } = {}): boolean =>
    guardActs(on, from, { found, evaluation, isEnd });

  it('acts beyond its limit, not at it', () => {
    expect(acts(1)).toBe(false);
    expect(acts(1.01)).toBe(true);
  });

  it('lets the first evaluations after the warm-up pass, unless it acts from the start', () => {
    for (let evaluation = 0; evaluation <= GRACE_EVALUATIONS; evaluation++) {
      expect(acts(2, { evaluation })).toBe(false);
      expect(acts(2, { evaluation, on: guard({ fromStart: true }) })).toBe(true);
    }
  });

  it('waits while the measure falls from its peak', () => {
    expect(acts(2, { from: state({ previous: 3 }) })).toBe(false);
    expect(acts(2, { from: state({ previous: 2 }) })).toBe(true);
  });

  it('lowers the rate again where that did not help, but warns and pauses once until the measure has been within', () => {
    const from = state({ previous: 2, isBeyond: true });
    expect(acts(2.5, { from })).toBe(true);
    for (const action of ['warn', 'pause'] as const) {
      expect(acts(2.5, { from, on: guard({ action }) })).toBe(false);
      expect(acts(2.5, { from: state({ previous: 0.5 }), on: guard({ action }) })).toBe(true);
    }
  });

  it('at the end goes back whatever came before, and says what was not said yet', () => {
    const end = { evaluation: 0, isEnd: true };
    expect(acts(2, { ...end, on: guard({ action: 'roll-back' }), from: state({ previous: 3 }) })).toBe(true);
    expect(acts(2, { ...end, from: state({ previous: 3 }) })).toBe(true);
    expect(acts(2, { ...end, from: state({ previous: 3, isBeyond: true }) })).toBe(false);
    expect(acts(0.5, { ...end, on: guard({ action: 'roll-back' }) })).toBe(false);
  });

  it.each([
    [0, 0.05],
    [0.01, 0.05],
    [0.2, 0.4],
    [0.6, 0.9],
    [0.95, 0.95],
  ])('raises a replay share of %d to %d', (share, wanted) => {
    expect(raisedShare(share)).toBe(wanted);
  });
});
