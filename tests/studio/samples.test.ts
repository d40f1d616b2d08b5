import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { EMBEDDED_BASE } from '../../main/studio/samples.ts';
import { openStudio, type Studio } from '../../main/studio/studio.ts';
import { ProcessExecutor } from '../../main/training/process-executor.ts';

const resources = join(import.meta.dirname, '../../resources');
let directory: string;
let studio: Studio;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strata-samples-'));
});
afterEach(async () => {
  await studio.close();
  await rm(directory, { recursive: true });
});

const open = (from: string): Studio =>
  (studio = openStudio({ home: join(directory, 'home'), executor: new ProcessExecutor(), resources: from, version: '1' }));

it.skipIf(!existsSync(join(resources, 'base')))('samples are known again when the application lies elsewhere', async () => {
  const { newDataset, oldDataset } = await open(resources).addSamples();
  await studio.close();
  const elsewhere = join(directory, 'mounted-anew');
  await cp(resources, elsewhere, { recursive: true });
  const again = await open(elsewhere).addSamples();
  expect([again.newDataset.id, again.oldDataset.id]).toEqual([newDataset.id, oldDataset.id]);
});

it.skipIf(!existsSync(join(resources, 'base')))(
  'the embedded base and both samples are registered once, however often it is asked',
  async () => {
    open(resources);
    const first = await studio.addSamples();
    expect(first.model.name).toBe(EMBEDDED_BASE);
    for (const [role, dataset] of [
      ['new', first.newDataset],
      ['old', first.oldDataset],
    ] as const) {
      const sample = JSON.parse(await readFile(join(resources, 'samples', role, 'sample.json'), 'utf8')) as Record<string, string>;
      expect([dataset.name, dataset.origin, dataset.licence]).toEqual([sample.name, sample.source, sample.licence]);
      expect(dataset.heldOutDocuments).toBeGreaterThan(0);
    }
    expect(await studio.addSamples()).toMatchObject({
      model: { id: first.model.id },
      newDataset: { id: first.newDataset.id },
      oldDataset: { id: first.oldDataset.id },
    });
    await studio.close();
    open(resources);
    expect((await studio.addSamples()).model).toEqual(first.model);
    expect([studio.models.list().length, studio.datasets.list().length]).toEqual([1, 2]);
  },
);

it('an installation without them says so', async () => {
  open(join(directory, 'nothing'));
  await expect(studio.addSamples()).rejects.toMatchObject({
    code: 'NOT_FOUND',
    found: join(directory, 'nothing', 'base'),
    hint: expect.stringMatching(/Install/) as string,
  });
  expect(studio.models.list()).toEqual([]);
});
