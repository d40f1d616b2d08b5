import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { linearCka } from '../../main/llama/similarity.ts';
import { measureMovement } from '../../main/training/movement-job.ts';
import { type Movement, movementSchema } from '../../shared/domain/movement.ts';
import type { TrainJob } from '../../main/training/messages.ts';
import { fastEngine } from '../support/engines.ts';
import { randomPlain } from '../support/plain-tensor.ts';
import { prepareTinyTraining, tensorBytes, type TinyTraining, trainHere } from '../support/train-jobs.ts';

let tiny: TinyTraining;
beforeAll(async () => {
  tiny = await prepareTinyTraining();
});
afterAll(() => tiny.remove());

const engine = await loadEngine(fastEngine, engineDirectory());

function movementOf(job: TrainJob, withText = true): Promise<Movement> {
  const { heldOutPath } = job.shards.find(({ role }) => role === 'old')!;
  return measureMovement(
    {
      kind: 'movement',
      engine: fastEngine,
      modelDirectory: job.modelDirectory,
      baseModelDirectory: job.baseModelDirectory,
      method: job.configuration.method,
      datasets: withText ? [{ name: 'stories', heldOutPath }] : [],
      context: 32,
    },
    engine,
  );
}

const floatsOf = (bytes: Buffer): Float32Array => new Float32Array(Uint8Array.from(bytes).buffer);
const norm = (values: Iterable<number>): number => Math.sqrt([...values].reduce((sum, value) => sum + value ** 2, 0));

describe('how far a run moved its model', () => {
  it('with new blocks: the base’s own not at all, the new ones from the copies that they began as', async () => {
    const job = tiny.job('expanded');
    await trainHere(job);
    const before = engine.liveTensors();
    const movement = await movementOf(job);
    expect(engine.liveTensors()).toBe(before);
    expect(movementSchema.parse(movement)).toEqual(movement);
    const [model, base] = [
      await tensorBytes(join(job.modelDirectory, 'model.safetensors')),
      await tensorBytes(join(job.baseModelDirectory, 'model.safetensors')),
    ];
    expect(movement.tensors).toHaveLength(model.size);
    // After blocks 1 and 3 of four.
    const sources = [0, 1, 1, 2, 3, 3];
    for (const { name, block, from, beganAtZero, relative, changed } of movement.tensors) {
      const source = block === null ? name : name.replace(`layers.${block}.`, `layers.${sources[block]!}.`);
      expect(from).toBe(source);
      const [after, copied] = [floatsOf(model.get(name)!), floatsOf(base.get(source)!)];
      expect(beganAtZero, name).toBe((block === 2 || block === 5) && /o_proj|down_proj/.test(name));
      const difference = after.map((value, index) => value - (beganAtZero ? 0 : copied[index]!));
      expect(relative, name).toBeCloseTo(norm(difference) / norm(copied), 6);
      expect(changed, name).toBe(difference.filter((value) => value !== 0).length / after.length);
    }
    for (const { block, inserted, from, relative, changed } of movement.blocks) {
      expect([inserted, from]).toEqual([block === 2 || block === 5, sources[block]]);
      expect(relative! > 0).toBe(inserted);
      expect(changed > 0.9).toBe(inserted);
    }
    expect(movement.outside).toEqual({ relative: 0, changed: 0 });
    // Up to the first new block nothing can differ; behind it something does.
    const similarities = movement.blocks.map(({ similarity }) => similarity!);
    expect(similarities[0]).toBeCloseTo(1, 5);
    expect(similarities[1]).toBeCloseTo(1, 5);
    for (const similarity of similarities.slice(2)) {
      expect(similarity).toBeLessThan(0.9999);
      expect(similarity).toBeGreaterThan(0);
    }
    expect(movement.text!.datasets).toEqual(['stories']);
    expect(movement.text!.tokens % 32).toBe(0);
  });

  it('with all weights: everything, and without old text no hidden states are compared', async () => {
    const job = tiny.job('full', { method: { name: 'full' }, learningRate: 1e-3 });
    await trainHere(job);
    const movement = await movementOf(job, false);
    expect(movement.text).toBeNull();
    expect(movement.blocks.map(({ similarity }) => similarity)).toEqual([null, null, null, null]);
    expect(movement.blocks.every(({ inserted, relative, changed }) => !inserted && relative! > 0 && changed > 0.5)).toBe(true);
    expect(movement.outside.relative).toBeGreaterThan(0);
  });

  it('of a model that the method does not make is refused', async () => {
    const job = tiny.job('expanded');
    const other = { ...job, configuration: { ...job.configuration, method: { name: 'full' as const } } };
    await expect(movementOf(other)).rejects.toMatchObject({ code: 'CONFLICT', found: '6 blocks', allowed: '4 blocks' });
  });
});

describe('linear CKA', () => {
  const [rows, width] = [40, 7];
  const x = randomPlain([rows, width], 1).values;
  const y = randomPlain([rows, width], 2).values;
  const cka = async (a: ArrayLike<number>, b: ArrayLike<number>): Promise<number> => {
    const tensors = [a, b].map((values) => engine.tensor(Float32Array.from(values), [rows, width]));
    const value = await linearCka(engine, tensors[0]!, tensors[1]!);
    engine.dispose(...tensors);
    return value;
  };

  /** By kernels: `<K, L> / (|K| |L|)` of the centred Gram matrices, which is the same by another way. */
  function plainCka(a: ArrayLike<number>, b: ArrayLike<number>): number {
    const gram = (values: ArrayLike<number>): number[] => {
      const means = Array.from({ length: width }, (_, column) => {
        let sum = 0;
        for (let row = 0; row < rows; row++) sum += values[row * width + column]!;
        return sum / rows;
      });
      return Array.from({ length: rows * rows }, (_, index) => {
        const [i, j] = [Math.floor(index / rows), index % rows];
        return means.reduce((sum, mean, column) => sum + (values[i * width + column]! - mean) * (values[j * width + column]! - mean), 0);
      });
    };
    const [k, l] = [gram(a), gram(b)];
    return k.reduce((sum, value, index) => sum + value * l[index]!, 0) / (norm(k) * norm(l));
  }

  it('is what its definition by kernels says', async () => {
    expect(await cka(x, y)).toBeCloseTo(plainCka(x, y), 5);
    const mixed = x.map((value, index) => value + 0.5 * y[index]!);
    expect(await cka(x, mixed)).toBeCloseTo(plainCka(x, mixed), 5);
  });

  it('does not change by scale and place, and is 1 of the same states', async () => {
    expect(
      await cka(
        x,
        x.map((value) => 1e4 * value + 3),
      ),
    ).toBeCloseTo(1, 4);
    expect(
      await cka(
        x,
        x.map((value) => 1e-6 * value),
      ),
    ).toBeCloseTo(1, 4);
  });
});
