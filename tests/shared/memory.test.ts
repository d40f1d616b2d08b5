import { describe, expect, it } from 'vitest';
import { estimateMemory, MEMORY_PARTS, type MemoryRequest, planMemory } from '../../shared/domain/memory.ts';
import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import { countParameters, LORA_TARGETS, type Method } from '../../shared/domain/method.ts';
import { planExpansion } from '../../shared/domain/plan.ts';
import { tinyConfig } from '../support/tiny-llama.ts';

const config = { ...tinyConfig, blocks: 6 };
const expand = (place: number[]): Method => ({ name: 'expand', plan: planExpansion(6, undefined, place) });
const lora: Method = { name: 'lora', rank: 2, alpha: 4, targets: ['q_proj'] };
const request: MemoryRequest = { config, method: expand([5]), microBatch: 4, context: 16, isCompact: false };

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

  it('counts two bytes for a frozen matrix of a bfloat16 base', () => {
    const { hiddenSize: C, intermediateSize: F, heads: H, keyValueHeads: K, headSize: D } = config;
    const block = 2 * (H * D * C) + 2 * (K * D * C) + 3 * C * F;
    const saved = (method: Method): number =>
      estimateMemory({ ...request, method }, true).weights - estimateMemory({ ...request, method, isCompact: true }, true).weights;
    expect(saved(expand([5]))).toBe(2 * 6 * block);
    expect(saved(lora)).toBe(2 * 6 * block);
    expect(saved({ name: 'full' })).toBe(2 * 6 * block); // the base, to measure drift from
    expect(saved({ name: 'freeze', blocks: [2, 4] })).toBe(2 * (6 + 4) * block);
  });

  /** Peaks of `strata bench`, docs/performance.md. */
  const SMOLLM2 = {
    ...tinyConfig,
    hiddenSize: 576,
    intermediateSize: 1536,
    blocks: 30,
    heads: 9,
    keyValueHeads: 3,
    headSize: 64,
    vocabularySize: 49_152,
    tiedEmbeddings: true,
  };
  const BASE = {
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
  const every: Method = { name: 'lora', rank: 16, alpha: 32, targets: [...LORA_TARGETS] };
  it.each([
    ['SmolLM2-135M, expand', { ...SMOLLM2, blocks: 24 }, { name: 'expand', plan: planExpansion(24, 6, 'even') }, 1, 512, 1.628e9],
    [
      'SmolLM2-135M, expand in the top half',
      { ...SMOLLM2, blocks: 24 },
      { name: 'expand', plan: planExpansion(24, undefined, [13, 15, 17, 19, 21, 23]) },
      1,
      512,
      1.407e9,
    ],
    ['SmolLM2-135M, LoRA', SMOLLM2, every, 1, 512, 1.62e9],
    ['SmolLM2-135M, full', SMOLLM2, { name: 'full' }, 1, 512, 3.682e9 + 0.326e9], // with the base, which the benchmark does not load
    ['the embedded base, expand', BASE, { name: 'expand', plan: planExpansion(6, 2, 'even') }, 8, 256, 0.633e9],
    ['the embedded base, LoRA', BASE, every, 8, 256, 0.69e9],
    ['the embedded base, full', BASE, { name: 'full' }, 8, 256, 0.764e9],
  ] satisfies [string, LlamaConfig, Method, number, number, number][])(
    'is within 15 %% of the measured peak: %s',
    (_, measured, method, microBatch, context, peak) => {
      const { total } = estimateMemory({ config: measured, method, microBatch, context, isCompact: true }, true);
      expect(Math.abs(total / peak - 1)).toBeLessThan(0.15);
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
    expect(plan(kept.total - 1)).toEqual({ ...recomputed, keepsActivations: false, available: kept.total - 1, fits: true });
    expect(plan(recomputed.total - 1)).toMatchObject({ keepsActivations: false, fits: false });
  });
});
