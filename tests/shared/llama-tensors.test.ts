import { describe, expect, it } from 'vitest';
import { llamaTensors } from '../../shared/domain/llama-tensors.ts';
import { modelParameters } from '../../shared/domain/llama-config.ts';
import { rawModel } from '../support/raw-models.ts';
import { tinyConfig } from '../support/tiny-llama.ts';

describe.each([{ isTied: false }, { isTied: true }])('the tensors of a model (tied: $isTied)', ({ isTied }) => {
  const config = { ...tinyConfig, tiedEmbeddings: isTied };

  it('have the names and shapes of Hugging Face, in the order of the model', () => {
    const expected = [...rawModel({ isTied }).tensors].map(([name, { shape }]) => ({ name, shape }));
    expect(llamaTensors(config)).toEqual(expected);
  });

  it('have as many numbers as the model has parameters', () => {
    const sizes = llamaTensors(config).map(({ shape }) => shape.reduce((product, axis) => product * axis, 1));
    expect(sizes.reduce((sum, size) => sum + size)).toBe(modelParameters(config));
  });
});
