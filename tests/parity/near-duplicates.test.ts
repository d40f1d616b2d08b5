import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Clusters } from '../../main/datasets/duplicates/clusters.ts';
import { NearDuplicates } from '../../main/datasets/duplicates/near-duplicates.ts';
import { signatureOf } from '../../main/datasets/duplicates/signature.ts';
import { randomStream } from '../../shared/domain/random.ts';
import { sharedTexts } from '../support/hostile-texts.ts';
import { sharedData } from '../support/shared-data.ts';
import { python } from './sides.ts';

/** Strata's near-duplicates of real texts beside datasketch's, both measured by the exact similarity that Python computes. */
describe.skipIf(!sharedData)('near-duplicates of real texts', () => {
  let clusters: Clusters;
  let pairs: [number, number, number][];
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'strata-near-duplicates-'));
    const real: string[] = [];
    for (const each of ['text/web-and-wiki', 'math/gsm8k-train', 'medical/medquad-niddk', 'law/spdx-licences']) {
      real.push(...(await sharedTexts(join(sharedData!, each))).map((text) => text.slice(0, 20_000)).slice(0, 1500));
    }
    // Real texts, and copies of each fourth with words replaced: from one in a hundred to one in eight.
    const random = randomStream(1);
    const copies = real
      .filter((_, index) => index % 4 === 0)
      .map((text) => {
        const rate = 0.01 + 0.115 * random();
        return text.replace(/[a-z]+/gi, (word) => (random() < rate ? `other${Math.floor(1000 * random())}` : word));
      });
    const texts = [...real, ...copies];
    const file = join(folder, 'texts.json');
    await writeFile(file, JSON.stringify(texts));
    ({ pairs } = JSON.parse(await python('near_duplicates.py', file)) as { pairs: typeof pairs });
    const near = new NearDuplicates();
    for (const text of texts) near.add(signatureOf(text));
    clusters = near.clusters(0.8);
  }, 600_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const isJoined = ([one, other]: [number, number, number]): boolean => clusters.of(one) === clusters.of(other);

  it('joins at least 95 % of the pairs whose similarity is 0.8 or a little more', () => {
    const near = pairs.filter(([, , similarity]) => similarity >= 0.8 && similarity < 0.85);
    expect(near.length).toBeGreaterThan(50);
    expect(near.filter(isJoined).length / near.length).toBeGreaterThanOrEqual(0.95);
    const all = pairs.filter(([, , similarity]) => similarity >= 0.8);
    expect(all.filter(isJoined).length / all.length).toBeGreaterThanOrEqual(0.99);
  });

  it('joins nothing that has no similar one, and no pair below 0.5 but by a chain of similar ones', () => {
    // What is joined by pairs of at least 0.65 alone, by plain search.
    const names = Array.from({ length: clusters.documents }, (_, index) => index);
    const nameOf = (index: number): number => (names[index] === index ? index : nameOf(names[index]!));
    for (const [one, other, similarity] of pairs)
      if (similarity >= 0.65) names[Math.max(nameOf(one), nameOf(other))] = Math.min(nameOf(one), nameOf(other));
    const groups = clusters.groups();
    const strangers = groups.flatMap(([first, ...rest]) => rest.filter((member) => nameOf(member) !== nameOf(first!)));
    expect(strangers.length / groups.flat().length).toBeLessThan(0.01);
  });
});
