import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTokenShard } from '../../main/datasets/token-shard.ts';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import type { Engine } from '../../main/engine/engine.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { measureImportance } from '../../main/training/importance-job.ts';
import type { ImportanceJob, TrainerEvent } from '../../main/training/messages.ts';
import { heldOutWindows } from '../../main/training/windows.ts';
import type { Importance } from '../../shared/domain/importance.ts';
import { toStrataError } from '../../shared/errors.ts';
import { fastEngine } from '../support/engines.ts';
import { referenceLoss } from '../support/reference-llama.ts';
import { randomWeights, shapesOf } from '../support/tiny-llama.ts';
import { prepareTinyTraining, type TinyTraining } from '../support/train-jobs.ts';
import { byteModelConfig, writeTinyModel } from '../support/workspace.ts';

let tiny: TinyTraining;
let engine: Engine;
let model: string;

/** Weights that make one block matter much and another nothing. */
const weights = randomWeights(byteModelConfig);
for (const name of ['self_attn.o_proj', 'mlp.down_proj']) {
  weights.get(`model.layers.2.${name}.weight`)!.fill(0);
  const strong = weights.get(`model.layers.0.${name}.weight`)!;
  for (const index of strong.keys()) strong[index]! *= 4;
}

beforeAll(async () => {
  tiny = await prepareTinyTraining();
  engine = await loadEngine(fastEngine, engineDirectory());
  model = `${tiny.directory}/measured`;
  await writeTinyModel(model, { weights });
});
afterAll(() => tiny.remove());

const job = (changes: Partial<ImportanceJob> = {}): ImportanceJob => ({
  kind: 'importance',
  engine: fastEngine,
  modelDirectory: model,
  modelHash: 'its hash',
  datasets: [{ name: 'stories', hash: 'h', heldOutPath: tiny.job('any').shards.find(({ role }) => role === 'old')!.heldOutPath }],
  context: 32,
  windows: 12,
  limitSeconds: 600,
  ...changes,
});

async function measure(changes: Partial<ImportanceJob> = {}): Promise<{ importance: Importance; events: TrainerEvent[] }> {
  const events: TrainerEvent[] = [];
  return { importance: await measureImportance(job(changes), engine, (event) => events.push(event)), events };
}

/** Mean loss by a plain LLaMA of the blocks that are left, on the same windows. */
async function lossByReference(left: readonly number[], windows: number, context: number): Promise<{ loss: number; tokens: number }> {
  const heldOut = await openTokenShard(job().datasets[0]!.heldOutPath);
  const measured = heldOutWindows([{ role: 'old', heldOut }], 'old', context, 1e9).slice(0, windows);
  await heldOut.close();
  const config = { ...byteModelConfig, blocks: left.length };
  const shapes = shapesOf(config);
  return tf.tidy(() => {
    const tensors = Object.fromEntries(
      [...shapes].map(([name, shape]) => {
        const source = name.replace(/layers\.(\d+)\./, (_, block) => `layers.${left[Number(block)]!}.`);
        return [name, tf.tensor(weights.get(source)!, shape)];
      }),
    );
    let loss = 0;
    let tokens = 0;
    for (const { tokens: ids } of measured) {
      const list = [...ids];
      loss += referenceLoss(config, tensors, [list.slice(0, -1)], [list.slice(1)]).dataSync()[0]! * (list.length - 1);
      tokens += list.length - 1;
    }
    return { loss: loss / tokens, tokens };
  });
}

describe('what each block matters', () => {
  it('is the rise of the held-out loss without it, as a plain LLaMA without the block has it', async () => {
    const { importance } = await measure();
    const whole = await lossByReference([0, 1, 2, 3], 12, 32);
    expect(importance).toMatchObject({ modelHash: 'its hash', datasets: [{ name: 'stories', hash: 'h' }], context: 32, windows: 12 });
    expect(importance.tokens).toBe(whole.tokens);
    expect(Math.abs(importance.loss - whole.loss)).toBeLessThan(1e-4);
    expect(importance.blocks.map(({ block }) => block)).toEqual([0, 1, 2, 3]);
    for (const { block, loss, rise, standardError } of importance.blocks) {
      const without = await lossByReference(
        [0, 1, 2, 3].filter((each) => each !== block),
        12,
        32,
      );
      expect(Math.abs(loss - without.loss), `block ${block}`).toBeLessThan(1e-4);
      expect(Math.abs(rise - (without.loss - whole.loss)), `block ${block}`).toBeLessThan(1e-4);
      expect(standardError).toBeGreaterThanOrEqual(0);
    }
  });

  it('is nothing, exactly, for a block that adds nothing', async () => {
    const { importance } = await measure();
    expect(importance.blocks[2]).toMatchObject({ rise: 0, standardError: 0, loss: importance.loss });
    expect(importance.blocks.every(({ block, rise }) => block === 2 || rise !== 0)).toBe(true);
  });

  it('is the same however the windows are cut into batches, and short windows count', async () => {
    const { importance } = await measure({ context: 64, windows: 1000 });
    const whole = await lossByReference([0, 1, 2, 3], 1000, 64);
    expect(importance.tokens).toBe(whole.tokens);
    expect(Math.abs(importance.loss - whole.loss)).toBeLessThan(1e-4);
    expect(importance.windows).toBeLessThan(1000); // there are no more
  });

  it('says how far it is, up to the end', async () => {
    const { events } = await measure();
    const done = events.flatMap((event) => (event.type === 'done' ? [event.done] : []));
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(done.at(-1)).toBe(12 * 5);
    expect(events).toContainEqual({ type: 'activity', text: 'measuring without block 3 of 4, windows 2 to 12 of 12' });
  });

  it('is measured on the first window at least, and on no more when time is up', async () => {
    const { importance } = await measure({ limitSeconds: 1e-6 });
    expect(importance).toMatchObject({ windows: 1, tokens: 31 });
    expect(importance.blocks.map(({ standardError }) => standardError)).toEqual([null, null, null, null]);
  });

  it('leaves nothing in the engine', async () => {
    const before = engine.liveTensors();
    await measure();
    expect(engine.liveTensors()).toBe(before);
  });

  it('cannot be said of a model that computes no numbers', async () => {
    const broken = new Map(weights);
    broken.set('model.norm.weight', new Float32Array(16).fill(NaN));
    await writeTinyModel(`${tiny.directory}/broken`, { weights: broken });
    const error = toStrataError(await measure({ modelDirectory: `${tiny.directory}/broken` }).catch((failure: unknown) => failure));
    expect(error).toMatchObject({ code: 'ENGINE', found: 'a loss of NaN with the whole model' });
  });
});
