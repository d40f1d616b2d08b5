import { describe, expect, it } from 'vitest';
import { OwnerWatch } from '../../main/studio/owner-watch.ts';
import { signOf } from '../../main/training/process-sign.ts';

/** A watch whose clock goes on only when it is told to. */
function watchAt(): { watch: OwnerWatch; pass: (seconds: number) => void } {
  let milliseconds = 5_000_000;
  return { watch: new OwnerWatch(() => milliseconds), pass: (seconds) => (milliseconds += seconds * 1000) };
}

const run = {
  ...{ id: 'run-1', ownerPid: process.pid, ownerSign: signOf(process.pid) },
  heartbeatAt: '2026-01-02T03:04:06.000Z' as string | null,
};

describe('the owner of a run', () => {
  it('is lost at once when nobody is named, its process is gone, or its id is another process’s by now', () => {
    const { watch } = watchAt();
    expect(watch.isLost({ ...run, ownerPid: null })).toBe(true);
    const gone = 2 ** 22 + 1; // above the largest process id
    expect(watch.isLost({ ...run, ownerPid: gone, ownerSign: null })).toBe(true);
    expect(watch.isLost({ ...run, ownerPid: gone, ownerSign: `${gone} 17` })).toBe(true);
    expect(watch.isLost({ ...run, ownerSign: `${process.pid} 1` })).toBe(true);
    expect(watch.isLost(run)).toBe(false);
    expect(watch.isLost({ ...run, ownerSign: null })).toBe(false); // of a run from before signs were noted
  });

  it('is lost when its heartbeat has not changed in more than a minute of looking, and not before', () => {
    const { watch, pass } = watchAt();
    for (let second = 0; second <= 60; second++) {
      expect(watch.isLost(run), `after ${second} s`).toBe(false);
      pass(1);
    }
    expect(watch.isLost(run)).toBe(true);
  });

  it.each([
    ['an hour ago', '2026-01-02T02:04:06.000Z'],
    ['in ten years: its clock is wrong, or was set meanwhile', '2036-01-02T03:04:06.000Z'],
    ['at no time that can be read', 'yesterday'],
    ['never', null],
  ])('is there when its heartbeat was %s, for what clocks say is not believed', (_, heartbeatAt) => {
    const { watch, pass } = watchAt();
    expect(watch.isLost({ ...run, heartbeatAt })).toBe(false);
    pass(30);
    expect(watch.isLost({ ...run, heartbeatAt })).toBe(false);
  });

  it('is there as long as its heartbeat changes, also backwards, when the clock is set', () => {
    const { watch, pass } = watchAt();
    for (let look = 0; look < 200; look++) {
      const at = new Date(Date.UTC(2026, 0, 2) - look * 3_600_000).toISOString();
      expect(watch.isLost({ ...run, heartbeatAt: at })).toBe(false);
      pass(4);
    }
  });

  it('is not lost because the machine slept: a night without a look is no silence', () => {
    const { watch, pass } = watchAt();
    expect(watch.isLost(run)).toBe(false);
    pass(8 * 3600);
    expect(watch.isLost(run)).toBe(false);
    pass(1);
    expect(watch.isLost({ ...run, heartbeatAt: '2026-01-02T11:04:07.000Z' })).toBe(false);
  });

  it('that hangs is lost although the watch slept in between: only looking counts', () => {
    const { watch, pass } = watchAt();
    const looks = Array.from({ length: 80 }, (_, second) => {
      pass(second === 30 ? 3600 : 1);
      return watch.isLost(run);
    });
    expect(looks.indexOf(true)).toBeGreaterThan(55);
    expect(looks.at(-1)).toBe(true);
  });

  it('is watched anew when another process takes the run, and each run by itself', () => {
    const { watch, pass } = watchAt();
    for (let second = 0; second <= 58; second++, pass(1)) watch.isLost(run);
    expect(watch.isLost({ ...run, ownerPid: process.ppid, ownerSign: signOf(process.ppid) })).toBe(false);
    expect(watch.isLost({ ...run, id: 'run-2' })).toBe(false);
    pass(2);
    expect(watch.isLost({ ...run, ownerPid: process.ppid, ownerSign: signOf(process.ppid) })).toBe(false);
    expect(watch.isLost({ ...run, id: 'run-2' })).toBe(false);
  });
});
