import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expandModelFolder } from '../../main/models/expansion/expand-folder.ts';
import { openModelFolder } from '../../main/models/model-folder.ts';
import { openSafetensors } from '../../main/models/safetensors.ts';
import { parsePlace, planExpansion } from '../../shared/domain/plan.ts';
import { recordFigures } from './figures.ts';
import { fetchLlamaFactory } from './llama-factory.ts';
import { models } from './sides.ts';

/** What Strata writes beside what LLaMA-Factory's own script writes, run from its package. */

const scratch = await mkdtemp(join(tmpdir(), 'strata-expansion-parity-'));
const python = process.env.STRATA_PYTHON;
const factory = python ? await fetchLlamaFactory(python, scratch) : 'STRATA_PYTHON names no Python';
afterAll(() => rm(scratch, { recursive: true, force: true }));

describe.skipIf(typeof factory === 'string')(
  `an expansion beside LLaMA-Factory's${typeof factory === 'string' ? ` (skipped: ${factory})` : ''}`,
  () => {
    describe.each(models)('of $name', ({ name, prepare }) => {
      const folder = join(scratch, name);
      let blocks: number;
      beforeAll(async () => {
        await prepare(folder);
        const opened = await openModelFolder(folder);
        await opened.close();
        blocks = opened.config.blocks;
      }, 300_000);

      it('has the same tensors, byte for byte, for numbers of blocks that divide', async () => {
        if (typeof factory === 'string') return;
        const divisors = Array.from({ length: blocks }, (_, index) => index + 1).filter((count) => blocks % count === 0);
        // The script takes its time to load; three tell as much as all.
        const counts = [...new Set([1, divisors[Math.floor(divisors.length / 2)]!, blocks])];
        for (const copies of counts) {
          const [theirs, mine] = [join(scratch, `${name}-factory-${copies}`), join(scratch, `${name}-strata-${copies}`)];
          await factory.expand(folder, theirs, copies);
          const plan = planExpansion(blocks, copies, parsePlace('even'));
          await expandModelFolder(folder, mine, plan, { name, hash: '' });
          const [wanted, written] = [await openSafetensors(join(theirs, 'model.safetensors')), await openModelFolder(mine)];
          const own = await openSafetensors(join(mine, 'model.safetensors'));
          expect([...own.tensors.keys()].sort()).toEqual([...wanted.tensors.keys()].sort());
          for (const tensor of wanted.tensors.keys()) {
            expect(Buffer.compare(await written.readBytes(tensor), await wanted.readBytes(tensor)), `${tensor}, ${copies} new`).toBe(0);
          }
          for (const file of [wanted, written, own]) await file.close();
          // Their folder is one of ours: the configuration has the new number of blocks.
          const opened = await openModelFolder(theirs);
          expect(opened.config).toEqual(written.config);
          await opened.close();
        }
        recordFigures('expansion', name, 'LLaMA-Factory 0.9.5', { blocks, plans: counts.length });
      }, 600_000);

      it('is refused by it where the numbers do not divide, and is done here', async () => {
        if (typeof factory === 'string') return;
        const copies = blocks - 1 > 1 && blocks % (blocks - 1) !== 0 ? blocks - 1 : blocks + 1;
        await expect(factory.expand(folder, join(scratch, `${name}-refused`), copies)).rejects.toThrow(/divisible/);
        const plan = planExpansion(blocks, copies, 'even');
        await expandModelFolder(folder, join(scratch, `${name}-uneven`), plan, { name, hash: '' });
        const opened = await openModelFolder(join(scratch, `${name}-uneven`));
        expect(opened.config.blocks).toBe(blocks + copies);
        await opened.close();
      }, 300_000);
    });
  },
);
