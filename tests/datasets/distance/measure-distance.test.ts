import { describe, expect, it } from 'vitest';
import { measureDistance } from '../../../main/datasets/distance/measure-distance.ts';
import { lossSideOf, readHeldOut } from '../../../main/datasets/distance/held-out-loss.ts';
import { distanceReportSchema } from '../../../shared/domain/distance.ts';
import { randomStream } from '../../../shared/domain/random.ts';
import { writeDataset } from '../../support/dataset-folders.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const folder = useTemporaryFolder();

function documents(prefix: string, count: number, words = 60, seed = 1): string[] {
  const random = randomStream(seed);
  return Array.from({ length: count }, () => Array.from({ length: words }, () => `${prefix}${Math.floor(random() ** 2 * 200)}`).join(' '));
}
type Dataset = Awaited<ReturnType<typeof writeDataset>>;
const dataset = (name: string, prefix: string, count: number, seed?: number): Promise<Dataset> =>
  writeDataset(folder.path, name, { training: documents(prefix, count, 60, seed), heldOut: documents(prefix, 5, 60, (seed ?? 1) + 100) });

describe('the distance of texts', () => {
  it('is one for texts without a common word, with the same floor as within a side', async () => {
    const [a, b] = [await dataset('a', 'x', 100), await dataset('b', 'y', 60)];
    const report = await measureDistance({ new: [a], old: [b], seed: 3 });
    expect(distanceReportSchema.parse({ ...report, lossGap: null, seconds: 0 })).toEqual({ ...report, lossGap: null, seconds: 0 });
    expect(report.ngrams.map(({ n }) => n)).toEqual([1, 2, 3]);
    for (const { divergence, excess } of report.ngrams) {
      expect(divergence).toBeCloseTo(1, 9);
      expect(excess).toBeCloseTo(1, 9);
    }
    // A half of b has its 65 documents of 60 words, less than one of them apart.
    expect(report.wordsCompared).toBe(32 * 60);
    expect(report.new).toMatchObject({ datasets: [{ id: 'a-id', name: 'a' }], documents: 105, words: 105 * 60, isSample: false });
    for (const { floor } of report.ngrams) for (const value of Object.values(floor)) expect(value).toBeGreaterThan(0.001);
    expect(report.ngrams[0]!.floor.old).toBeLessThan(0.1);
    expect(report.vocabulary.shared).toBe(0);
    expect(report.vocabulary.words).toBeGreaterThan(100);
    expect(report.vocabulary.ceiling.new).toBeGreaterThan(0.8);
  });

  it('is the floor for texts of one source, whatever their sizes', async () => {
    const [a, b] = [await dataset('a', 'x', 300, 7), await dataset('b', 'x', 40, 8)];
    const { ngrams, vocabulary } = await measureDistance({ new: [a], old: [b], seed: 3 });
    expect(ngrams[0]!.excess).toBeLessThan(0.01);
    for (const { divergence, floor } of ngrams) expect(Math.abs(divergence - (floor.new + floor.old) / 2)).toBeLessThan(0.01);
    expect(Math.abs(vocabulary.shared - (vocabulary.ceiling.new + vocabulary.ceiling.old) / 2)).toBeLessThan(0.05);
  });

  it('is the same with the same seed, and reads no more than allowed', async () => {
    const [a, b] = [await dataset('a', 'x', 300), await dataset('b', 'y', 300)];
    const run = (seed: number): ReturnType<typeof measureDistance> =>
      measureDistance({ new: [a], old: [b], seed }, undefined, { sideBytes: 20_000, halfWords: 500 });
    const first = await run(1);
    expect(first.new).toMatchObject({ isSample: true });
    expect(first.new.bytes).toBeLessThan(40_000);
    expect(first.wordsCompared).toBe(500);
    expect(await run(1)).toEqual(first);
    expect((await run(2)).ngrams).not.toEqual(first.ngrams);
  });

  it('names old documents by their place in their own dataset', async () => {
    const old = await writeDataset(folder.path, 'old', {
      training: [...documents('y', 20), `${documents('x', 1)[0]} near`],
      heldOut: documents('z', 3),
    });
    const far = await dataset('far', 'q', 20);
    const { nearest } = await measureDistance({ new: [await dataset('a', 'x', 20)], old: [far, old], seed: 1 });
    expect(nearest).toHaveLength(10);
    expect(nearest[0]).toMatchObject({ dataset: 'old-id', name: 'old', document: 23, heldOut: false });
    expect(nearest[0]!.similarity).toBeGreaterThan(10 * nearest[1]!.similarity);
    expect(nearest[0]!.excerpt).toMatch(/^x\d+ x/);
  });

  it('is refused for too few words', async () => {
    const small = await writeDataset(folder.path, 'small', { training: ['one two'], heldOut: ['three'] });
    const empty = await writeDataset(folder.path, 'empty', { training: ['...'], heldOut: ['!'] });
    const a = await dataset('a', 'x', 20);
    await expect(measureDistance({ new: [a], old: [small], seed: 1 })).rejects.toMatchObject({
      code: 'BAD_INPUT',
      found: expect.stringMatching(/^halves of \d+ and \d+ words of new data, \d and \d of old$/) as string,
    });
    await expect(measureDistance({ new: [empty], old: [a], seed: 1 })).rejects.toMatchObject({ code: 'BAD_INPUT' });
  });
});

describe('the loss of a held-out part', () => {
  it('is bits over bytes, with the standard error of a ratio', () => {
    const parts = [
      { tokens: 10, bytes: 40, lossPerToken: 2 },
      { tokens: 30, bytes: 100, lossPerToken: 3 },
      { tokens: 0, bytes: 1, lossPerToken: null },
      { tokens: 20, bytes: 90, lossPerToken: 1.5 },
    ];
    const bits = [20, 90, 30].map((nats) => nats / Math.LN2);
    const ratio = (bits[0]! + bits[1]! + bits[2]!) / 230;
    const residuals = [bits[0]! - ratio * 40, bits[1]! - ratio * 100, bits[2]! - ratio * 90];
    const variance = residuals.reduce((sum, each) => sum + each * each, 0) / 2; // of three, with mean zero
    const side = lossSideOf(parts);
    expect(side).toMatchObject({ documents: 3, tokens: 60, bytes: 230 });
    expect(side.bitsPerByte).toBeCloseTo(ratio, 12);
    expect(side.standardError).toBeCloseTo((Math.sqrt(3) * Math.sqrt(variance)) / 230, 12);
    expect(lossSideOf(parts.slice(0, 1)).standardError).toBeNull();
    expect(() => lossSideOf(parts.slice(2, 3))).toThrow('nothing to measure the loss on');
  });

  it('is read of every dataset in proportion, at least one document, long ones cut', async () => {
    const a = await writeDataset(folder.path, 'a', { training: documents('x', 50), heldOut: documents('x', 50) });
    const b = await writeDataset(folder.path, 'b', { training: ['y'], heldOut: ['z'.repeat(5000)] });
    const all = await readHeldOut([a, b], 1_000_000, 1);
    expect(all).toHaveLength(51);
    const few = await readHeldOut([a, b], 2000, 1);
    expect(few.length).toBeLessThan(15);
    expect(few.at(-1)).toMatch(/^z+$/);
    expect(few.at(-1)!.length).toBeLessThan(2001);
    expect(few.slice(0, -1).length).toBeGreaterThan(0);
  });
});
