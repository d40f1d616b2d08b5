import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTokenShard, trainingWindows } from '../../main/datasets/token-shard.ts';
import type { TrainerEvent } from '../../main/training/messages.ts';
import { openMixture } from '../../shared/domain/mixture-open.ts';
import { after, prepareTinyTraining, type TinyTraining, trainHere } from '../support/train-jobs.ts';

let tiny: TinyTraining;
beforeAll(async () => {
  tiny = await prepareTinyTraining();
});
afterAll(() => tiny.remove());

const drawnOf = (events: readonly TrainerEvent[]): { step: number; windows: Extract<TrainerEvent, { type: 'progress' }>['windows'] }[] =>
  events.flatMap((event) => (event.type === 'progress' ? [{ step: event.step, windows: event.windows }] : []));

describe('the windows that a run tells of', () => {
  it('are those of its mixture, one by one, and add up to the tokens of its result', async () => {
    const job = tiny.job('drawn', { steps: 160, batch: 4 });
    const { events, result } = await trainHere(job);
    const sources = [];
    for (const { datasetId, role, trainPath } of job.shards) {
      const shard = await openTokenShard(trainPath);
      sources.push({ datasetId, role, windows: trainingWindows(shard.length, 32) });
      await shard.close();
    }
    const mixture = openMixture(job.configuration, sources);
    const all = Array.from({ length: 160 * 4 }, (_, position) => (mixture.at(position).datasetId === 'code' ? 0 : 1));
    const told = drawnOf(events);
    for (const { step, windows } of told) {
      const drawn = all.slice(0, step * 4);
      expect(windows.total).toBe(drawn.length);
      expect(windows.last).toEqual(drawn.slice(-512));
      expect(windows.counts).toEqual([0, 1].map((place) => drawn.filter((each) => each === place).length));
    }
    const { counts } = told.at(-1)!.windows;
    expect(result.tokens.byDataset).toEqual({ code: counts[0]! * 32, stories: counts[1]! * 32 });
  });

  it('are whole again in the first message after a pause', async () => {
    const changes = { steps: 12, checkpointEverySteps: 5 };
    await trainHere(
      tiny.job('paused', changes),
      after((event) => event.type === 'checkpoint', 'pause'),
    );
    const { events } = await trainHere(tiny.job('paused', changes));
    const [first] = drawnOf(events);
    expect(first!.windows.total).toBe(first!.step * 4);
    expect(first!.windows.last).toHaveLength(first!.step * 4);
    expect(drawnOf(events).at(-1)!.windows.total).toBe(48);
  });
});
