import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { llamaTensors } from '../../../shared/domain/llama-tensors.ts';
import type { ExpansionStep } from '../../../shared/domain/expansion.ts';
import { type ExpansionPlan, expandedBlocks } from '../../../shared/domain/plan.ts';
import { StrataError } from '../../../shared/errors.ts';
import { extendedBy, writeExpansionFile } from './expansion-file.ts';
import { BackgroundHash } from '../background-hash.ts';
import { writeConfig } from '../derived-config.ts';
import { openModelFolder, SINGLE_FILE } from '../model-folder.ts';
import { byteLength, writeSafetensors, zeroPieces } from '../safetensors.ts';
import { copySmallFiles } from '../small-files.ts';
import { hashedPieces } from '../tensor-hash.ts';
import { isZeroedInCopies } from './zeroed-tensors.ts';

/**
 * Writes an expanded copy of a model folder, tensor by tensor: old tensors byte for byte, copies with `o_proj` and
 * `down_proj` zeroed, config.json with the new number of blocks, the tokenizer, and the plan. The copy appears under its name
 * only when it is complete.
 * @param made what the plan's file calls the new model, and by what its blocks were placed.
 * @returns its hash (see modelHash), taken while it was written.
 * @throws StrataError BAD_INPUT when the plan was made for another number of blocks.
 */
export async function expandModelFolder(
  source: string,
  destination: string,
  plan: ExpansionPlan,
  base: { name: string; hash: string },
  made: Pick<ExpansionStep, 'id' | 'name' | 'importance'> = { id: null, name: null, importance: null },
): Promise<string> {
  const folder = await openModelFolder(source);
  const partial = `${destination}.partial`;
  let hash: BackgroundHash | null = null;
  try {
    if (plan.baseBlocks !== folder.config.blocks) {
      throw new StrataError('BAD_INPUT', 'The plan does not fit the model.', {
        found: `a plan for ${plan.baseBlocks} blocks`,
        allowed: `a plan for ${folder.config.blocks}, the model's number of blocks`,
        hint: 'Make the plan anew from this model.',
      });
    }
    const layout = expandedBlocks(plan);
    const config = { ...folder.config, blocks: layout.length };
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    const [frozen, changed]: [Record<string, string>, Record<string, string>] = [{}, {}];
    const entries = llamaTensors(config).map(({ name, shape }) => {
      const position = /^model\.layers\.(\d+)\./.exec(name)?.[1];
      const block = position === undefined ? null : layout[Number(position)]!;
      const from = block ? name.replace(/layers\.\d+/, `layers.${block.base}`) : name;
      const dtype = folder.dtypeOf(from);
      const isZero = block?.inserted === true && isZeroedInCopies(name);
      const pieces = (): AsyncIterable<Uint8Array> => (isZero ? zeroPieces(byteLength(shape, dtype)) : folder.readPieces(from));
      const record = block?.inserted ? changed : frozen;
      return { name, shape, dtype, data: () => hashedPieces(pieces(), dtype, (hash) => (record[name] = hash)) };
    });
    await writeConfig(partial, folder, config, { layout });
    hash = new BackgroundHash();
    await hash.update(Buffer.from('config.json'));
    await hash.update(await readFile(join(partial, 'config.json')));
    await hash.update(Buffer.from(SINGLE_FILE));
    await writeSafetensors(join(partial, SINGLE_FILE), entries, { format: 'pt' }, hash);
    await copySmallFiles(source, partial);
    const step: ExpansionStep = { ...made, base, method: { name: 'expand', plan }, training: null };
    await writeExpansionFile(partial, extendedBy(folder.expansion, step, { frozen, changed }));
    await rename(partial, destination);
    return await hash.digest();
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  } finally {
    await hash?.close();
    await folder.close();
  }
}
