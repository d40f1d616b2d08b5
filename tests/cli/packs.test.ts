import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Composed, ModelPacks, PackProof } from '../../shared/contract/packs.ts';
import type { Explanation, Generated } from '../../shared/contract/text.ts';
import type { GateEvaluation } from '../../shared/domain/gate.ts';
import { fastEngine } from '../support/engines.ts';
import { StrataHere } from '../support/strata-command.ts';
import { writeTinySources } from '../support/workspace.ts';

/** Packs and text on the command line: each test goes on from the one before. */

let directory: string;
let strata: StrataHere;
const ENGINE = ['--engine', fastEngine];
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strata-packs-'));
  strata = new StrataHere(join(directory, 'home'));
  const sources = await writeTinySources(directory);
  await strata.json('model', 'import', sources.model);
  await strata.json('data', 'import', sources.newText, '--name', 'code');
  await strata.json('data', 'import', sources.oldText, '--name', 'stories');
  const how = ['--steps', '12', '--batch', '2', '--context', '32', '--lr', '0.05', ...ENGINE];
  await strata.json('train', '--model', 'tiny', '--new', 'code', '--old', 'stories', '--at', '1', '--name', 'first', ...how);
  await strata.json('train', '--model', 'first', '--new', 'code', '--at', '2', '--name', 'second', ...how);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test('packs are listed and proved, for people and for scripts', async () => {
  const { packs } = await strata.json<ModelPacks>('pack', 'list', 'second');
  expect(packs.map(({ number, name, positions }) => [number, name, positions])).toEqual([
    [1, 'first', [2]],
    [2, 'second', [3]],
  ]);
  const proof = await strata.json<PackProof>('pack', 'prove', 'second', ...ENGINE);
  expect(proof).toMatchObject({ isProved: true, maxLogitDifference: 0, base: { name: 'tiny' } });
  const { stdout } = await strata.run('pack', 'list', 'second');
  expect(stdout).toMatch(/^ +1 +first +2 +[\d,]+ +1 +code +\+[\d.]+ +yes$/m);
  expect(stdout).toMatch(/^Without its packs it is "tiny", sha256 [0-9a-f]{16}…\.$/m);
  expect(stdout).toMatch(/^Proved at .*: yes\.$/m);
});

test('a composition says what it made and what is to be minded', async () => {
  const { model, warnings } = await strata.json<Composed>('pack', 'compose', 'second:2=0.5', '--name', 'half');
  expect(model).toMatchObject({ name: 'half', blocks: 5 });
  expect(warnings.join(' ')).toMatch(/trained on top of pack 1, which is not here.*strength 0\.5/);
  expect((await strata.json<ModelPacks>('pack', 'list', 'half')).packs).toMatchObject([{ name: 'second', strength: 0.5 }]);
  const { stdout } = await strata.run('model', 'show', 'half');
  expect(stdout).toMatch(/pack second at 0\.5 put on it/);
  expect(await strata.failure('pack', 'compose', 'second:3')).toMatchObject({ code: 'BAD_INPUT', exitCode: 2, allowed: '1, 2' });
  expect(await strata.failure('pack', 'compose', 'second:2=strong')).toMatchObject({ code: 'BAD_INPUT', found: 'second:2=strong' });
  expect(await strata.failure('pack', 'compose', 'tiny')).toMatchObject({ code: 'BAD_INPUT' });
});

test('a gate is evaluated, and decides for a prompt', async () => {
  const evaluation = await strata.json<GateEvaluation>(
    'pack',
    'gate',
    'second',
    '--pack',
    '1',
    '--tokens',
    '4',
    '8',
    '--documents',
    '5',
    ...ENGINE,
  );
  expect(evaluation.pack).toBe(1);
  expect(evaluation.results.map(({ tokens, figures }) => [tokens, figures.length])).toEqual([
    [4, 2],
    [8, 2],
  ]);
  expect(await strata.failure('pack', 'gate', 'second', '--tokens', 'few')).toMatchObject({ code: 'BAD_INPUT', found: 'few' });
  const gated = await strata.json<Generated>(
    'generate',
    'first',
    '--prompt',
    'let total = 7;',
    '--max-tokens',
    '4',
    '--gate',
    '6',
    ...ENGINE,
  );
  expect(gated.gate).toMatchObject({ tokens: 6 });
  const { stdout } = await strata.run('generate', 'first', '--prompt', 'let total = 7;', '--max-tokens', '4', '--gate', ...ENGINE);
  expect(stdout).toMatch(/^The pack is (used|left out): on 14 tokens of the prompt the loss is [\d.]+ with it and [\d.]+ without\.$/m);
});

test('packs are dialled all together or one by one, and two models are compared token by token', async () => {
  const generate = (...more: string[]): Promise<Generated & { explanation?: Explanation }> =>
    strata.json('generate', 'second', '--prompt', 'let ', '--max-tokens', '5', ...ENGINE, ...more);
  const base = await strata.json<Generated>('generate', 'tiny', '--prompt', 'let ', '--max-tokens', '5', ...ENGINE);
  expect(await generate('--strength', '0')).toEqual(base);
  expect((await generate('--strength', '1=0', '2=0')).tokenIds).toEqual(base.tokenIds);
  const { explanation, tokenIds } = await generate('--compare', 'tiny');
  expect(explanation!.tokens.filter(({ isPrompt }) => !isPrompt).map(({ id }) => id)).toEqual(tokenIds);
  const { stdout } = await strata.run('generate', 'second', '--prompt', 'let ', '--max-tokens', '5', '--compare', 'tiny', ...ENGINE);
  expect(stdout).toMatch(/^token +in +tiny +second +difference/m);
  expect(stdout).toMatch(/ block [23]: [+-]\d\.\d{4}$/m);
  for (const wrong of ['2', '-1', 'x=1', '3=0.5']) {
    expect(await strata.failure('generate', 'second', '--prompt', 'a', `--strength=${wrong}`), wrong).toMatchObject({
      code: 'BAD_INPUT',
      exitCode: 2,
    });
  }
  expect(await strata.failure('generate', 'tiny', '--prompt', 'a', '--strength', '0.5')).toMatchObject({ code: 'BAD_INPUT' });
  expect(await strata.failure('generate', 'second', '--prompt', 'a', '--gate-pack', '1')).toMatchObject({ code: 'BAD_INPUT' });
});
