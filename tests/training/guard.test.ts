import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TrainerEvent, TrainJob } from '../../main/training/messages.ts';
import type { Guard, GuardEvent } from '../../shared/domain/guard.ts';
import type { RunConfiguration } from '../../shared/domain/run.ts';
import { measurementsOf, prepareTinyTraining, type TinyTraining, trainHere, weightsFile } from '../support/train-jobs.ts';

let tiny: TinyTraining;
beforeAll(async () => {
  tiny = await prepareTinyTraining();
});
afterAll(() => tiny.remove());

/** Without replay, so that the old loss rises. */
const common: Partial<RunConfiguration> = {
  steps: 20,
  batch: 2,
  replayShare: 0,
  warmup: 0.05,
  learningRate: 0.02,
  evaluation: { everySteps: 2, tokens: 300, tokensAtEnds: 600 },
  checkpointEverySteps: 3,
};
const withGuard = (name: string, guard: Partial<Guard>, changes: Partial<RunConfiguration> = {}): TrainJob =>
  tiny.job(name, { ...common, guard: { measure: 'drift', limit: 0.002, action: 'warn', fromStart: false, ...guard }, ...changes });

const guardEventsOf = (events: readonly TrainerEvent[]): GuardEvent[] => events.findLast((event) => event.type === 'guard')!.events;
const pointsOf = (events: readonly TrainerEvent[], series: string): Record<number, number> =>
  Object.fromEntries(
    Object.entries(measurementsOf(events))
      .filter(([key]) => key.endsWith(` ${series}`))
      .map(([key, value]) => [parseInt(key, 10), value]),
  );
const undated = (events: readonly GuardEvent[]): Omit<GuardEvent, 'at'>[] => events.map(({ at: _, ...event }) => event);

describe('a guard of a run', () => {
  it('that warns says so once, after the grace, and changes nothing', async () => {
    const plain = tiny.job('plain', common);
    const without = await trainHere(plain);
    expect(without.events.some(({ type }) => type === 'guard')).toBe(false);
    const job = withGuard('warns', {});
    const { events, result } = await trainHere(job);
    expect(result.outcome).toBe('done');
    const [event, ...others] = guardEventsOf(events);
    expect(others).toEqual([]);
    // Warm-up of one step; the evaluations after steps 2 and 4 pass.
    expect(event).toMatchObject({ step: 6, action: 'warn', limit: 0.002 });
    expect(event!.found).toBe(pointsOf(events, 'drift')[6]);
    expect(event!.text).toMatch(/^drift on old is [\d.]+ ± [\d.e-]+ nats\/token, above 0\.002: a warning/);
    expect((await weightsFile(job)).equals(await weightsFile(plain))).toBe(true);
    const early = await trainHere(withGuard('warns from the start', { fromStart: true }));
    expect(guardEventsOf(early.events)[0]!.step).toBeLessThan(6);
  });

  it('that lowers the rate halves it from the next step on', async () => {
    const plain = pointsOf((await trainHere(tiny.job('rates', common))).events, 'learningRate');
    const { events } = await trainHere(withGuard('lowers', { action: 'lower-rate' }));
    const acted = guardEventsOf(events).map(({ step }) => step);
    expect(acted[0]).toBe(6);
    expect(guardEventsOf(events)[0]!.text).toContain('halved to');
    const rates = pointsOf(events, 'learningRate');
    for (let step = 1; step <= 20; step++) {
      const halvings = acted.filter((each) => each < step && each < 20).length;
      expect(rates[step], `step ${step}`).toBeCloseTo(plain[step]! / 2 ** halvings, 12);
    }
  });

  it('that raises the replay share trains on old data from the next step on, and counts its tokens', async () => {
    const { events, result } = await trainHere(withGuard('raises', { action: 'raise-replay' }));
    const acted = guardEventsOf(events).filter(({ step }) => step < 20);
    expect(acted[0]).toMatchObject({ step: 6 });
    expect(acted[0]!.text).toContain('from 0 to 0.05 from step 7');
    let old = 0;
    let share = 0;
    for (const [index, { step }] of acted.entries()) {
      share = share === 0 ? 0.05 : Math.min(0.9, 2 * share);
      old += ((acted[index + 1]?.step ?? 20) - step) * 2 * share;
    }
    expect(Math.abs(result.tokens.byDataset.stories! / 32 - old)).toBeLessThan(acted.length);
    expect(result.tokens.total).toBe(20 * 2 * 32);
  });

  it('that pauses ends the session with a checkpoint, once', async () => {
    const job = withGuard('pauses', { action: 'pause' });
    const first = await trainHere(job);
    expect(first.result).toMatchObject({ outcome: 'paused', stepsDone: 6, saved: false });
    const second = await trainHere(job);
    expect(second.result.outcome).toBe('done');
    expect(undated(guardEventsOf(second.events))).toEqual(undated(guardEventsOf(first.events)));
  });

  it('that goes back ends the run with the best state within the limit, and measures that', async () => {
    const plain = pointsOf((await trainHere(tiny.job('curve', common))).events, 'drift');
    // Between what is measured after steps 4 and 8, so that an earlier state kept it.
    const limit = (plain[4]! + plain[8]!) / 2;
    const job = withGuard('goes back', { action: 'roll-back', limit });
    const { events, result } = await trainHere(job);
    expect(result.outcome).toBe('stopped');
    expect(result.stepsDone).toBeLessThanOrEqual(6);
    expect(result.stepsDone).toBeGreaterThanOrEqual(4);
    expect(guardEventsOf(events).at(-1)!.text).toContain(`its state after step ${result.stepsDone}`);
    const watched = events.findLast((event) => event.type === 'evaluation')!.watched;
    expect(watched.drift).toBe(plain[result.stepsDone]);
    expect(watched.drift!).toBeLessThanOrEqual(limit);
    expect(result.tokens.total).toBe(result.stepsDone * 2 * 32);
    expect(existsSync(join(job.runDirectory, 'checkpoint.best'))).toBe(false);
  });

  it('that goes back where nothing kept the limit ends with the base', async () => {
    const job = withGuard('goes to the base', { action: 'roll-back', limit: 1e-9, fromStart: true });
    const { events, result } = await trainHere(job);
    expect(result).toMatchObject({ outcome: 'stopped', stepsDone: 0 });
    expect(result.final!.drift).toBe(0);
    expect(guardEventsOf(events)).toHaveLength(1);
  });
});

describe('a guarded run that was killed after its guard acted', () => {
  it.each(['lower-rate', 'raise-replay', 'roll-back'] as const)('and resumed equals one that was not: %s', async (action) => {
    const limits = action === 'roll-back' ? { limit: 1e-9 } : {};
    const undisturbed = withGuard(`undisturbed ${action}`, { action, ...limits });
    const whole = await trainHere(undisturbed);
    const job = withGuard(`killed ${action}`, { action, ...limits });
    // As a kill leaves it: what happened since the last checkpoint, the guard's act with it, is lost.
    const killed = trainHere(job, (event) => {
      if (event.type === 'guard' && event.events.length > 0) throw new Error('killed');
    });
    await expect(killed).rejects.toThrow('killed');
    const resumed = await trainHere(job);
    expect(undated(guardEventsOf(resumed.events))).toEqual(undated(guardEventsOf(whole.events)));
    expect((await weightsFile(job)).equals(await weightsFile(undisturbed))).toBe(true);
    expect(resumed.result.final).toEqual(whole.result.final);
    expect(resumed.result).toMatchObject({ gainError: whole.result.gainError, forgettingError: whole.result.forgettingError });
  });

  it.each(['lower-rate', 'raise-replay'] as const)('also where its checkpoint has what the guard did: %s', async (action) => {
    const undisturbed = withGuard(`whole ${action}`, { action });
    const whole = await trainHere(undisturbed);
    const job = withGuard(`interrupted ${action}`, { action });
    let steps = 0;
    const first = await trainHere(job, (event) => {
      if (event.type === 'guard') steps = event.events.length;
      return event.type === 'evaluation' && steps > 0 ? 'interrupt' : undefined;
    });
    expect(first.result.outcome).toBe('interrupted');
    const resumed = await trainHere(job);
    expect(undated(guardEventsOf(resumed.events))).toEqual(undated(guardEventsOf(whole.events)));
    expect((await weightsFile(job)).equals(await weightsFile(undisturbed))).toBe(true);
  });
});
