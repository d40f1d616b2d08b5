import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { bytes, change, count, duration, fields, loss, percent, shortCount, table, tensorsByBlock } from '../../main/cli/format.ts';

test.each([
  [0.04, '0.0 s'],
  [9.94, '9.9 s'],
  [9.96, '10 s'],
  [59.4, '59 s'],
  [59.6, '1 min 0 s'],
  [119.7, '2 min 0 s'],
  [3599.4, '59 min 59 s'],
  [3599.6, '1 h 0 min'],
  [90_000, '25 h 0 min'],
])('%d seconds are %s', (seconds, text) => expect(duration(seconds)).toBe(text));

test.each([
  [999, '999'],
  [656_000, '656,000'],
  [2_828_736, '2.83 M'],
  [70_000_000_000, '70.00 B'],
])('%d parameters are %s', (value, text) => expect(shortCount(value)).toBe(text));

test.each([
  [999, '999 B'],
  [1_500, '1.5 kB'],
  [2_718_911, '2.7 MB'],
  [140_000_000_000, '140.00 GB'],
])('%d bytes are %s', (value, text) => expect(bytes(value)).toBe(text));

test('losses, their changes and shares', () => {
  expect([loss(2.80714), loss(null), change(0.69791), change(-0.0070684), change(0), change(null)]).toEqual([
    '2.8071',
    '-',
    '+0.6979',
    '-0.0071',
    '+0.0000',
    '-',
  ]);
  expect([percent(0.1), percent(0), percent(0.055), percent(1 / 3)]).toEqual(['10 %', '0 %', '5.5 %', '33.33 %']);
  expect(count(16_320)).toBe('16,320');
});

describe('a table', () => {
  test('has columns as wide as their widest cell, numbers to the right', () => {
    const text = stripVTControlCharacters(
      table(
        ['name', 'gain'],
        [
          ['a long name', '+0.7'],
          ['b', '-'],
        ],
      ),
    );
    expect(text.split('\n')).toEqual(['name         gain', 'a long name  +0.7', 'b               -']);
  });

  test('without rows is its headings', () => {
    expect(stripVTControlCharacters(table(['id', 'name'], []))).toBe('id  name');
  });
});

test('fields are aligned', () => {
  expect(
    fields([
      ['Run', 'first'],
      ['Forgetting', '0'],
    ]),
  ).toBe('Run         first\nForgetting  0');
});

test('trained tensors are told by block', () => {
  const names = ['model.layers.2.self_attn.q_proj.weight', 'model.norm.weight', 'model.layers.2.mlp.up_proj.weight'];
  expect(tensorsByBlock(names)).toEqual(['block 2: self_attn.q_proj, mlp.up_proj', 'outside the blocks: model.norm']);
  const adapters = [0, 1, 3].map((block) => `model.layers.${block}.mlp.up_proj.lora_A.weight`);
  expect(tensorsByBlock([...adapters, 'model.layers.2.mlp.gate_proj.weight'])).toEqual([
    'blocks 0, 1, 3: mlp.up_proj.lora_A',
    'block 2: mlp.gate_proj',
  ]);
});
