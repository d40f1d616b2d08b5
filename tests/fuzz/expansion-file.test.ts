import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { expandModelFolder } from '../../main/models/expansion/expand-folder.ts';
import { weightDifferences } from '../../main/models/expansion/expansion-check.ts';
import { openModelFolder } from '../../main/models/model-folder.ts';
import { blockOwners } from '../../shared/domain/expansion.ts';
import { planExpansion } from '../../shared/domain/plan.ts';
import { StrataError } from '../../shared/errors.ts';
import { FUZZ_CASES, FUZZ_SEED, mutate } from '../support/mutate.ts';
import { rawModel, writeRawModel } from '../support/raw-models.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();

/** A plan that cannot be read, does not fit, or is another one that does: never anything else, and never for long. */
it(`a damaged expansion.json is refused or is one that fits (${FUZZ_CASES} cases)`, async () => {
  const [base, once, twice] = ['base', 'once', 'twice'].map((name) => join(folder.path, name)) as [string, string, string];
  await writeRawModel(base, rawModel({ blocks: 2 }));
  await expandModelFolder(base, once, planExpansion(2, undefined, [0, 1]), { name: 'base', hash: 'h' });
  await expandModelFolder(once, twice, planExpansion(4, undefined, [1]), { name: 'once', hash: 'i' });
  const path = join(twice, 'expansion.json');
  const bytes = await readFile(path);
  const seen = { accepted: 0, refused: 0 };
  for (let seed = FUZZ_SEED; seed < FUZZ_SEED + FUZZ_CASES; seed++) {
    await writeFile(path, mutate(bytes, seed));
    const started = performance.now();
    try {
      const opened = await openModelFolder(twice);
      try {
        expect(blockOwners(opened.expansion!, 5), `seed ${seed}`).toHaveLength(5);
        await weightDifferences(opened);
      } finally {
        await opened.close();
      }
      seen.accepted++;
    } catch (error) {
      if (!(error instanceof StrataError)) throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
      seen.refused++;
    }
    expect(performance.now() - started, `seed ${seed}`).toBeLessThan(2000);
  }
  expect(seen.refused).toBeGreaterThan(FUZZ_CASES / 10);
}, 3_600_000);
