import { readdir, readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DatasetInfo } from '../../shared/contract/datasets.ts';
import { fastEngine } from '../support/engines.ts';
import { openTinyStudio, type TinyStudio } from '../support/workspace.ts';

const REQUEST = { model: 'tiny', tokens: 1500, temperature: 1, seed: 4, engine: fastEngine };

describe('self-replay', () => {
  let tiny: TinyStudio;
  let made: DatasetInfo;
  const told: { activity: string; done: number; of: number }[] = [];
  beforeAll(async () => {
    tiny = await openTinyStudio();
    for await (const event of tiny.studio.selfReplay.follow(REQUEST)) {
      if (event.dataset) made = event.dataset;
      else told.push(event);
    }
  });
  afterAll(() => tiny.remove());

  it('is a dataset of what the base writes, and says so', async () => {
    expect(made.name).toBe('self-replay of tiny');
    expect(made.source).toMatch(/^self-replay of tiny, not real old data: 1,\d\d\d tokens, temperature 1, seed 4$/);
    expect(made.heldOutDocuments).toBeGreaterThan(0);
    // A byte is a token of the tiny model; those that are no UTF-8 become replacement characters of three.
    expect(made.bytes).toBeGreaterThanOrEqual(1500);
    expect(tiny.studio.datasets.list().map(({ id }) => id)).toContain(made.id);
    expect(existsSync(join(tiny.home, 'self-replay')) ? await readdir(join(tiny.home, 'self-replay')) : []).toEqual([]);
  });

  it('tells how far it is, never back', () => {
    const done = told.map((event) => event.done);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(told.some(({ activity }) => activity.startsWith('sampling'))).toBe(true);
  });

  it('with the same seed is the same text, with another is not', async () => {
    const again = await tiny.studio.selfReplay.make({ ...REQUEST, name: 'again' });
    expect(again.hash).toBe(made.hash);
    const other = await tiny.studio.selfReplay.make({ ...REQUEST, seed: 5, name: 'other' });
    expect(other.hash).not.toBe(made.hash);
    const file = join(tiny.home, 'datasets', made.id, 'documents.jsonl');
    expect((await readFile(file, 'utf8')).trimEnd().split('\n')).toHaveLength(made.documents);
  });

  it('is labelled in a run that keeps it, and not in one that has real old data', async () => {
    const base = { model: 'tiny', newDatasets: ['code'], method: 'expand' as const, steps: 2, batch: 2, context: 32, engine: fastEngine };
    const run = await tiny.studio.runs.start({ ...base, oldDatasets: [made.id] });
    await tiny.studio.runs.ended(run.id);
    const { configuration, final } = tiny.studio.runs.show(run.id);
    expect(configuration.datasets.map(({ role, origin }) => [role, origin])).toEqual([
      ['new', undefined],
      ['old', 'self-replay'],
    ]);
    expect(final!.old!.tokens).toBeGreaterThan(0);
    const real = await tiny.studio.runs.start({ ...base, oldDatasets: ['stories'] });
    await tiny.studio.runs.ended(real.id);
    expect(tiny.studio.runs.show(real.id).configuration.datasets.some(({ origin }) => origin !== undefined)).toBe(false);
  });

  it('that is stopped leaves nothing', async () => {
    const before = tiny.studio.datasets.list().length;
    const abort = new AbortController();
    const stopped = tiny.studio.selfReplay.make({ ...REQUEST, tokens: 1_000_000 }, () => abort.abort(), abort.signal);
    await expect(stopped).rejects.toMatchObject({ code: 'CRASHED' });
    expect(tiny.studio.datasets.list()).toHaveLength(before);
    expect(existsSync(join(tiny.home, 'self-replay')) ? await readdir(join(tiny.home, 'self-replay')) : []).toEqual([]);
  });

  it('of an unknown model is refused', async () => {
    await expect(tiny.studio.selfReplay.make({ ...REQUEST, model: 'gpt' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
