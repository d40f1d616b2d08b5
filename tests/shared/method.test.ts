import { describe, expect, it } from 'vitest';
import { chooseMethod, LORA_TARGETS, type MethodRequest, methodSchema, parseTrainBlocks } from '../../shared/domain/method.ts';
import { describeMethod } from '../../shared/domain/method-words.ts';
import { planExpansion } from '../../shared/domain/plan.ts';
import { StrataError } from '../../shared/errors.ts';
import { tinyConfig } from '../support/tiny-llama.ts';

const config = { ...tinyConfig, blocks: 30 };

describe('a method', () => {
  it.each<[MethodRequest, unknown]>([
    [{ method: 'expand' }, { name: 'expand', plan: planExpansion(30, undefined, 'even') }],
    [
      { method: 'expand', blocks: 2, place: 'top' },
      { name: 'expand', plan: planExpansion(30, 2, 'top') },
    ],
    [
      { method: 'expand', place: '3,7,7' },
      { name: 'expand', plan: planExpansion(30, undefined, [3, 7, 7]) },
    ],
    [{ method: 'full' }, { name: 'full' }],
    [
      { method: 'lora', rank: 4 },
      { name: 'lora', rank: 4, alpha: 8, targets: [...LORA_TARGETS] },
    ],
    [
      { method: 'lora', rank: 4, alpha: 4, targets: ['v_proj', 'q_proj', 'q_proj'] },
      { name: 'lora', rank: 4, alpha: 4, targets: ['q_proj', 'v_proj'] },
    ],
    [
      { method: 'freeze', trainBlocks: 'top:2' },
      { name: 'freeze', blocks: [28, 29] },
    ],
  ])('of the request %j has every option', (request, wanted) => {
    const method = chooseMethod(request, config);
    expect(method).toEqual(wanted);
    expect(methodSchema.parse(JSON.parse(JSON.stringify(method)))).toEqual(wanted);
  });

  it.each<[MethodRequest, { found: RegExp; allowed: RegExp; hint?: RegExp }]>([
    [
      { method: 'full', rank: 8 },
      { found: /^--rank 8$/, allowed: /^no options with full$/, hint: /method lora/ },
    ],
    [
      { method: 'lora', blocks: 2 },
      { found: /^--blocks 2$/, allowed: /^with lora: --rank, --alpha, --targets$/, hint: /method expand/ },
    ],
    [
      { method: 'freeze', trainBlocks: '1', place: 'even' },
      { found: /^--at even$/, allowed: /--train-blocks/, hint: /method expand/ },
    ],
    [
      { method: 'expand', trainBlocks: 'top:1' },
      { found: /^--train-blocks top:1$/, allowed: /--blocks, --at/, hint: /method freeze/ },
    ],
    [
      { method: 'lora', rank: 0 },
      { found: /^0$/, allowed: /from 1 to 8/ },
    ],
    [
      { method: 'lora', rank: 9 },
      { found: /^9$/, allowed: /from 1 to 8/ },
    ],
    [
      { method: 'lora', rank: 1.5 },
      { found: /^1\.5$/, allowed: /whole number/ },
    ],
    [
      { method: 'lora', rank: 4, alpha: 0 },
      { found: /^alpha 0$/, allowed: /above 0/ },
    ],
    [
      { method: 'lora', rank: 4, alpha: NaN },
      { found: /^alpha NaN$/, allowed: /above 0/ },
    ],
    [
      { method: 'lora', rank: 4, targets: ['lm_head'] },
      { found: /^lm_head$/, allowed: /q_proj/ },
    ],
    [
      { method: 'lora', rank: 4, targets: [] },
      { found: /no target/, allowed: /q_proj/ },
    ],
    [{ method: 'freeze' }, { found: /^none$/, allowed: /0 to 29/, hint: /top:2/ }],
    [
      { method: 'freeze', trainBlocks: '29,30' },
      { found: /^29,30$/, allowed: /0 to 29/ },
    ],
  ])('of the request %j is refused', (request, wanted) => {
    let error: unknown;
    try {
      chooseMethod(request, config);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(StrataError);
    expect(error).toMatchObject({ code: 'BAD_INPUT' });
    expect((error as StrataError).found).toMatch(wanted.found);
    expect((error as StrataError).allowed).toMatch(wanted.allowed);
    if (wanted.hint) expect((error as StrataError).hint).toMatch(wanted.hint);
  });
});

describe('the blocks to train', () => {
  it.each([
    ['5', [5]],
    ['7, 3,7', [3, 7]],
    ['bottom:3', [0, 1, 2]],
    ['TOP:1', [9]],
    ['top:10', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
  ])('%s are %j of ten', (text, blocks) => expect(parseTrainBlocks(text, 10)).toEqual(blocks));

  it.each(['10', 'top:0', 'top:11', 'middle:2', '-1', '1.5', '1,,2', '1;2', 'all', ''])('"%s" are none of ten', (text) => {
    expect(() => parseTrainBlocks(text, 10)).toThrow(StrataError);
  });
});

describe('a description in words', () => {
  it.each([
    [chooseMethod({ method: 'expand', place: '0,1' }, config), 'expand, new blocks at 1, 3'],
    [chooseMethod({ method: 'lora', rank: 4, alpha: 2 }, config), 'lora, rank 4, alpha 2, on all linear layers'],
    [chooseMethod({ method: 'lora', rank: 4, targets: ['q_proj', 'v_proj'] }, config), 'lora, rank 4, alpha 8, on q_proj, v_proj'],
    [chooseMethod({ method: 'full' }, config), 'full, every weight'],
    [chooseMethod({ method: 'freeze', trainBlocks: '3' }, config), 'freeze, trained blocks 3'],
  ])('of %j', (method, words) => expect(describeMethod(method)).toBe(words));
});
