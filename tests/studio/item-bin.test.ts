import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../main/store/open-store.ts';
import { deleteRun, insertRun, updateRun } from '../../main/store/runs.ts';
import type { StrataError } from '../../shared/errors.ts';
import { configurationRecord, runRecord } from '../support/run-records.ts';
import { openStudioAt, openTinyStudio, type TinyStudio } from '../support/workspace.ts';

let tiny: TinyStudio;
beforeAll(async () => {
  tiny = await openTinyStudio();
});
afterAll(() => tiny.remove());
afterEach(async () => {
  await tiny.studio.datasets.bin.purge();
  await tiny.studio.models.bin.purge();
});

async function refusal(attempt: () => unknown): Promise<StrataError> {
  try {
    await attempt();
  } catch (error) {
    return error as StrataError;
  }
  throw new Error('It was allowed.');
}

describe('a dataset that is deleted', () => {
  it('is on no list and can be used by nothing, and comes back as it was, with its documents', async () => {
    const { studio, home, sources } = tiny;
    const dataset = (await studio.datasets.import({ paths: [sources.newText], name: 'laws' })).datasets[0]!;
    const manifest = join(home, 'datasets', dataset.id, 'dataset.json');
    const before = await readFile(manifest);
    const shown = await studio.datasets.show({ dataset: 'laws' });
    studio.datasets.remove({ dataset: 'laws' });
    expect(studio.datasets.list().map(({ name }) => name)).toEqual(['code', 'stories']);
    expect(studio.datasets.bin.list()).toEqual([
      { id: dataset.id, name: 'laws', bytes: dataset.bytes, deletedAt: expect.stringMatching(/^\d{4}-/) as string },
    ]);
    const error = await refusal(() => studio.datasets.show({ dataset: 'laws' }));
    expect(error).toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining('in the bin') as string });
    expect(error.hint).toBe('"strata data restore laws" brings it back.');
    expect(studio.datasets.restore({ dataset: 'laws' })).toEqual(dataset);
    expect(await studio.datasets.show({ dataset: 'laws' })).toEqual(shown);
    expect(await readFile(manifest)).toEqual(before);
    studio.datasets.remove({ dataset: 'laws' });
  });

  it('leaves its name free; who comes back to a name that was taken gets one like it, and two of a name are told apart by id', async () => {
    const { studio, sources } = tiny;
    const named = async (): Promise<string> => (await studio.datasets.import({ paths: [sources.newText], name: 'same' })).datasets[0]!.id;
    const first = await named();
    studio.datasets.remove({ dataset: 'same' });
    const second = await named();
    expect(studio.datasets.find('same').id).toBe(second);
    expect(studio.datasets.restore({ dataset: first }).name).toBe('same 2');
    for (const id of [first, second]) studio.datasets.remove({ dataset: id });
    studio.datasets.restore({ dataset: second });
    studio.datasets.remove({ dataset: second });
    const third = await named();
    studio.datasets.remove({ dataset: third });
    expect((await refusal(() => studio.datasets.restore({ dataset: 'same' }))).code).toBe('BAD_INPUT');
    expect(studio.datasets.restore({ dataset: third }).name).toBe('same');
    studio.datasets.remove({ dataset: third });
  });

  it('lies in the bin for other programs too, and stays when the workspace is opened again', async () => {
    const { studio, home, sources } = tiny;
    const { id } = (await studio.datasets.import({ paths: [sources.newText], name: 'kept' })).datasets[0]!;
    studio.datasets.remove({ dataset: id });
    const other = openStudioAt(home);
    expect(existsSync(join(home, 'datasets', id))).toBe(true);
    expect(await other.imports.list()).toEqual([]);
    expect(other.datasets.restore({ dataset: id }).name).toBe('kept');
    await other.close();
    expect(studio.datasets.find('kept').id).toBe(id);
    studio.datasets.remove({ dataset: id });
  });

  it('and deleted for good is gone with its folder; the others in the bin stay', async () => {
    const { studio, home, sources } = tiny;
    const ids: string[] = [];
    for (const name of ['one', 'two']) {
      ids.push((await studio.datasets.import({ paths: [sources.newText], name })).datasets[0]!.id);
      studio.datasets.remove({ dataset: name });
    }
    const folders = (): boolean[] => ids.map((id) => existsSync(join(home, 'datasets', id)));
    expect(await studio.datasets.bin.purge('one')).toEqual({ removed: [ids[0]], kept: [] });
    expect(folders()).toEqual([false, true]);
    for (const gone of ['one', 'code']) {
      const error = await refusal(() => studio.datasets.bin.purge(gone));
      expect(error).toMatchObject({ code: 'NOT_FOUND', found: gone, allowed: `${ids[1]} (two)` });
    }
    expect(await studio.datasets.bin.purge()).toEqual({ removed: [ids[1]], kept: [] });
    expect(folders()).toEqual([false, false]);
    expect(await studio.datasets.bin.purge()).toEqual({ removed: [], kept: [] });
    expect((await refusal(() => studio.datasets.restore({ dataset: 'two' }))).allowed).toBe('none: the bin is empty');
  });
});

describe('what an unfinished run of the history needs', () => {
  it('is not deleted, and not deleted for good once the run has come back from its own bin', async () => {
    const { studio, home, sources } = tiny;
    const model = await studio.models.import({ path: sources.model, name: 'needed' });
    const loose = await studio.models.import({ path: sources.model, name: 'loose' });
    const baseModel = { id: model.id, name: model.name, hash: 'a' };
    const run = { ...runRecord(), status: 'paused' as const, ownerPid: null, configuration: configurationRecord({ baseModel }) };
    const store = openStore(join(home, 'strata.db'));
    insertRun(store, run);
    const taken = await refusal(() => studio.models.remove({ model: 'needed' }));
    expect(taken).toMatchObject({ code: 'CONFLICT', message: 'A run that is not finished starts from this model.' });
    expect(taken.found).toBe(`run ${run.name} (paused)`);

    updateRun(store, run.id, { deletedAt: '2026-05-01T00:00:00.000Z' });
    for (const name of ['needed', 'loose']) studio.models.remove({ model: name });
    updateRun(store, run.id, { deletedAt: null });
    expect((await refusal(() => studio.models.bin.purge('needed'))).code).toBe('CONFLICT');
    expect(await studio.models.bin.purge()).toEqual({ removed: [loose.id], kept: [model.id] });
    expect([model, loose].map(({ path }) => existsSync(path))).toEqual([true, false]);
    expect(studio.models.restore({ model: 'needed' })).toEqual(model);

    deleteRun(store, run.id);
    store.close();
    studio.models.remove({ model: 'needed' });
    expect(await studio.models.bin.purge('needed')).toEqual({ removed: [model.id], kept: [] });
    expect(existsSync(model.path)).toBe(false);
  });
});
