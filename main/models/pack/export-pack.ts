import { copyFile, mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { llamaTensors } from '../../../shared/domain/llama-tensors.ts';
import type { Expansion } from '../../../shared/domain/expansion.ts';
import { StrataError } from '../../../shared/errors.ts';
import { type FloatDtype, isConversionOf } from '../export/convert-tensor.ts';
import { copySmallFiles } from '../small-files.ts';
import { EXPANSION_FILE, readExpansionFile } from '../expansion/expansion-file.ts';
import {
  baseName,
  type BlockOrigin,
  blockOrigins,
  insertedTensors,
  modelsUpTo,
  openPack,
  PACK_FILE,
  PACK_MODEL_FOLDER,
  PACK_TENSORS_FILE,
  type PackDescription,
  sha256Of,
  whatComesFirst,
} from './expansion-pack.ts';
import { folderBytes, unfinishedExport, writeExportFile, writeExportFolder } from '../export/export-destination.ts';
import { type ExportedModel, notAsRead } from '../export/export-model.ts';
import { ExportProgress, type ExportWatch } from '../export/export-progress.ts';
import { type ModelFolder, modelFiles, modelHash, openModelFolder } from '../model-folder.ts';
import { PACK_ENDING, unpackPackArchive, writePackArchive } from './pack-archive.ts';
import { byteLength, openSafetensors, safetensorsHeader, writeSafetensors } from '../safetensors.ts';

/** A model as a pack names it. */
export interface PackedModel {
  name: string;
  directory: string;
}

/**
 * Writes the inserted blocks of an expanded model as a pack (see expansion-pack.ts), which becomes the same model again, byte for byte, when
 * it is put on the same base. The pack is opened again and its tensors are compared.
 * @param base the model that it was expanded from, at once or in several steps.
 * @throws StrataError BAD_INPUT when it was not expanded from that base, or the destination is occupied; UNSUPPORTED when more than inserted
 * blocks is different.
 */
export async function exportPack(
  model: PackedModel,
  base: PackedModel,
  destination: string,
  watch: ExportWatch = {},
  partial = unfinishedExport(destination),
): Promise<ExportedModel> {
  return writeExportFolder(destination, partial, async () => {
    const baseHash = await modelHash(base.directory);
    const { expansion, blocks } = await originsFrom(model, { name: base.name, hash: baseHash });
    const models = modelsUpTo(expansion, baseHash);
    const [expanded, original] = [await openModelFolder(model.directory), await openModelFolder(base.directory)];
    try {
      const inserted = insertedTensors(expanded.config, blocks).map((tensor) => ({ ...tensor, dtype: expanded.dtypeOf(tensor.name) }));
      const bytesOf = (tensors: readonly { name: string; shape: number[] }[]): number =>
        tensors.reduce((sum, { name, shape }) => sum + byteLength(shape, expanded.dtypeOf(name)), 0);
      const progress = new ExportProgress(bytesOf(llamaTensors(expanded.config)) + bytesOf(inserted), watch);
      await checkKept(expanded, original, blocks, progress);
      const hashes: [string, string][] = [];
      for (const { name } of inserted) hashes.push([name, await sha256Of(expanded.readPieces(name))]);
      const entries = inserted.map((tensor) => ({ ...tensor, data: () => progress.count(expanded.readPieces(tensor.name)) }));
      await writeSafetensors(join(partial, PACK_TENSORS_FILE), entries, { format: 'pt' });
      const description: PackDescription = {
        kind: 'strata-pack',
        schemaVersion: 1,
        base: { name: base.name, hash: baseHash },
        model: { name: model.name, hash: await modelHash(model.directory) },
        files: await layoutOf(expanded),
        tensors: Object.fromEntries(hashes),
      };
      await writeFile(join(partial, PACK_FILE), JSON.stringify(description, null, 2) + '\n');
      await writeFile(join(partial, 'README.md'), readme(description, blocks, models));
      await copyModelFiles(model.directory, base.directory, join(partial, PACK_MODEL_FOLDER));
      await checkPack(partial, expanded, progress);
      return {
        path: resolve(destination),
        format: 'pack',
        dtype: [...new Set(inserted.map(({ dtype }) => dtype))].sort().join('+'),
        bytes: (await folderBytes(partial)) + (await folderBytes(join(partial, PACK_MODEL_FOLDER))),
        verified: true,
        notes: notesOn(base.name, models, expansion.line.length),
      };
    } finally {
      await expanded.close();
      await original.close();
    }
  });
}

/**
 * The same as one file (see pack-archive.ts), which is unpacked again and checked before it gets its name.
 * @throws StrataError as {@link exportPack} does.
 */
export async function exportPackFile(
  model: PackedModel,
  base: PackedModel,
  destination: string,
  watch: ExportWatch = {},
  partial = unfinishedExport(destination),
): Promise<ExportedModel> {
  const path = resolve(destination);
  return writeExportFile(path, partial, async () => {
    const folder = join(partial, 'pack');
    const exported = await exportPack(model, base, folder, watch);
    const written = `file${PACK_ENDING}`;
    await writePackArchive(folder, join(partial, written));
    await rm(folder, { recursive: true });
    await unpackPackArchive(join(partial, written), join(partial, 'again'));
    await (await openPack(join(partial, 'again'))).close();
    return { written, result: { ...exported, path, bytes: (await stat(join(partial, written))).size } };
  });
}

async function originsFrom(
  model: PackedModel,
  base: { name: string; hash: string },
): Promise<{ expansion: Expansion; blocks: BlockOrigin[] }> {
  const expansion = await readExpansionFile(model.directory);
  const blocks = expansion && blockOrigins(expansion, base.hash);
  if (expansion && blocks) return { expansion, blocks };
  throw new StrataError('BAD_INPUT', `"${model.name}" was not expanded from "${base.name}".`, {
    found: expansion
      ? `a model made of ${expansion.line.map((step) => `"${step.base.name}", sha256 ${step.base.hash}`).join(', then ')}`
      : 'a model that Strata did not make',
    allowed: `one with blocks inserted into "${base.name}", sha256 ${base.hash}`,
    hint: 'Export the whole model with --format huggingface.',
  });
}

/**
 * What whoever gets the pack must have, for the user.
 * @param models see {@link modelsUpTo}.
 * @param steps of the model's line.
 */
function notesOn(base: string, models: readonly string[], steps: number): string[] {
  const earlier = models.length - 1;
  if (earlier === 0) return [`This pack is put on "${base}", and needs no other pack.`];
  const held = steps - earlier;
  const what = held === 1 ? 'the last step' : `the last ${held} steps`;
  return [
    `This pack holds the blocks of ${what} of ${steps} only, and is put on "${base}". ${whatComesFirst(models)}`,
    `One pack of all ${steps} steps is made by naming the first base: --base "${models[0]}" on the command line.`,
  ];
}

/** Every tensor that was not inserted must have the base's bytes: the pack does not carry it. */
async function checkKept(
  expanded: ModelFolder,
  original: ModelFolder,
  blocks: readonly BlockOrigin[],
  progress: ExportProgress,
): Promise<void> {
  for (const { name } of llamaTensors(expanded.config)) {
    const source = baseName(name, blocks);
    if (source === null) continue;
    const kept = { dtype: expanded.dtypeOf(name) as FloatDtype, pieces: progress.count(expanded.readPieces(name)) };
    const before = { dtype: original.dtypeOf(source) as FloatDtype, pieces: original.readPieces(source) };
    if (kept.dtype === before.dtype && (await isConversionOf(kept, before))) continue;
    throw new StrataError('UNSUPPORTED', 'More than inserted blocks has been changed, and a pack holds nothing else.', {
      found: `${name} is not the base's ${source}`,
      allowed: 'a model whose other tensors are all its base’s',
      hint: 'Export the whole model with --format huggingface.',
    });
  }
}

/** How the model's weight files are laid out, if that is enough to write them again as they are. */
async function layoutOf({ directory, config }: ModelFolder): Promise<PackDescription['files']> {
  const known = new Set(llamaTensors(config).map(({ name }) => name));
  const names = (await modelFiles(directory)).filter((name) => name.endsWith('.safetensors'));
  const layout: PackDescription['files'] = [];
  for (const name of names) {
    const file = await openSafetensors(join(directory, name));
    try {
      const tensors = [...file.tensors].map(([tensor, { shape, dtype }]) => ({ name: tensor, shape, dtype }));
      const metadata = Object.keys(file.metadata).length > 0 ? { ...file.metadata } : null;
      const header = safetensorsHeader(tensors, metadata ?? undefined);
      const isAsWritten = Buffer.compare(header, await firstBytes(join(directory, name), header.length)) === 0;
      if (!isAsWritten || !tensors.every((tensor) => known.has(tensor.name))) {
        throw new StrataError('UNSUPPORTED', 'The weight files of this model are laid out in a way that a pack cannot repeat.', {
          found: `the header of ${name}`,
          allowed: 'files as Strata, or the safetensors package, writes them',
          hint: 'Export it with --format huggingface, import that, and make the pack of it.',
        });
      }
      layout.push({ name, metadata, tensors: tensors.map((tensor) => tensor.name) });
    } finally {
      await file.close();
    }
  }
  return layout;
}

async function firstBytes(path: string, count: number): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(count), 0, count, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Configuration, plan, and the small files that the base has not, or has otherwise. */
async function copyModelFiles(model: string, base: string, destination: string): Promise<void> {
  await mkdir(destination);
  await copySmallFiles(model, destination);
  for (const name of await readdir(destination)) {
    const info = await stat(join(base, name)).catch(() => null);
    const isSame = info?.isFile() && (await readFile(join(base, name))).equals(await readFile(join(destination, name)));
    if (isSame) await rm(join(destination, name));
  }
  for (const name of ['config.json', EXPANSION_FILE]) await copyFile(join(model, name), join(destination, name));
}

/** Opens the pack, which checks its hashes, and compares its tensors with the model's. */
async function checkPack(directory: string, expanded: ModelFolder, progress: ExportProgress): Promise<void> {
  const pack = await openPack(directory);
  try {
    for (const [name, { dtype }] of pack.inserted.tensors) {
      const written = { dtype: dtype as FloatDtype, pieces: progress.count(pack.inserted.readPieces(name)) };
      const source = { dtype: expanded.dtypeOf(name) as FloatDtype, pieces: expanded.readPieces(name) };
      if (dtype !== source.dtype || !(await isConversionOf(written, source))) throw notAsRead(name);
    }
  } finally {
    await pack.close();
  }
}

function readme({ base, model, files, tensors }: PackDescription, blocks: readonly BlockOrigin[], models: readonly string[]): string {
  const positions = blocks.flatMap((origin, position) => (origin === null ? [position] : []));
  return [
    `# ${model.name}: inserted blocks`,
    '',
    `Blocks ${positions.join(', ')} of a model of ${blocks.length} blocks, which were inserted into "${base.name}" by Strata.`,
    'The base is not in this folder: its own licence holds for it.',
    '',
    '- base: sha256 ' + base.hash,
    '- whole model: sha256 ' + model.hash,
    `- ${Object.keys(tensors).length} tensors in ${PACK_TENSORS_FILE}; the whole model has ${files.length} weight ${files.length === 1 ? 'file' : 'files'}`,
    '',
    `To make the whole model again in Strata: ${whatComesFirst(models)} Then import this folder, or the \`.strata-pack\` file that it came in: \`strata model import PATH\`.`,
    '',
  ].join('\n');
}
