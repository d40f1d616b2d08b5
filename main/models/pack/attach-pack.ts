import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { modelParameters } from '../../../shared/domain/llama-config.ts';
import { llamaTensors } from '../../../shared/domain/llama-tensors.ts';
import { StrataError } from '../../../shared/errors.ts';
import { examineWeights } from '../copy-weights.ts';
import { copySmallFiles } from '../small-files.ts';
import { EXPANSION_FILE } from '../expansion/expansion-file.ts';
import { baseName, type ExpansionPack, openPack, PACK_MODEL_FOLDER, whatComesFirst } from './expansion-pack.ts';
import { shardIndex } from '../export/export-model.ts';
import { INDEX_FILE, type ModelFolder, modelHash, openModelFolder } from '../model-folder.ts';
import { writeSafetensors } from '../safetensors.ts';

/**
 * Puts a pack on its base: writes the expanded model, whole, as it was when the pack was made of it. It appears under its name only when it
 * is complete and has the hash that the pack names.
 * @returns that hash: see {@link modelHash}.
 * @throws StrataError BAD_INPUT when the base is another one; CORRUPT when the pack is damaged or contradicts itself.
 */
export async function attachPack(packDirectory: string, base: { name: string; directory: string }, destination: string): Promise<string> {
  const pack = await openPack(packDirectory);
  const partial = `${destination}.partial`;
  try {
    await refuseOtherBase(pack, base);
    const original = await openModelFolder(base.directory);
    try {
      checkFits(pack, original);
      await rm(partial, { recursive: true, force: true });
      await mkdir(partial, { recursive: true });
      await writeWeights(pack, original, partial);
    } finally {
      await original.close();
    }
    await copySmallFiles(base.directory, partial);
    const files = join(packDirectory, PACK_MODEL_FOLDER);
    await copySmallFiles(files, partial);
    for (const name of ['config.json', EXPANSION_FILE]) await copyFile(join(files, name), join(partial, name));
    const found = await modelHash(partial, async (file, hash) => {
      if (file.endsWith('.safetensors')) await examineWeights(file, hash);
      else hash.update(await readFile(file));
    });
    if (found !== pack.model.hash) {
      throw new StrataError('CORRUPT', 'What this pack makes of its base is not the model that it names.', {
        found: `sha256 ${found}`,
        allowed: pack.model.hash,
        hint: 'Get the pack again from where it was made.',
      });
    }
    await rename(partial, destination);
    return found;
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  } finally {
    await pack.close();
  }
}

async function refuseOtherBase(pack: ExpansionPack, base: { name: string; directory: string }): Promise<void> {
  const found = await modelHash(base.directory);
  if (found === pack.base.hash) return;
  throw new StrataError('BAD_INPUT', 'This pack belongs to another base.', {
    found: `"${base.name}", sha256 ${found}`,
    allowed: `"${pack.base.name}", sha256 ${pack.base.hash}`,
    hint: whatComesFirst(pack.models),
  });
}

/** An expansion changes the number of blocks and nothing else. */
function checkFits({ config, blocks }: ExpansionPack, original: ModelFolder): void {
  const kept = blocks.filter((origin) => origin !== null);
  const isWhole = isDeepStrictEqual(
    kept,
    Array.from({ length: original.config.blocks }, (_, block) => block),
  );
  if (isWhole && isDeepStrictEqual({ ...config, blocks: original.config.blocks }, original.config)) return;
  throw new StrataError('CORRUPT', 'The configuration in this pack is not one of an expansion of its base.', {
    found: isWhole ? 'other numbers in config.json than the base’s' : `blocks ${kept.join(', ')} of a base of ${original.config.blocks}`,
    allowed: 'the base’s configuration with more blocks',
    hint: 'Get the pack again from where it was made.',
  });
}

async function writeWeights(pack: ExpansionPack, original: ModelFolder, directory: string): Promise<void> {
  const shapes = new Map(llamaTensors(pack.config).map(({ name, shape }) => [name, shape]));
  const files = pack.files.map(({ name, metadata, tensors }) => ({
    name,
    metadata,
    tensors: tensors.map((tensor) => {
      const source = baseName(tensor, pack.blocks);
      const dtype = source === null ? pack.inserted.tensors.get(tensor)!.dtype : original.dtypeOf(source);
      const data = (): AsyncIterable<Uint8Array> => (source === null ? pack.inserted.readPieces(tensor) : original.readPieces(source));
      return { name: tensor, shape: shapes.get(tensor)!, dtype, data };
    }),
  }));
  for (const { name, metadata, tensors } of files) await writeSafetensors(join(directory, name), tensors, metadata ?? undefined);
  if (files.length > 1) await writeFile(join(directory, INDEX_FILE), shardIndex(files, modelParameters(pack.config)));
}
