import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { datasetInfoSchema } from '../../shared/contract/datasets.ts';
import type { Studio } from '../../main/studio/studio.ts';
import { openTinyStudio, type TinyStudio } from '../support/workspace.ts';

let tiny: TinyStudio;
let studio: Studio;
beforeAll(async () => {
  tiny = await openTinyStudio();
  studio = tiny.studio;
});
afterAll(() => tiny.remove());

async function textsOf(dataset: string, part: 'train' | 'heldOut'): Promise<string[]> {
  const { documents } = await studio.datasetDocuments.range({ dataset, part, from: 0, count: 100 });
  return documents.map(({ text }) => text);
}

const make = (request: Partial<Parameters<Studio['datasetSamples']['make']>[0]>): ReturnType<Studio['datasetSamples']['make']> =>
  studio.datasetSamples.make({ dataset: tiny.newDataset.id, seed: 1, ...request });

describe('a sample', () => {
  it('has all held-out documents and some of the others, in their order, and says of what it is one', async () => {
    const sample = await make({ documents: 12 });
    expect(datasetInfoSchema.parse(sample)).toEqual(sample);
    expect(studio.datasets.list()).toContainEqual(sample);
    const { id, name, hash } = tiny.newDataset;
    expect(sample).toMatchObject({ name: `sample of ${name}`, sampleOf: { id, name, hash }, parent: null, version: 1 });
    expect(await textsOf(sample.id, 'heldOut')).toEqual(await textsOf(id, 'heldOut'));
    const [kept, all] = [await textsOf(sample.id, 'train'), await textsOf(id, 'train')];
    expect(kept).toHaveLength(12);
    const places = kept.map((text) => all.indexOf(text));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places).not.toContain(-1);
    expect(places).not.toEqual(Array.from({ length: 12 }, (_, index) => index));
    const { split } = await studio.datasets.show({ dataset: sample.id });
    expect(split!.share).toBeCloseTo(split!.bytes / sample.bytes, 9);
  });

  it('is the same for the same seed, another for another, and holds a smaller one', async () => {
    const [first, again, other, larger] = [
      await make({ share: 0.2 }),
      await make({ share: 0.2 }),
      await make({ share: 0.2, seed: 2 }),
      await make({ share: 0.4 }),
    ];
    expect(again!.hash).toBe(first!.hash);
    expect(other!.hash).not.toBe(first!.hash);
    expect(await textsOf(larger!.id, 'train')).toEqual(expect.arrayContaining(await textsOf(first!.id, 'train')));
  });

  it('has about as many tokens as were asked for, of the model that is named', async () => {
    // A token of the tiny model is a byte, beside one in front of every document.
    const sample = await make({ tokens: 3000, model: tiny.model.id });
    const trained = (await textsOf(sample.id, 'train')).reduce((sum, text) => sum + text.length + 1, 0);
    expect(Math.abs(trained - 3000)).toBeLessThan(300);
    const ofFour = await make({ tokens: 750 });
    expect(ofFour.hash).toBe((await make({ tokens: 750 })).hash);
    expect(Math.abs((await textsOf(ofFour.id, 'train')).join('').length - 3000)).toBeLessThan(300);
  });

  it('of a sample is one of the first dataset; a version of it without documents is none', async () => {
    const sample = await make({ share: 0.5, name: 'half' });
    const smaller = await make({ dataset: sample.id, documents: 5 });
    expect(smaller.sampleOf).toEqual(sample.sampleOf);
    const dropped = await studio.dataChecks.drop({ dataset: sample.id, documents: [0] });
    expect(dropped.sampleOf).toBeNull();
  });

  it('is refused without one size, and where it would be the whole', async () => {
    await expect(make({})).rejects.toMatchObject({ code: 'BAD_INPUT', found: 'no size' });
    await expect(make({ tokens: 100, share: 0.1 })).rejects.toMatchObject({ code: 'BAD_INPUT', found: 'tokens and share' });
    const before = studio.datasets.list().length;
    await expect(make({ documents: 1000 })).rejects.toThrow('A sample is less than the whole.');
    await expect(make({ tokens: 1_000_000 })).rejects.toThrow('A sample is less than the whole.');
    await expect(make({ dataset: 'nothing', documents: 1 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(studio.datasets.list()).toHaveLength(before);
  });
});
