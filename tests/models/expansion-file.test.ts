import { describe, expect, it } from 'vitest';
import { type Expansion, readExpansionFile, writeExpansionFile } from '../../main/models/expansion-file.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();

const plan = { schemaVersion: 1 as const, baseBlocks: 2, inserted: [{ after: 1, copies: 1, position: 2 }] };

const untrained: Expansion = {
  schemaVersion: 2,
  base: { name: 'base', hash: 'abc' },
  method: { name: 'expand', plan },
  training: null,
};

const trained: Expansion = {
  ...untrained,
  training: {
    datasets: [{ name: 'law', role: 'new', hash: 'def' }],
    replayShare: 0.1,
    steps: 100,
    tokens: { law: 900, stories: 100 },
    gain: 0.5,
    forgetting: null,
  },
};

describe('expansion.json', () => {
  it.each<[string, Expansion]>([
    ['an identity', untrained],
    ['a trained model', trained],
    ['a model with merged adapters', { ...trained, method: { name: 'lora', rank: 4, alpha: 8, targets: ['q_proj', 'v_proj'] } }],
    ['a model with trained blocks of its own', { ...trained, method: { name: 'freeze', blocks: [0, 1] } }],
    ['a model trained as a whole', { ...trained, method: { name: 'full' } }],
  ])('of %s is read as it was written', async (_what, expansion) => {
    await writeExpansionFile(folder.path, expansion);
    expect(await readExpansionFile(folder.path)).toEqual(expansion);
    expect(await folder.list()).toEqual(['expansion.json']);
  });

  it('of version 1, which knew expansion only, is understood', async () => {
    const { method: _, ...rest } = trained;
    const earlier = { ...rest, schemaVersion: 1, plan, training: { ...trained.training, method: 'expand' } };
    await folder.write('expansion.json', JSON.stringify(earlier));
    expect(await readExpansionFile(folder.path)).toEqual(trained);
  });

  it('is not there for a model that was not expanded', async () => {
    expect(await readExpansionFile(folder.path)).toBeNull();
  });

  it.each([
    ['cut short', JSON.stringify(untrained).slice(0, -5)],
    ['of a later version', JSON.stringify({ ...untrained, schemaVersion: 3 })],
    ['without its method', JSON.stringify({ ...untrained, method: undefined })],
    ['of an unknown method', JSON.stringify({ ...untrained, method: { name: 'magic' } })],
    ['of version 1 without its plan', JSON.stringify({ schemaVersion: 1, base: untrained.base, training: null })],
    ['with a plan of no block', JSON.stringify({ ...untrained, method: { name: 'expand', plan: { ...plan, baseBlocks: 0 } } })],
    [
      'with a position that is no number',
      JSON.stringify({ ...untrained, method: { name: 'expand', plan: { ...plan, inserted: [{ after: 'a', copies: 0, position: 1 }] } } }),
    ],
    ['of another type', 'null'],
  ])('%s is refused, with what is wrong', async (_what, content) => {
    await folder.write('expansion.json', content);
    await expect(readExpansionFile(folder.path)).rejects.toMatchObject({
      code: 'CORRUPT',
      message: "expansion.json in the model's folder cannot be understood.",
      found: expect.stringMatching(/./) as string,
      allowed: 'the file as Strata wrote it, schemaVersion 1 or 2',
    });
  });
});
