import { expect, it } from 'vitest';
import { followWork } from '../../main/studio/follow-work.ts';

type Event = { progress: number } | { result: string };
const pause = (milliseconds = 1): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

it('gives the latest progress and, last, the result', async () => {
  const work = async (onProgress: (at: number) => void): Promise<string> => {
    for (let at = 0; at < 6; at++) {
      onProgress(at);
      if (at % 2 === 1) await pause(5);
    }
    return 'done';
  };
  const told: Event[] = [];
  for await (const event of followWork(work)) told.push(event);
  expect(told.at(-1)).toEqual({ result: 'done' });
  expect(told.slice(0, -1)).toEqual([{ progress: 1 }, { progress: 3 }, { progress: 5 }]);
});

it('throws what the work throws, after what it told', async () => {
  const told: Event[] = [];
  const work = async (onProgress: (at: number) => void): Promise<string> => {
    onProgress(1);
    await pause();
    throw new Error('broken');
  };
  await expect(
    (async () => {
      for await (const event of followWork(work)) told.push(event);
    })(),
  ).rejects.toThrow('broken');
  expect(told).toEqual([{ progress: 1 }]);
});

it.each(['by leaving off between events', 'by the signal'])('the work is ended %s', async (way) => {
  const controller = new AbortController();
  let ended: AbortSignal | null = null;
  const work = (onProgress: (at: number) => void, signal: AbortSignal): Promise<string> => {
    ended = signal;
    onProgress(1);
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('ended'))));
  };
  const run = async (): Promise<void> => {
    for await (const _ of followWork(work, controller.signal)) {
      if (way === 'by the signal') controller.abort();
      else break;
    }
  };
  if (way === 'by the signal') await expect(run()).rejects.toThrow('ended');
  else await run();
  expect(ended!.aborted).toBe(true);
});
