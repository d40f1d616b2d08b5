import { describe, expect, it } from 'vitest';
import { type Expansion, readExpansionFile, writeExpansionFile } from '../../main/models/expansion-file.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();

const untrained: Expansion = {
  schemaVersion: 1,
  base: { name: 'base', hash: 'abc' },
  plan: { schemaVersion: 1, baseBlocks: 2, inserted: [{ after: 1, copies: 1, position: 2 }] },
  training: null,
};

const trained: Expansion = {
  ...untrained,
  training: {
    method: 'expand',
    datasets: [{ name: 'law', role: 'new', hash: 'def' }],
    replayShare: 0.1,
    steps: 100,
    tokens: { law: 900, stories: 100 },
    gain: 0.5,
    forgetting: null,
  },
};

describe('expansion.json', () => {
  it.each([
    ['an identity', untrained],
    ['a trained model', trained],
  ])('of %s is read as it was written', async (_what, expansion) => {
    await writeExpansionFile(folder.path, expansion);
    expect(await readExpansionFile(folder.path)).toEqual(expansion);
    expect(await folder.list()).toEqual(['expansion.json']);
  });

  it('is not there for a model that was not expanded', async () => {
    expect(await readExpansionFile(folder.path)).toBeNull();
  });

  it.each([
    ['cut short', JSON.stringify(untrained).slice(0, -5)],
    ['of a later version', JSON.stringify({ ...untrained, schemaVersion: 2 })],
    ['without its plan', JSON.stringify({ ...untrained, plan: undefined })],
    ['with a plan of no block', JSON.stringify({ ...untrained, plan: { ...untrained.plan, baseBlocks: 0 } })],
    [
      'with a position that is no number',
      JSON.stringify({ ...untrained, plan: { ...untrained.plan, inserted: [{ after: 'a', copies: 0, position: 1 }] } }),
    ],
    ['of another type', 'null'],
  ])('%s is refused, with what is wrong', async (_what, content) => {
    await folder.write('expansion.json', content);
    await expect(readExpansionFile(folder.path)).rejects.toMatchObject({
      code: 'CORRUPT',
      message: "expansion.json in the model's folder cannot be understood.",
      found: expect.stringMatching(/./) as string,
      allowed: 'the file as Strata wrote it, schemaVersion 1',
    });
  });
});
