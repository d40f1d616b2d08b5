import { describe, expect, it } from 'vitest';
import { planRunMemory } from '../../main/studio/run-memory.ts';
import { availableMemory } from '../../main/training/process-memory.ts';
import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import { planExpansion } from '../../shared/domain/plan.ts';
import { StrataError } from '../../shared/errors.ts';
import { configurationRecord } from '../support/run-records.ts';
import { byteModelConfig } from '../support/workspace.ts';

/** LLaMA 3.1 405B: 1.6 TB of 32-bit floats. */
const largest: LlamaConfig = {
  ...byteModelConfig,
  hiddenSize: 16_384,
  intermediateSize: 53_248,
  blocks: 126,
  heads: 128,
  keyValueHeads: 8,
  headSize: 128,
  vocabularySize: 128_256,
  contextLength: 131_072,
};

function refusalOf(...call: Parameters<typeof planRunMemory>): StrataError {
  try {
    planRunMemory(...call);
  } catch (error) {
    expect(error).toBeInstanceOf(StrataError);
    return error as StrataError;
  }
  throw new Error('It was not refused.');
}

describe('a run that does not fit into the memory', () => {
  const method = { name: 'expand' as const, plan: planExpansion(126, 2, 'top') };

  it('is refused with the numbers: what it needs, in which parts, and what there is', () => {
    const error = refusalOf(configurationRecord({ method, context: 512 }), { config: largest, isBfloat16: false });
    expect(error).toMatchObject({ code: 'BAD_INPUT', allowed: `${(availableMemory() / 1e9).toFixed(1)} GB` });
    expect(error.found).toMatch(
      /^about [\d.]+ GB for 128 blocks and 4 windows of 512 tokens at once: weights 1[\d.]+ GB, moments [\d.]+ GB, gradients [\d.]+ GB, activations [\d.]+ GB, head [\d.]+ GB, engine 0\.5 GB$/,
    );
    expect(error.hint).toMatch(/smaller model/);
  });

  it('is told what helps against the part that needs most', () => {
    const narrow = { ...byteModelConfig, hiddenSize: 64, intermediateSize: 64, contextLength: 1e6 };
    const small = { name: 'expand' as const, plan: planExpansion(4, 1, 'top') };
    const long = refusalOf(configurationRecord({ method: small, batch: 4096, microBatch: 4096, context: 100_000 }), {
      config: narrow,
      isBfloat16: false,
    });
    expect(long.hint).toMatch(/smaller micro-batch.*accumulated/);
  });
});

it('a run that fits is planned with activations kept', () => {
  const plan = planRunMemory(configurationRecord(), { config: byteModelConfig, isBfloat16: true });
  expect(plan).toMatchObject({ keepsActivations: true, available: availableMemory() });
  expect(plan.total).toBeLessThan(availableMemory());
});
