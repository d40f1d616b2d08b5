import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { extendedBy, readExpansionFile, writeExpansionFile } from '../../../main/models/expansion/expansion-file.ts';
import type { Expansion, ExpansionStep } from '../../../shared/domain/expansion.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const folder = useTemporaryFolder();

const plan = { schemaVersion: 1 as const, baseBlocks: 2, inserted: [{ after: 1, copies: 1, position: 2 }] };
const base = { name: 'base', hash: 'abc' };

const identity: ExpansionStep = {
  id: 'expanded-1',
  name: 'expanded',
  base,
  method: { name: 'expand', plan },
  importance: null,
  training: null,
};

const untrained: Expansion = {
  schemaVersion: 3,
  base,
  line: [identity],
  frozen: { 'model.norm.weight': `BF16 ${'0f'.repeat(32)}` },
  changed: {},
};

const training: ExpansionStep['training'] = {
  run: 'run-1',
  datasets: [
    { name: 'law', role: 'new', hash: 'def', tokens: 900, share: 0.9 },
    { name: 'stories', role: 'old', hash: 'ghi', tokens: 100, share: 0.1 },
  ],
  replayShare: 0.1,
  steps: 100,
  tokens: 1000,
  gain: 0.5,
  forgetting: null,
};

const importance = {
  modelHash: 'abc',
  datasets: [{ name: 'stories', hash: 'ghi' }],
  context: 64,
  windows: 2,
  tokens: 126,
  loss: 2,
  blocks: [
    { block: 0, loss: 5, rise: 3, standardError: 0.1 },
    { block: 1, loss: 1.5, rise: -0.5, standardError: null },
  ],
  seconds: 1.5,
  engine: 'cpu',
};

const withStep = (changes: Partial<ExpansionStep>): Expansion => ({ ...untrained, line: [{ ...identity, ...changes }] });

/** What versions 1 and 2 kept of a run. */
const earlierTraining = {
  datasets: [
    { name: 'law', role: 'new', hash: 'def' },
    { name: 'stories', role: 'old', hash: 'ghi' },
  ],
  replayShare: 0.1,
  steps: 100,
  tokens: { 'law-1a': 900, 'stories-2b': 100 },
  gain: 0.5,
  forgetting: null,
};

const WRITTEN = 'the file as Strata wrote it, schemaVersion 1 to 4';

describe('expansion.json', () => {
  it.each<[string, Expansion]>([
    ['an identity', untrained],
    ['a trained model', withStep({ training })],
    ['a model whose blocks were placed by what they matter', withStep({ training, importance })],
    ['a model with merged adapters', withStep({ training, method: { name: 'lora', rank: 4, alpha: 8, targets: ['q_proj', 'v_proj'] } })],
    ['a model with trained blocks of its own', withStep({ training, method: { name: 'freeze', blocks: [0, 1] } })],
    ['a model trained as a whole', withStep({ training, method: { name: 'full' } })],
  ])('of %s is read as it was written', async (_what, expansion) => {
    await writeExpansionFile(folder.path, expansion);
    expect(await readExpansionFile(folder.path)).toEqual(expansion);
    expect(await folder.list()).toEqual(['expansion.json']);
  });

  it('of versions 1 and 2, which knew the last step only, is understood', async () => {
    const expected: Expansion = {
      ...untrained,
      line: [{ ...identity, id: null, name: null, training: { ...training, run: null } }],
      frozen: null,
      changed: null,
    };
    const fields = { base, training: earlierTraining };
    await folder.write('expansion.json', JSON.stringify({ schemaVersion: 1, ...fields, plan }));
    expect(await readExpansionFile(folder.path)).toEqual(expected);
    await folder.write('expansion.json', JSON.stringify({ schemaVersion: 2, ...fields, method: { name: 'expand', plan } }));
    expect(await readExpansionFile(folder.path)).toEqual(expected);
    await folder.write('expansion.json', JSON.stringify({ schemaVersion: 2, base, training: null, method: { name: 'full' } }));
    expect((await readExpansionFile(folder.path))!.line[0]).toMatchObject({ method: { name: 'full' }, training: null });
  });

  it('grows by a step and forgets none', () => {
    const second: ExpansionStep = { ...identity, id: 'second', base: { name: 'expanded', hash: 'def' } };
    const once = extendedBy(null, identity, { frozen: { a: 'hash' }, changed: { c: 'hash' } });
    const twice = extendedBy(once, second, { frozen: { b: 'hash' }, changed: {} });
    expect(once).toEqual({ schemaVersion: 3, base, line: [identity], frozen: { a: 'hash' }, changed: { c: 'hash' } });
    expect(twice).toEqual({ schemaVersion: 3, base, line: [identity, second], frozen: { b: 'hash' }, changed: {} });
  });

  it('is not there for a model that was not expanded', async () => {
    expect(await readExpansionFile(folder.path)).toBeNull();
  });

  it.each([
    ['cut short', JSON.stringify(untrained).slice(0, -5), WRITTEN],
    ['of a later version', JSON.stringify({ ...untrained, schemaVersion: 5 }), WRITTEN],
    ['without a line', JSON.stringify({ ...untrained, line: undefined }), 'line: a list'],
    [
      'with more steps than anybody makes',
      JSON.stringify({ ...untrained, line: Array(1001).fill(identity) }),
      'line: a list of at most 1000',
    ],
    ['with an empty line', JSON.stringify({ ...untrained, line: [] }), 'line: a list of at least 1'],
    [
      'with a hash that is none',
      JSON.stringify({ ...untrained, frozen: { 'model.norm.weight': 'BF16 abc' } }),
      'frozen.model.norm.weight: F32, F16 or BF16, a blank and a sha256',
    ],
    [
      'with a hash of no type',
      JSON.stringify({ ...untrained, frozen: { 'model.norm.weight': '0f'.repeat(32) } }),
      'frozen.model.norm.weight: F32, F16 or BF16, a blank and a sha256',
    ],
    ['without a method', JSON.stringify(withStep({ method: undefined as never })), 'line.0.method: an object'],
    [
      'of an unknown method',
      JSON.stringify(withStep({ method: { name: 'magic' } as never })),
      "line.0.method.name: 'expand' or 'lora' or 'full' or 'freeze'",
    ],
    ['of version 1 without its plan', JSON.stringify({ schemaVersion: 1, base, training: null }), 'plan: an object'],
    ['of version 2 without its method', JSON.stringify({ schemaVersion: 2, base, training: null }), 'method: an object'],
    [
      'with a plan of no block',
      JSON.stringify(withStep({ method: { name: 'expand', plan: { ...plan, baseBlocks: 0 } } })),
      'line.0.method.plan.baseBlocks: at least 1',
    ],
    [
      'with a position that is no number',
      JSON.stringify(
        withStep({ method: { name: 'expand', plan: { ...plan, inserted: [{ after: 'a', copies: 0, position: 1 } as never] } } }),
      ),
      'line.0.method.plan.inserted.0.after: a number',
    ],
    ['of another type', 'null', WRITTEN],
  ])('%s is refused, with what is wrong', async (_what, content, allowed) => {
    await folder.write('expansion.json', content);
    await expect(readExpansionFile(folder.path)).rejects.toMatchObject({
      code: 'CORRUPT',
      message: "expansion.json in the model's folder cannot be understood.",
      found: expect.stringMatching(/./) as string,
      allowed,
    });
  });

  it('of absurd length is refused without being read', async () => {
    await folder.write('expansion.json', '{');
    await truncate(join(folder.path, 'expansion.json'), 2 ** 40);
    await expect(readExpansionFile(folder.path)).rejects.toMatchObject({
      code: 'CORRUPT',
      found: '1099511627776 bytes',
      allowed: 'up to 64000000 bytes',
    });
  });
});
