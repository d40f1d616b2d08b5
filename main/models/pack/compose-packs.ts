import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ComposedPack, ExpansionStep } from '../../../shared/domain/expansion.ts';
import { blockOfTensor, llamaTensors } from '../../../shared/domain/llama-tensors.ts';
import { ancestryOf, composePlan, packsOf, type PackStrength, type TakenBlock } from '../../../shared/domain/pack.ts';
import { expandedBlocks } from '../../../shared/domain/plan.ts';
import { StrataError } from '../../../shared/errors.ts';
import { BackgroundHash } from '../background-hash.ts';
import { writeConfig } from '../derived-config.ts';
import { extendedBy, writeExpansionFile } from '../expansion/expansion-file.ts';
import { isZeroedInCopies } from '../expansion/zeroed-tensors.ts';
import { type ModelFolder, openModelFolder, SINGLE_FILE } from '../model-folder.ts';
import { type SafetensorsEntry, writeSafetensors } from '../safetensors.ts';
import { copySmallFiles } from '../small-files.ts';
import { hashedPieces, hashOf } from '../tensor-hash.ts';

/** A model in the workspace, as packs are taken from it or put on it. */
export interface PackModel {
  name: string;
  directory: string;
  hash: string;
}

/** Packs of one model, with what they are multiplied with. */
export interface PackSource {
  model: PackModel;
  packs: readonly PackStrength[];
}

/**
 * Writes a model that is a base with packs of other models in it, tensor by tensor: the base's own byte for byte, those of the packs too, but for
 * the attention output and down projection of a pack that is not at full strength, which are multiplied with it as 32-bit floats. It appears
 * under its name only when it is complete.
 * @param sources each with at least one pack; blocks at one place follow each other in their order.
 * @returns its hash (see modelHash).
 * @throws StrataError BAD_INPUT when a model was not made from the base by expansions alone, or is of another shape.
 */
export async function composePacks(
  base: PackModel,
  sources: readonly PackSource[],
  destination: string,
  made: { id: string; name: string },
): Promise<string> {
  const partial = `${destination}.partial`;
  const folder = await openModelFolder(base.directory);
  const opened: ModelFolder[] = [];
  let hash: BackgroundHash | null = null;
  try {
    for (const { model } of sources) opened.push(await openModelFolder(model.directory));
    const chosen = sources.map(({ model, packs }, index) => ({ blocks: ancestryIn(opened[index]!, model, base), packs }));
    const { plan, taken } = composePlan(folder.config.blocks, chosen);
    const layout = expandedBlocks(plan);
    const config = { ...folder.config, blocks: layout.length };
    const takenAt = new Map(plan.inserted.map(({ position }, index) => [position, taken[index]!]));
    const own = ownPositions(layout);
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    const [frozen, changed]: [Record<string, string>, Record<string, string>] = [{}, {}];
    const entries = llamaTensors(config).map(({ name, shape }): SafetensorsEntry => {
      const position = blockOfTensor(name);
      const from = position === null ? undefined : takenAt.get(position);
      if (from) return packTensor({ name, shape }, opened[from.source]!, from, (hash) => (changed[name] = hash));
      const source = position === null ? name : inBlock(name, own.get(position)!);
      const dtype = folder.dtypeOf(source);
      return { name, shape, dtype, data: () => hashedPieces(folder.readPieces(source), dtype, (hash) => (frozen[name] = hash)) };
    });
    // Where the packs' tensors have another type than the base's, a program that loads the model in a single one takes the widest.
    const isWider = entries.some(
      ({ name, dtype }) => takenAt.has(blockOfTensor(name) ?? -1) && dtype !== folder.dtypeOf('model.norm.weight'),
    );
    await writeConfig(partial, folder, config, { layout, ...(isWider && { dtype: 'float32' as const }) });
    hash = new BackgroundHash();
    await hash.update(Buffer.from('config.json'));
    await hash.update(await readFile(join(partial, 'config.json')));
    await hash.update(Buffer.from(SINGLE_FILE));
    await writeSafetensors(join(partial, SINGLE_FILE), entries, { format: 'pt' }, hash);
    await copySmallFiles(base.directory, partial);
    const step: ExpansionStep = {
      ...made,
      base: { name: base.name, hash: base.hash },
      method: { name: 'expand', plan },
      importance: null,
      training: null,
      composition: compositionOf(sources, opened, [...takenAt]),
    };
    await writeExpansionFile(partial, extendedBy(folder.expansion, step, { frozen, changed }));
    await rename(partial, destination);
    return await hash.digest();
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  } finally {
    await hash?.close();
    for (const each of [folder, ...opened]) await each.close();
  }
}

function ancestryIn({ expansion, config }: ModelFolder, model: PackModel, base: PackModel): NonNullable<ReturnType<typeof ancestryOf>> {
  const blocks = expansion && ancestryOf(expansion.line, base.hash);
  if (blocks?.length === config.blocks) return blocks;
  throw otherBase(model, expansion?.line ?? [], base);
}

/** The refusal to put a pack on a base that it does not belong to. */
export function otherBase(
  model: Pick<PackModel, 'name'>,
  line: readonly ExpansionStep[],
  base: Pick<PackModel, 'name' | 'hash'>,
): StrataError {
  return new StrataError('BAD_INPUT', `The packs of "${model.name}" do not belong to the base "${base.name}".`, {
    found:
      line.length === 0
        ? 'a model that Strata did not make'
        : `a model made of ${line.map((step) => `"${step.base.name}", sha256 ${step.base.hash}`).join(', then ')}`,
    allowed: `one that expansions alone made of "${base.name}", sha256 ${base.hash}`,
    hint: 'A pack fits only the weights that it was trained on: train it on this base.',
  });
}

/** For each of the base's own blocks where it stands, which of the base it is. */
function ownPositions(layout: readonly { base: number; inserted: boolean }[]): Map<number, number> {
  return new Map(layout.flatMap(({ base, inserted }, position) => (inserted ? [] : [[position, base] as const])));
}

function inBlock(name: string, block: number): string {
  return name.replace(/layers\.\d+\./, `layers.${block}.`);
}

/** A tensor of a pack's block: byte for byte, or multiplied with the pack's strength where it writes into the residual stream. */
function packTensor(
  { name, shape }: { name: string; shape: number[] },
  folder: ModelFolder,
  { position, strength }: TakenBlock,
  onHash: (hash: string) => void,
): SafetensorsEntry {
  const source = inBlock(name, position);
  if (strength === 1 || !isZeroedInCopies(name)) {
    const dtype = folder.dtypeOf(source);
    return { name, shape, dtype, data: () => hashedPieces(folder.readPieces(source), dtype, onHash) };
  }
  const data = async (): Promise<Float32Array> => {
    const factor = Math.fround(strength);
    const values = (await folder.readTensor(source)).map((value) => value * factor);
    onHash(hashOf('F32', values));
    return values;
  };
  return { name, shape, dtype: 'F32', data };
}

/** What the file says of each pack. */
function compositionOf(
  sources: readonly PackSource[],
  opened: readonly ModelFolder[],
  taken: readonly (readonly [position: number, block: TakenBlock])[],
): ComposedPack[] {
  return sources.flatMap(({ model, packs }, source) => {
    const known = packsOf(opened[source]!.expansion!.line);
    return packs.map(({ pack: number, strength }): ComposedPack => {
      const { name, run, trainedOn, training, ...pack } = known.find((each) => each.number === number)!;
      return {
        ...{ name, run, model: { name: model.name, hash: model.hash }, base: trainedOn },
        positions: taken.flatMap(([position, block]) => (block.source === source && block.pack === number ? [position] : [])),
        strength: pack.strength * strength,
        training,
      };
    });
  });
}
