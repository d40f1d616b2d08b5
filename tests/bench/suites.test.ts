import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { shapeOf } from '../../main/bench/shapes.ts';
import { casesOf, SUITE_NAMES } from '../../main/bench/suites.ts';
import { blocksOf, trainedConfig } from '../../shared/domain/method.ts';

const resources = join(import.meta.dirname, '../../resources');
const smol = await shapeOf('smollm2-135m', resources);
const base = await shapeOf('base', resources);

test('135 million parameters are expanded so that 6 of 30 blocks are new', () => {
  const [each] = casesOf('train-expand', smol);
  expect(trainedConfig(each!.method!, each!.config).blocks).toBe(30);
  const positions = blocksOf(each!.method!, each!.config).flatMap(({ trained }, position) => (trained ? [position] : []));
  expect(positions).toEqual([4, 9, 14, 19, 24, 29]);
  expect({ batch: each!.batch, context: each!.context }).toEqual({ batch: 1, context: 512 });
});

test('the embedded base is expanded as the demo does', () => {
  const [each] = casesOf('train-expand', base);
  expect([each!.config.blocks, trainedConfig(each!.method!, each!.config).blocks, each!.batch, each!.context]).toEqual([6, 8, 8, 256]);
});

test('full training is of the model as it is', () => {
  expect(casesOf('train-full', smol)).toMatchObject([{ task: 'train', method: { name: 'full' }, config: { blocks: 30 } }]);
});

describe('the sweeps', () => {
  test('context grows from 128 to 2048 tokens, all else alike', () => {
    const cases = casesOf('context', smol);
    expect(cases.map(({ context }) => context)).toEqual([128, 256, 512, 1024, 2048]);
    expect(new Set(cases.map((each) => JSON.stringify({ ...each, context: 0 }))).size).toBe(1);
  });

  test('inserted blocks grow from 1 to 16 on one base', () => {
    const cases = casesOf('inserted', smol);
    expect(cases.map((each) => trainedConfig(each.method!, each.config).blocks)).toEqual([31, 32, 34, 38, 46]);
    expect(new Set(cases.map(({ config }) => config.blocks))).toEqual(new Set([30]));
  });
});

test('windows that are asked for take the place of those that suit the shape', () => {
  for (const suite of ['train-expand', 'train-full', 'eval'] as const) {
    expect(casesOf(suite, smol, { batch: 4, context: 128 })).toMatchObject([{ batch: 4, context: 128 }]);
  }
});

test.each(SUITE_NAMES)('%s: what is generated fits into the context of every shape', async (suite) => {
  for (const name of ['base', 'smollm2-135m', 'tiny'] as const) {
    for (const { config, context, newTokens, task } of casesOf(suite, await shapeOf(name, resources))) {
      if (task === 'generate') expect(context + newTokens).toBeLessThanOrEqual(config.contextLength);
    }
  }
});
