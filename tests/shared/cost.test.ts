import { describe, expect, it } from 'vitest';
import { evaluationFlops, trainingFlops } from '../../shared/domain/cost.ts';
import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import { LORA_TARGETS, type Method } from '../../shared/domain/method.ts';
import { planExpansion } from '../../shared/domain/plan.ts';

/** SmolLM2-135M. */
const config: LlamaConfig = {
  hiddenSize: 576,
  intermediateSize: 1536,
  blocks: 30,
  heads: 9,
  keyValueHeads: 3,
  headSize: 64,
  vocabularySize: 49_152,
  contextLength: 8192,
  normEpsilon: 1e-5,
  ropeTheta: 100_000,
  ropeScaling: null,
  slidingWindow: null,
  attentionBias: false,
  mlpBias: false,
  tiedEmbeddings: true,
  bosTokenId: 1,
  eosTokenId: 2,
};
/** As it was measured: six of thirty blocks are inserted ones. */
const expand: Method = { name: 'expand', plan: planExpansion(24, 6, 'even') };
const shorter = { ...config, blocks: 24 };

describe('the work of a token', () => {
  it('is what was counted, operation by operation, for 512 tokens: 225 GFLOP in matrices and 58 in the head expanding, 109 and 29 measuring', () => {
    // Counted from the shapes of every matrix product of a hand-written step; attention, of which a step may skip the masked part, apart.
    const matricesAndHead = { config: shorter, method: expand, context: 0 };
    expect((512 * trainingFlops(matricesAndHead)) / 1e9).toBeCloseTo(225 + 58, -0.3);
    expect((512 * evaluationFlops(matricesAndHead, false)) / 1e9).toBeCloseTo(109 + 29, -0.3);
    // Scores and mixture of one window through one block: 2 x 2 x T x T x H x D, twice that on the way back.
    const one: Method = { name: 'freeze', blocks: [29] };
    const attention = trainingFlops({ config, method: one, context: 512 }) - trainingFlops({ config, method: one, context: 0 });
    expect(512 * attention).toBe((30 + 2) * 4 * 512 * 512 * 576);
  });

  it('is less the nearer to the top what is trained lies, and measuring drift takes a second pass', () => {
    const at = (blocks: number[]): number => trainingFlops({ config, method: { name: 'freeze', blocks }, context: 512 });
    expect(at([29])).toBeLessThan(at([15]));
    expect(at([15])).toBeLessThan(at([0]));
    const full = { config, method: { name: 'full' as const }, context: 512 };
    expect(evaluationFlops(full, true)).toBe(2 * evaluationFlops(full, false));
  });

  it('is what is left without the frozen blocks below, for windows that come again', () => {
    const at = (repeatedShare: number): number =>
      trainingFlops({ config, method: { name: 'freeze', blocks: [20] }, context: 512, repeatedShare });
    // One block forward: matrices of 3 x 576 x 1536 + 2 x 576 x 576 + 2 x 576 x 192 numbers, and attention.
    const block = 2 * (3 * 576 * 1536 + 2 * 576 * 576 + 2 * 576 * 192) + 4 * 576 * 512;
    expect(at(0) - at(1)).toBe(20 * block);
    expect(at(0) - at(0.5)).toBe(10 * block);
  });

  it('of adapters is a little more than of the frozen model forward and backward', () => {
    const lora = trainingFlops({ config, method: { name: 'lora', rank: 16, alpha: 32, targets: [...LORA_TARGETS] }, context: 512 });
    const full = trainingFlops({ config, method: { name: 'full' }, context: 512 });
    expect(lora / full).toBeGreaterThan(0.6);
    expect(lora / full).toBeLessThan(0.85);
  });
});
