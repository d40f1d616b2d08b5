import { existsSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { datasetDetailsSchema, datasetInfoSchema } from '../../shared/contract/datasets.ts';
import { DEFAULT_CLEANING } from '../../shared/domain/cleaning.ts';
import { codeDocuments, openStudioAt, openTinyStudio, storyDocuments, type TinyStudio, writeDocuments } from '../support/workspace.ts';

let tiny: TinyStudio;
beforeAll(async () => {
  tiny = await openTinyStudio();
});
afterAll(() => tiny.remove());

describe('a dataset', () => {
  it('is imported with its counts and where it came from', () => {
    const { newDataset, sources } = tiny;
    expect(datasetInfoSchema.parse(newDataset)).toEqual(newDataset);
    expect(newDataset).toMatchObject({ name: 'code', documents: 60, source: sources.newText });
    expect(newDataset.bytes).toBe(codeDocuments(60).reduce((sum, text) => sum + Buffer.byteLength(text), 0));
    expect(newDataset.heldOutDocuments).toBeGreaterThan(0);
    expect(newDataset.heldOutDocuments).toBeLessThan(20);
  });

  it('shows the files it was made from, how it was cleaned, and what is held out', async () => {
    const shown = await tiny.studio.datasets.show({ dataset: 'code' });
    expect(datasetDetailsSchema.parse(shown)).toEqual(shown);
    expect(shown).toMatchObject({ ...tiny.newDataset, kinds: { text: 60 }, version: 1, parent: null, duplicates: 0, runs: [] });
    expect(shown.files).toEqual([{ path: tiny.sources.newText, status: 'imported', reason: '60 documents' }]);
    expect(shown.cleaning!.settings).toEqual(DEFAULT_CLEANING);
    expect(shown.cleaning!.report.steps[0]!.before.documents).toBe(60);
    expect(shown.split!.documents).toBe(tiny.newDataset.heldOutDocuments);
  });

  it('tells the languages of its text', async () => {
    expect(tiny.oldDataset.languages).toEqual([{ language: 'en', share: 1 }]);
    const path = join(tiny.directory, 'two-languages.jsonl');
    const german = Array.from(
      { length: 40 },
      (_, index) => `Der alte Mann ging am Abend Nummer ${index} langsam die Straße hinunter nach Hause.`,
    );
    await writeDocuments(path, [...german, 'x = 1', ...storyDocuments(20)]);
    const { languages, id } = (await tiny.studio.datasets.import({ paths: [path] })).datasets[0]!;
    expect(languages.map(({ language }) => language).sort()).toEqual(['de', 'en', 'unknown']);
    expect(languages.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 10);
    expect(languages.at(-1)).toEqual({ language: 'unknown', share: expect.closeTo(5 / 7000, 3) as number });
    tiny.studio.datasets.remove({ dataset: id });
  });

  it('with a name that is taken gets the next one, also when two are imported at the same time', async () => {
    const other = openStudioAt(tiny.home);
    const [first, second] = await Promise.all(
      [tiny.studio, other].map((studio) => studio.datasets.import({ paths: [tiny.sources.newText] })),
    );
    expect([first!.datasets[0]!.name, second!.datasets[0]!.name].sort()).toEqual(['code 2', 'code 3']);
    expect(first!.datasets[0]!.hash).toBe(tiny.newDataset.hash); // the same text is the same dataset
    for (const name of ['code 2', 'code 3']) tiny.studio.datasets.remove({ dataset: name });
    await other.close();
  });

  it('that cannot be imported leaves nothing behind', async () => {
    const before = await readdir(join(tiny.home, 'datasets'));
    const empty = join(tiny.directory, 'empty.txt');
    await writeFile(empty, '');
    for (const paths of [[join(tiny.directory, 'nowhere.txt')], [empty]]) {
      await expect(tiny.studio.datasets.import({ paths })).rejects.toMatchObject({
        exitCode: 2,
        found: expect.stringContaining('.txt') as string,
      });
    }
    expect(await readdir(join(tiny.home, 'datasets'))).toEqual(before);
    expect(tiny.studio.datasets.list()).toEqual([tiny.newDataset, tiny.oldDataset]);
  });

  it('is deleted and deleted for good with its folder, found by id or name', async () => {
    const { datasets } = await tiny.studio.datasets.import({ paths: [tiny.sources.newText], name: `Robert'); DROP TABLE datasets;--` });
    const { id, name } = datasets[0]!;
    expect(tiny.studio.datasets.find(name).id).toBe(id);
    expect(tiny.studio.datasets.remove({ dataset: name })).toEqual({ removed: id });
    expect(existsSync(join(tiny.home, 'datasets', id))).toBe(true);
    expect(() => tiny.studio.datasets.remove({ dataset: id })).toThrow(expect.objectContaining({ code: 'NOT_FOUND', exitCode: 2 }));
    expect(await tiny.studio.datasets.bin.purge(name)).toEqual({ removed: [id], kept: [] });
    expect(existsSync(join(tiny.home, 'datasets', id))).toBe(false);
    expect(tiny.studio.datasets.list()).toEqual([tiny.newDataset, tiny.oldDataset]);
  });

  it('whose folder is damaged says so', async () => {
    const { datasets } = await tiny.studio.datasets.import({ paths: [tiny.sources.newText], name: 'damaged' });
    await rm(join(tiny.home, 'datasets', datasets[0]!.id, 'dataset.json'));
    await expect(tiny.studio.datasets.show({ dataset: 'damaged' })).rejects.toMatchObject({ code: 'CORRUPT', exitCode: 1 });
    tiny.studio.datasets.remove({ dataset: 'damaged' });
  });
});
