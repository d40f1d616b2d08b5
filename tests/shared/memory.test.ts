import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { shapeOf, type ShapeName } from '../../main/bench/shapes.ts';
import { blockParameters } from '../../shared/domain/llama-config.ts';
import { estimateMemory, MEMORY_PARTS, type MemoryRequest, planMemory } from '../../shared/domain/memory.ts';
import { countParameters, LORA_TARGETS, type Method } from '../../shared/domain/method.ts';
import { planExpansion } from '../../shared/domain/plan.ts';
import { tinyConfig } from '../support/tiny-llama.ts';

const config = { ...tinyConfig, blocks: 6 };
const expand = (place: number[]): Method => ({ name: 'expand', plan: planExpansion(6, undefined, place) });
const lora: Method = { name: 'lora', rank: 2, alpha: 4, targets: ['q_proj'] };
const request: MemoryRequest = { config, method: expand([5]), microBatch: 4, batch: 4, context: 16, isCompact: false, measuresDrift: true };

describe('the memory estimate', () => {
  it('is the sum of its parts', () => {
    const estimate = estimateMemory(request, true);
    expect(MEMORY_PARTS.reduce((sum, part) => sum + estimate[part], 0)).toBe(estimate.total);
    expect(MEMORY_PARTS.every((part) => estimate[part] > 0)).toBe(true);
  });

  it('grows with what is kept: linearly with the blocks of the backward pass and windows, faster with the context', () => {
    const kept = (changes: Partial<typeof request>): number => estimateMemory({ ...request, ...changes }, true).activations;
    const one = kept({});
    const frozen = kept({ method: expand([4]) }) - one;
    expect(frozen).toBeGreaterThan(0);
    expect(kept({ method: expand([3]) })).toBe(one + 2 * frozen); // positions 4 to 6
    expect(kept({ method: expand([4, 5]) })).toBeGreaterThan(one + 2 * frozen); // inputs of trained matrices are kept too
    expect(kept({ microBatch: 8 })).toBe(2 * one);
    expect(kept({ context: 32 })).toBeGreaterThan(2 * one);
  });

  it('counts a trained parameter with its gradient and two moments, whatever the method', () => {
    const methods: Method[] = [expand([0, 5]), lora, { name: 'full' }, { name: 'freeze', blocks: [2] }];
    for (const method of methods) {
      const { trainable } = countParameters(method, config);
      const { gradients, moments } = estimateMemory({ ...request, method }, true);
      expect([gradients, moments]).toEqual([4 * trainable, 8 * trainable]);
      // In micro-batches sums are there beside all activations.
      expect(estimateMemory({ ...request, method, batch: 8 }, true).gradients).toBe(6 * trainable);
    }
  });

  it('counts what training changes of the base twice, unless no drift is measured, and what is added once', () => {
    const weights = (method: Method): number => estimateMemory({ ...request, method }, true).weights;
    const { total } = countParameters({ name: 'full' }, config);
    expect(weights({ name: 'full' })).toBe(2 * 4 * total);
    expect(weights({ name: 'freeze', blocks: [5] })).toBe(4 * total + 4 * blockParameters(config));
    for (const method of [{ name: 'full' }, { name: 'freeze', blocks: [5] }] satisfies Method[]) {
      expect(estimateMemory({ ...request, method, measuresDrift: false }, true).weights).toBe(4 * total);
    }
    expect(weights(lora)).toBe(4 * countParameters(lora, config).total);
    expect(weights(request.method)).toBe(4 * countParameters(request.method, config).total);
  });

  it('counts two bytes for a frozen matrix of a bfloat16 base', () => {
    const { hiddenSize: C, intermediateSize: F, heads: H, keyValueHeads: K, headSize: D } = config;
    const block = 2 * (H * D * C) + 2 * (K * D * C) + 3 * C * F;
    const saved = (method: Method): number =>
      estimateMemory({ ...request, method }, true).weights - estimateMemory({ ...request, method, isCompact: true }, true).weights;
    expect(saved(expand([5]))).toBe(2 * 6 * block);
    expect(saved(lora)).toBe(2 * 6 * block);
    expect(saved({ name: 'full' })).toBe(2 * 6 * block); // the base, to measure drift from
    expect(saved({ name: 'freeze', blocks: [2, 4] })).toBe(2 * (4 + 2) * block); // four frozen, and two of the base
  });

  // Peaks of real runs, measurements and saving included: docs/performance.md, "Memory before the start".
  const LORA = { name: 'lora' as const, alpha: 32, targets: [...LORA_TARGETS] };
  it.each([
    ['base', 'expand', { name: 'expand', plan: planExpansion(6, 2, 'even') }, 1, false, 0.642e9],
    ['smollm2-135m', 'expand', { name: 'expand', plan: planExpansion(30, 6, 'even') }, 1, true, 1.8e9],
    ['smollm2-135m', 'lora', { ...LORA, rank: 16 }, 1, true, 1.66e9],
    ['smollm2-135m', 'lora of rank 192 in two micro-batches', { ...LORA, rank: 192 }, 2, true, 2.8e9],
    ['smollm2-135m', 'full', { name: 'full' }, 1, true, 4.27e9],
    ['smollm2-135m', 'full in four micro-batches', { name: 'full' }, 4, true, 4.93e9],
  ] satisfies [ShapeName, string, Method, number, boolean, number][])(
    'is within 15 %% of the measured peak: %s, %s',
    async (name, _, method, microBatches, isCompact, peak) => {
      const { config: shaped, batch, context } = await shapeOf(name, join(import.meta.dirname, '../../resources'));
      const run = { config: shaped, method, batch: microBatches * batch, microBatch: batch, context, isCompact, measuresDrift: true };
      expect(Math.abs(estimateMemory(run, true).total / peak - 1)).toBeLessThan(0.15);
    },
  );
});

describe('the memory plan', () => {
  const method: Method = { name: 'full' };
  const [kept, recomputed] = [true, false].map((keeps) => estimateMemory({ ...request, method }, keeps)) as [
    ReturnType<typeof estimateMemory>,
    ReturnType<typeof estimateMemory>,
  ];

  it('keeps activations where they fit, else computes them again, else does not fit', () => {
    expect(recomputed.activations).toBeLessThan(kept.activations / 2);
    const plan = (available: number): unknown => planMemory({ ...request, method }, available);
    expect(plan(kept.total)).toEqual({ ...kept, keepsActivations: true, available: kept.total, fits: true });
    expect(plan(kept.total - 1)).toEqual({
      ...recomputed,
      keepsActivations: false,
      available: kept.total - 1,
      fits: true,
    });
    expect(plan(recomputed.total - 1)).toMatchObject({ keepsActivations: false, fits: false });
  });
});
