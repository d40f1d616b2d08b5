import { describe, expect, it } from 'vitest';
import { blockOwners, type ExpansionStep, originOfTensor, presentPositions, sourceOfTensor } from '../../shared/domain/expansion.ts';
import type { Method } from '../../shared/domain/method.ts';
import { planExpansion } from '../../shared/domain/plan.ts';

const step = (method: Method): ExpansionStep => ({
  id: null,
  name: null,
  base: { name: 'base', hash: 'h' },
  method,
  importance: null,
  training: null,
});
const expand = (blocks: number, ...after: number[]): ExpansionStep =>
  step({ name: 'expand', plan: planExpansion(blocks, undefined, after) });
const lora = step({ name: 'lora', rank: 2, alpha: 4, targets: ['q_proj', 'down_proj'] });

describe('blocks of a model after several steps', () => {
  // 0 1 2 -> 0 1 [a] 2 -> [lora] -> 0 [b] 1 a [b] 2 [b]
  const line = [expand(3, 1), lora, expand(4, 0, 2, 3)];

  it('belong to the step that inserted them', () => {
    expect(blockOwners({ line }, 7)).toEqual(['base', 2, 'base', 0, 2, 'base', 2]);
    expect(blockOwners({ line: line.slice(0, 2) }, 4)).toEqual(['base', 'base', 0, 'base']);
    expect(blockOwners({ line: [] }, 2)).toEqual(['base', 'base']);
    expect(blockOwners({ line: [step({ name: 'full' }), step({ name: 'freeze', blocks: [0] })] }, 2)).toEqual(['base', 'base']);
  });

  it('are found again: where what a step inserted stands now', () => {
    expect(presentPositions({ line }, 0, [2])).toEqual([3]);
    expect(presentPositions({ line }, 2, [1, 4, 6])).toEqual([1, 4, 6]);
    for (const [index, { method }] of line.entries()) {
      const inserted = method.name === 'expand' ? method.plan.inserted.map(({ position }) => position) : [];
      const owned = blockOwners({ line }, 7).flatMap((owner, block) => (owner === index ? [block] : []));
      expect(presentPositions({ line }, index, inserted)).toEqual(owned);
    }
  });

  it('have the bytes of an earlier model where no step has changed them', () => {
    const up = (block: number): string => `model.layers.${block}.mlp.up_proj.weight`;
    expect(originOfTensor({ line }, 0, up(5))).toBe(up(2)); // the base's last block
    expect(originOfTensor({ line }, 0, up(3))).toBeNull(); // inserted by the first step
    expect(originOfTensor({ line }, 1, up(3))).toBe(up(2)); // and there before the second
    expect(originOfTensor({ line }, 2, up(3))).toBe(up(2));
    expect(originOfTensor({ line }, 2, up(1))).toBeNull(); // inserted by the last
    const down = 'model.layers.5.mlp.down_proj.weight';
    expect(originOfTensor({ line }, 0, down)).toBeNull(); // an adapter was merged into it
    expect(originOfTensor({ line }, 2, down)).toBe('model.layers.3.mlp.down_proj.weight');
    expect(originOfTensor({ line }, 0, 'model.norm.weight')).toBe('model.norm.weight');
  });
});

describe('what a step keeps of its base', () => {
  it.each<[string, Method, string, string | null]>([
    ['everything but adapters’ matrices', lora.method, 'model.layers.1.self_attn.k_proj.weight', 'model.layers.1.self_attn.k_proj.weight'],
    ['not what adapters are merged into', lora.method, 'model.layers.1.self_attn.q_proj.weight', null],
    ['a bias beside an adapter', lora.method, 'model.layers.1.self_attn.q_proj.bias', 'model.layers.1.self_attn.q_proj.bias'],
    [
      'the blocks that are not trained',
      { name: 'freeze', blocks: [1] },
      'model.layers.0.mlp.up_proj.weight',
      'model.layers.0.mlp.up_proj.weight',
    ],
    ['not those that are', { name: 'freeze', blocks: [1] }, 'model.layers.1.input_layernorm.weight', null],
    ['the embedding', { name: 'freeze', blocks: [1] }, 'model.embed_tokens.weight', 'model.embed_tokens.weight'],
    ['nothing, where all is trained', { name: 'full' }, 'model.embed_tokens.weight', null],
  ])('%s', (_what, method, name, source) => {
    expect(sourceOfTensor(method)(name)).toBe(source);
  });
});
