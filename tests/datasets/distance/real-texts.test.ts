import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DistanceDataset, measureDistance, type TextDistance } from '../../../main/datasets/distance/measure-distance.ts';
import { importDataset } from '../../../main/datasets/import-dataset.ts';
import { openDataset } from '../../../main/datasets/dataset-folder.ts';
import { plainTextOf } from '../../../shared/domain/content.ts';
import { recommendReplay } from '../../../shared/domain/distance.ts';
import { writeDataset } from '../../support/dataset-folders.ts';
import { sharedData } from '../../support/shared-data.ts';

/** What the thresholds of near and far were chosen by: real texts of known kinds. */
describe.skipIf(!sharedData)('real texts', () => {
  const sources = {
    stories: 'text/tinystories',
    web: 'text/web-and-wiki/c4-demo.jsonl',
    encyclopedia: 'text/web-and-wiki/wiki-demo.txt.gz',
    instructions: 'instruction/dolly-hhrlhf-small',
    medical: 'medical/pubmedqa',
    code: 'code/python-stdlib',
    german: 'language/german',
  };
  let directory: string;
  const datasets = new Map<string, DistanceDataset>();
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'strata-distance-'));
    for (const [name, path] of Object.entries(sources)) {
      await importDataset([join(sharedData!, path)], join(directory, name), { name });
      datasets.set(name, { id: name, name, directory: join(directory, name) });
    }
  }, 120_000);
  afterAll(() => rm(directory, { recursive: true, force: true }));

  const distance = (newName: string, oldName: string): Promise<TextDistance> =>
    measureDistance({ new: [datasets.get(newName)!], old: [datasets.get(oldName)!], seed: 1 });

  it.each([
    ['web', 'encyclopedia', 0.1, 0.2, 'near'],
    ['web', 'instructions', 0.1, 0.2, 'near'],
    ['medical', 'web', 0.25, 0.35, 'middle'],
    ['stories', 'web', 0.25, 0.35, 'middle'],
    ['code', 'stories', 0.5, 0.7, 'far'],
    ['german', 'web', 0.85, 0.95, 'far'],
    ['german', 'stories', 0.85, 1, 'far'],
  ])('%s from %s: %s to %s, %s', { timeout: 60_000 }, async (newName, oldName, least, most, wanted) => {
    const report = await distance(newName, oldName);
    const { excess } = report.ngrams[0]!;
    expect(excess).toBeGreaterThan(least);
    expect(excess).toBeLessThan(most);
    expect(recommendReplay(report).distance).toBe(wanted);
  });

  it('two halves of the stories are at the floor', { timeout: 60_000 }, async () => {
    const texts: string[] = [];
    for await (const document of (await openDataset(datasets.get('stories')!.directory)).documents())
      texts.push(plainTextOf(document.content));
    const halves = [0, 1].map((half) => texts.filter((_, index) => index % 2 === half));
    const sides: DistanceDataset[] = [];
    for (const [half, part] of halves.entries()) {
      sides.push(await writeDataset(directory, `half ${half}`, { training: part.slice(0, -10), heldOut: part.slice(-10) }));
    }
    const report = await measureDistance({ new: [sides[0]!], old: [sides[1]!], seed: 1 });
    for (const { excess } of report.ngrams) expect(excess).toBeLessThan(0.01);
    expect(recommendReplay(report)).toMatchObject({ distance: 'near', replayShare: 0.05 });
  });
});
