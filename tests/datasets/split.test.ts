import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { splitDocuments, TARGET_STANDARD_ERROR } from '../../main/datasets/split.ts';
import { randomStream } from '../../shared/domain/random.ts';

const keyOf = (name: string): number => createHash('sha256').update(name).digest().readUIntBE(0, 6);

function documents(count: number, sizes: (index: number) => number): { bytes: number[]; keys: number[] } {
  const indices = Array.from({ length: count }, (_, index) => index);
  return { bytes: indices.map(sizes), keys: indices.map((index) => keyOf(`document ${index}`)) };
}

describe('split', () => {
  it('holds some out, never all, at most a fifth of the text where documents are small, whole clusters, in any order', () => {
    const random = randomStream(1);
    for (let round = 0; round < 100; round++) {
      const count = 2 + Math.floor(random() * 200);
      const { bytes, keys } = documents(count, () => 1 + Math.floor(random() * 5000));
      const clusters = bytes.map((_, index) => (index < 2 ? index : Math.floor(random() * count)));
      const seed = round % 3;
      const { heldOut, report } = splitDocuments({ bytes, keys, clusters, seed });
      const held = heldOut.reduce((sum, each) => sum + each, 0);
      expect(held).toBeGreaterThan(0);
      expect(held).toBeLessThan(count);
      const sides = new Map<number, number>();
      const straddling = clusters.filter((cluster, index) => {
        const side = sides.get(cluster) ?? heldOut[index]!;
        sides.set(cluster, side);
        return side !== heldOut[index];
      });
      expect(straddling).toEqual([]);
      const total = bytes.reduce((sum, each) => sum + each, 0);
      const size = bytes.reduce((sum, each, index) => sum + each * heldOut[index]!, 0);
      expect(report).toMatchObject({ documents: held, bytes: size, share: size / total });
      if (new Set(clusters.filter((_, index) => heldOut[index])).size > 1) expect(size).toBeLessThanOrEqual(0.2 * total);
      expect(report.note === null).toBe(report.estimatedStandardError <= TARGET_STANDARD_ERROR);
      // The same documents in another order, with other names for their clusters.
      const order = bytes.map((_, index) => index).sort((a, b) => keyOf(`${round} ${a}`) - keyOf(`${round} ${b}`));
      const again = splitDocuments({
        bytes: Float64Array.from(order, (index) => bytes[index]!),
        keys: order.map((index) => keys[index]!),
        clusters: order.map((index) => 7 + clusters[index]! * 3),
        seed,
      });
      expect([...again.heldOut]).toEqual(order.map((index) => heldOut[index]));
    }
  });

  it('holds out what a standard error of 1 % needs, and of large datasets 1 %', () => {
    const middle = splitDocuments(documents(10_000, () => 1000)).report;
    expect(middle.estimatedStandardError).toBeLessThanOrEqual(0.01);
    expect(middle.note).toBeNull();
    expect(middle.share).toBeLessThan(0.05);
    const large = splitDocuments(documents(50_000, () => 4000)).report;
    expect(large.share).toBeGreaterThanOrEqual(0.01);
    expect(large.share).toBeLessThan(0.011);
  });

  it('says by how much a small dataset misses it', () => {
    const { report } = splitDocuments(documents(50, () => 2000));
    expect(report).toMatchObject({ documents: 10, share: 0.2 });
    expect(report.note).toBe(
      'Losses measured on it will be uncertain by about 4.1 %, not 1 %: 20.0 % of the text is held out, at most 20 % may be. More documents make it better.',
    );
  });

  it('estimates the error that simulated losses have', () => {
    // Losses of mean 1 and deviation 1, of whose variance 0.015 lies between documents; 40 documents of 250 tokens.
    const random = randomStream(8);
    const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const means = Array.from({ length: 400 }, () => {
      let sum = 0;
      for (let document = 0; document < 40; document++) {
        const level = 1 + Math.sqrt(0.015) * normal();
        for (let token = 0; token < 250; token++) sum += level + Math.sqrt(0.985) * normal();
      }
      return sum / 10_000;
    });
    const deviation = Math.sqrt(means.reduce((sum, mean) => sum + (mean - 1) ** 2, 0) / means.length);
    // 200 documents of 1,000 bytes: a fifth of them is 40 of 250 tokens.
    const { report } = splitDocuments(documents(200, () => 1000));
    expect(report.documents).toBe(40);
    expect(report.estimatedStandardError / deviation).toBeGreaterThan(0.88);
    expect(report.estimatedStandardError / deviation).toBeLessThan(1.12);
  });

  it('draws by the least hashes with seed 0, and others with another', () => {
    const input = documents(1000, () => 500);
    const held = (seed?: number): number[] =>
      [...splitDocuments({ ...input, seed }).heldOut].flatMap((each, index) => (each ? [index] : []));
    const byHash = input.keys.map((key, index) => ({ key, index })).sort((a, b) => a.key - b.key);
    expect(held()).toEqual(
      byHash
        .slice(0, 200)
        .map(({ index }) => index)
        .sort((a, b) => a - b),
    );
    expect(held(0)).toEqual(held());
    const other = held(1);
    expect(other).toHaveLength(200);
    expect(other.filter((index) => held().includes(index)).length).toBeLessThan(120);
    expect(held(2)).not.toEqual(other);
  });

  it('holds out the smallest where all are large, and refuses a single text', () => {
    expect([...splitDocuments({ bytes: [900, 500, 800], keys: [1, 2, 3] }).heldOut]).toEqual([0, 1, 0]);
    expect([...splitDocuments({ bytes: [0, 0], keys: [1, 2] }).heldOut]).toContain(1);
    const refusal = { code: 'BAD_INPUT', message: 'There is too little text: nothing could be held out to measure on.' };
    expect(() => splitDocuments({ bytes: [], keys: [] })).toThrow(expect.objectContaining(refusal));
    expect(() => splitDocuments({ bytes: [10], keys: [1] })).toThrow(
      expect.objectContaining({ ...refusal, found: '1 document of 10 bytes' }),
    );
    expect(() => splitDocuments({ bytes: [10, 11], keys: [1, 2], clusters: [4, 4] })).toThrow(
      expect.objectContaining({ ...refusal, found: '2 documents of 21 bytes that are copies of each other' }),
    );
  });
});
