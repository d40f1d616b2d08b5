import { describe, expect, it } from 'vitest';
import { estimateTrainingMemory } from '../../shared/domain/memory.ts';
import { tinyConfig } from '../support/tiny-llama.ts';

const request = {
  config: tinyConfig,
  tracedBlocks: 2,
  addedBlocks: 1,
  trainableParameters: 1000,
  holdsBase: false,
  batch: 4,
  context: 16,
};

describe('the memory estimate', () => {
  it('grows with what is kept: linearly with blocks and windows, faster with the context', () => {
    const base = estimateTrainingMemory({ ...request, tracedBlocks: 0 });
    const kept = estimateTrainingMemory(request) - base;
    expect(estimateTrainingMemory({ ...request, tracedBlocks: 6 }) - base).toBeCloseTo(3 * kept);
    expect(estimateTrainingMemory({ ...request, batch: 8 }) - base).toBeCloseTo(2 * kept);
    expect(estimateTrainingMemory({ ...request, context: 32 }) - base).toBeGreaterThan(2 * kept);
  });

  it('counts a trained parameter with its gradient and two moments', () => {
    expect(estimateTrainingMemory({ ...request, trainableParameters: 2000 }) - estimateTrainingMemory(request)).toBe(1000 * 3 * 4);
  });

  it('is near what the demo was measured to take: 838 MB for two blocks inserted among six, 8 windows of 256 tokens', () => {
    const config = {
      ...tinyConfig,
      hiddenSize: 192,
      intermediateSize: 512,
      blocks: 6,
      heads: 6,
      keyValueHeads: 3,
      headSize: 32,
      vocabularySize: 2048,
    };
    const estimate = estimateTrainingMemory({
      ...request,
      config,
      tracedBlocks: 5,
      addedBlocks: 2,
      trainableParameters: 811_776,
      batch: 8,
      context: 256,
    });
    expect(estimate).toBeGreaterThan(0.6 * 838e6);
    expect(estimate).toBeLessThan(1.4 * 838e6);
  });
});
