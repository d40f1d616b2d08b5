import { describe, expect, it } from 'vitest';
import { estimateMemory, MEMORY_PARTS, type MemoryRequest, planMemory } from '../../shared/domain/memory.ts';
import { countParameters, type Method } from '../../shared/domain/method.ts';
import { planExpansion } from '../../shared/domain/plan.ts';
import { tinyConfig } from '../support/tiny-llama.ts';

const config = { ...tinyConfig, blocks: 6 };
const expand = (place: number[]): Method => ({ name: 'expand', plan: planExpansion(6, undefined, place) });
const lora: Method = { name: 'lora', rank: 2, alpha: 4, targets: ['q_proj'] };
const request: MemoryRequest = { config, method: expand([5]), microBatch: 4, context: 16 };

describe('the memory estimate', () => {
  it('is the sum of its parts', () => {
    const estimate = estimateMemory(request, true);
    expect(MEMORY_PARTS.reduce((sum, part) => sum + estimate[part], 0)).toBe(estimate.total);
    expect(MEMORY_PARTS.every((part) => estimate[part] > 0)).toBe(true);
  });

  it('grows with what is kept: linearly with the blocks of the backward pass and windows, faster with the context', () => {
    const kept = (changes: Partial<typeof request>): number => estimateMemory({ ...request, ...changes }, true).activations;
    const one = kept({});
    expect(kept({ method: expand([3]) })).toBe(3 * one); // positions 4 to 6
    expect(kept({ method: { name: 'full' } })).toBe(6 * one);
    expect(kept({ microBatch: 8 })).toBe(2 * one);
    expect(kept({ context: 32 })).toBeGreaterThan(2 * one);
  });

  it('counts a trained parameter with its gradient and two moments, whatever the method', () => {
    const methods: Method[] = [expand([0, 5]), lora, { name: 'full' }, { name: 'freeze', blocks: [2] }];
    for (const method of methods) {
      const { trainable } = countParameters(method, config);
      const { gradients, moments } = estimateMemory({ ...request, method }, true);
      expect([gradients, moments]).toEqual([4 * trainable, 8 * trainable]);
    }
  });

  it('counts the base twice where training changes it, and what is added once', () => {
    const weights = (method: Method): number => estimateMemory({ ...request, method }, true).weights;
    const { total } = countParameters({ name: 'full' }, config);
    expect(weights({ name: 'full' })).toBe(2 * 4 * total);
    expect(weights({ name: 'freeze', blocks: [5] })).toBe(2 * 4 * total);
    expect(weights(lora)).toBe(4 * countParameters(lora, config).total);
    expect(weights(request.method)).toBe(4 * countParameters(request.method, config).total);
  });

  it('is near what the demo was measured to take: 838 MB for two blocks inserted among six, 8 windows of 256 tokens', () => {
    const base = {
      ...tinyConfig,
      hiddenSize: 192,
      intermediateSize: 512,
      blocks: 6,
      heads: 6,
      keyValueHeads: 3,
      headSize: 32,
      vocabularySize: 2048,
      tiedEmbeddings: true,
    };
    const method: Method = { name: 'expand', plan: planExpansion(6, 2, 'even') };
    const { total } = estimateMemory({ config: base, method, microBatch: 8, context: 256 }, true);
    expect(total).toBeGreaterThan(0.6 * 838e6);
    expect(total).toBeLessThan(1.4 * 838e6);
  });
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
    expect(plan(kept.total - 1)).toEqual({ ...recomputed, keepsActivations: false, available: kept.total - 1, fits: true });
    expect(plan(recomputed.total - 1)).toMatchObject({ keepsActivations: false, fits: false });
  });
});
