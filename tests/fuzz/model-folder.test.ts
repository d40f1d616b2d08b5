import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { importModel } from '../../main/models/import-model.ts';
import { openModelFolder } from '../../main/models/model-folder.ts';
import { expandedBlocks } from '../../shared/domain/plan.ts';
import { fuzz, FUZZ_TIMEOUT_MS } from '../support/fuzz.ts';
import { mutateJson } from '../support/mutate-json.ts';
import { mutate } from '../support/mutate.ts';
import { rawModel, writeRawModel } from '../support/raw-models.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();

const EXPANSION = JSON.stringify({
  schemaVersion: 1,
  base: { name: 'base', hash: 'abc' },
  plan: { schemaVersion: 1, baseBlocks: 1, inserted: [{ after: 0, copies: 0, position: 1 }] },
  training: null,
});
/** What is whole is copied and flushed to the disk; for every so manieth one is enough. */
const IMPORTED = 100;

it.each(['config.json', 'model.safetensors.index.json', 'model-00001-of-00002.safetensors', 'expansion.json'])(
  'folders with a damaged %s are read or refused, and nothing is left of what was not imported',
  async (name) => {
    const source = join(folder.path, 'source');
    const models = join(folder.path, 'models');
    await writeRawModel(source, rawModel({ blocks: 2 }), { shards: 2 });
    await writeFile(join(source, 'expansion.json'), EXPANSION);
    const original = await readFile(join(source, name));
    const isText = name.endsWith('.json');
    const { read, refused } = await fuzz(async (seed) => {
      await writeFile(join(source, name), isText && seed % 2 === 0 ? mutateJson(original.toString(), seed) : mutate(original, seed));
      const opened = await openModelFolder(source).catch(async (error: unknown) => {
        await expect(importModel(source, join(models, String(seed)))).rejects.toThrow();
        expect(await readdir(models), `what seed ${seed} left`).toEqual([]);
        throw error;
      });
      await opened.close();
      if (opened.plan) expect(expandedBlocks(opened.plan)).toHaveLength(opened.config.blocks);
      if (seed % IMPORTED !== 0) return;
      await importModel(source, join(folder.path, 'imported', String(seed)));
    });
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(read).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
  },
  FUZZ_TIMEOUT_MS,
);
