import { describe, expect, it } from 'vitest';
import { llamaTensors } from '../../shared/domain/llama-tensors.ts';
import { type Method, trainedTensors } from '../../shared/domain/method.ts';
import { planExpansion } from '../../shared/domain/plan.ts';
import { groupsOf, learningRateFactor } from '../../shared/domain/tensor-groups.ts';
import { tinyConfig } from '../support/tiny-llama.ts';

const full: Method = { name: 'full' };

describe('the groups of a tensor', () => {
  it.each([
    ['model.embed_tokens.weight', ['embeddings']],
    ['lm_head.weight', ['embeddings']],
    ['model.norm.weight', ['norms']],
    ['model.layers.1.input_layernorm.weight', ['norms']],
    ['model.layers.1.post_attention_layernorm.weight', ['norms']],
    ['model.layers.1.self_attn.o_proj.weight', ['attention']],
    ['model.layers.1.mlp.gate_proj.weight', ['mlp']],
  ])('%s are %j', (name, groups) => expect(groupsOf(name, full)).toEqual(groups));

  it('are of one kind each, and the kinds cover all', () => {
    for (const { name } of llamaTensors(tinyConfig)) expect(groupsOf(name, full)).toHaveLength(1);
  });

  it('know inserted blocks by the plan, and adapters', () => {
    const expand: Method = { name: 'expand', plan: planExpansion(3, undefined, [0]) };
    expect(groupsOf('model.layers.1.mlp.up_proj.weight', expand)).toEqual(['mlp', 'inserted']);
    expect(groupsOf('model.layers.2.mlp.up_proj.weight', expand)).toEqual(['mlp']);
    const lora: Method = { name: 'lora', rank: 2, alpha: 2, targets: ['q_proj'] };
    for (const { name } of trainedTensors(lora, tinyConfig)) expect(groupsOf(name, lora)).toEqual(['attention', 'adapters']);
  });

  it('multiply the learning rate with the factors of all of them', () => {
    const expand: Method = { name: 'expand', plan: planExpansion(3, undefined, [0]) };
    const factors = { embeddings: 2, norms: 3, attention: 5, mlp: 7, inserted: 11, adapters: 13 };
    expect(learningRateFactor('model.layers.1.mlp.up_proj.weight', expand, factors)).toBe(77);
    expect(learningRateFactor('model.norm.weight', expand, factors)).toBe(3);
  });
});
