import { closeSync, existsSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import type { Engine, Tensor } from '../../main/engine/engine.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { type Batch, frozenPrefix } from '../../main/llama/model.ts';
import { disposeLlama, type Llama, loadLlama } from '../../main/llama/parameters.ts';
import { PrefixCache } from '../../main/training/prefix-cache.ts';
import { planExpansion } from '../../shared/domain/plan.ts';
import { fastEngine } from '../support/engines.ts';
import { prepareTinyTraining, trainHere } from '../support/train-jobs.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { randomIds, randomWeights, readerOf, tinyConfig } from '../support/tiny-llama.ts';

const TIME = 70;
const config = { ...tinyConfig, contextLength: TIME };

async function tinyModel(): Promise<{ engine: Engine; model: Llama }> {
  const engine = await loadEngine(fastEngine, engineDirectory());
  const plan = planExpansion(config.blocks, 1, 'top');
  const read = readerOf(randomWeights(config));
  return { engine, model: await loadLlama(engine, { config, read, plan, isTrainable: (_, isInserted) => isInserted }) };
}

/** Windows by number: window k is the same whenever it comes. */
function batchOf(...windows: number[]): Batch {
  const ids = (offset: number): Int32Array => Int32Array.from(windows.flatMap((window) => [...randomIds(config, TIME, window + offset)]));
  return { batch: windows.length, time: TIME, inputs: ids(0), targets: ids(1000) };
}
const keysOf = (...windows: number[]): string[] => windows.map(String);

async function valuesOf(engine: Engine, lanes: readonly Tensor[]): Promise<number[][]> {
  const values: number[][] = [];
  for (const lane of lanes) values.push([...(await engine.read(lane))]);
  engine.dispose(...lanes);
  return values;
}

describe('the cache of what frozen blocks make of a window', () => {
  const folder = useTemporaryFolder();

  it('gives what the blocks give, from the second time on without them, whatever the batch', async () => {
    const { engine, model } = await tinyModel();
    const cache = new PrefixCache(engine, model, join(folder.path, 'cache'));
    const [direct] = await valuesOf(engine, frozenPrefix(engine, model, batchOf(7)).slice(0, 1));
    const first = await valuesOf(engine, await cache.prefixOf(batchOf(7), keysOf(7)));
    expect(first[0]).toEqual(direct);
    expect(cache.hits).toBe(0);
    expect(await valuesOf(engine, await cache.prefixOf(batchOf(7), keysOf(7)))).toEqual(first);
    expect(cache.hits).toBe(1);
    const together = (await valuesOf(engine, await cache.prefixOf(batchOf(3, 7, 4), keysOf(3, 7, 4)))).flat();
    expect(cache.hits).toBe(2);
    expect(together.slice(TIME * config.hiddenSize, 2 * TIME * config.hiddenSize)).toEqual(first.flat());
    const before = engine.liveTensors();
    await valuesOf(engine, await cache.prefixOf(batchOf(3, 7, 9), keysOf(3, 7, 9)));
    expect(engine.liveTensors()).toBe(before);
    cache.close();
    expect(existsSync(join(folder.path, 'cache'))).toBe(false);
    disposeLlama(model);
  });

  it('computes a piece again that changed on disk', async () => {
    const { engine, model } = await tinyModel();
    const path = join(folder.path, 'changed');
    const cache = new PrefixCache(engine, model, path);
    const first = await valuesOf(engine, await cache.prefixOf(batchOf(1), keysOf(1)));
    const file = openSync(path, 'r+');
    writeSync(file, Uint8Array.of(255), 0, 1, 5);
    closeSync(file);
    expect(await valuesOf(engine, await cache.prefixOf(batchOf(1), keysOf(1)))).toEqual(first);
    expect(cache.hits).toBe(0);
    expect(await valuesOf(engine, await cache.prefixOf(batchOf(1), keysOf(1)))).toEqual(first);
    expect(cache.hits).toBe(1);
    cache.close();
    disposeLlama(model);
  });

  it('keeps no more than it may', async () => {
    const { engine, model } = await tinyModel();
    const piece = TIME * config.hiddenSize * 4;
    const cache = new PrefixCache(engine, model, join(folder.path, 'small'), 2 * piece + 1);
    for (const window of [1, 2, 3, 1, 2, 3]) await valuesOf(engine, await cache.prefixOf(batchOf(window), keysOf(window)));
    expect(cache.bytes).toBe(2 * piece);
    expect(cache.hits).toBe(2);
    cache.close();
    disposeLlama(model);
  });
});

describe('a run', async () => {
  const tiny = await prepareTinyTraining();
  afterAll(() => tiny.remove());

  /** Bytes of the cache after each message about progress, while the run is trained. */
  async function cachedBytes(name: string, steps: number): Promise<number[]> {
    const job = tiny.job(name, { steps, context: 64, evaluation: { everySteps: 1000, tokens: 64 } });
    const path = join(job.runDirectory, 'prefix.cache');
    const sizes: number[] = [];
    await trainHere(job, (event) => {
      if (event.type === 'progress') sizes.push(existsSync(path) ? statSync(path).size : 0);
    });
    expect(existsSync(path)).toBe(false);
    return sizes;
  }

  it('keeps what frozen blocks make of windows that come again, until it ends', async () => {
    expect(Math.max(...(await cachedBytes('repeats', 60)))).toBeGreaterThan(0);
  });

  it('keeps nothing where every window comes once', async () => {
    expect(Math.max(...(await cachedBytes('once', 1)))).toBe(0);
  });
});
