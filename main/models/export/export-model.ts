import { copyFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { modelParameters } from '../../../shared/domain/llama-config.ts';
import { llamaTensors, type NamedShape } from '../../../shared/domain/llama-tensors.ts';
import { StrataError } from '../../../shared/errors.ts';
import { copyAdapter } from '../adapter-folder.ts';
import { convertPieces, type FloatDtype, isConversionOf } from './convert-tensor.ts';
import { DTYPE_NAMES, writeConfig } from '../derived-config.ts';
import { copySmallFiles } from '../small-files.ts';
import { EXPANSION_FILE, readExpansionFile } from '../expansion/expansion-file.ts';
import { folderBytes, unfinishedExport, writeExportFolder } from './export-destination.ts';
import { ExportProgress, type ExportWatch } from './export-progress.ts';
import { INDEX_FILE, MAX_SHARDS, type ModelFolder, openModelFolder } from '../model-folder.ts';
import { byteLength, type SafetensorsDtype, writeSafetensors } from '../safetensors.ts';

export interface ExportedModel {
  path: string;
  format: string;
  dtype: string;
  bytes: number;
  /** What was written was opened again, and every tensor is what it should be. */
  verified: boolean;
  /** What is otherwise than one might expect, in words. */
  notes?: string[];
}

export interface HuggingFaceExport extends ExportWatch {
  /** Of all tensors; as they are stored unless said. */
  dtype?: FloatDtype;
  /** Largest size of a weight file; a tensor that is larger has a file of its own. Everything in one file unless said. */
  shardBytes?: number;
}

/**
 * Writes a model as a Hugging Face folder that other programs load: safetensors under the usual names, config, tokenizer, templates,
 * licence, and the plan. Tensor by tensor and in pieces; then the folder is opened again and every tensor compared.
 * @param partial where it is written at first, for a caller that may have to end in the middle and remove it.
 * @throws StrataError BAD_INPUT when the destination is a file or a folder with something in it: nothing is overwritten; UNSUPPORTED when a
 * number does not fit into the element type.
 */
export async function exportHuggingFace(
  modelDirectory: string,
  destination: string,
  { dtype, shardBytes, ...watch }: HuggingFaceExport = {},
  partial = unfinishedExport(destination),
): Promise<ExportedModel> {
  return writeExportFolder(destination, partial, async () => {
    const folder = await openModelFolder(modelDirectory);
    try {
      const tensors = llamaTensors(folder.config).map((tensor) => ({ ...tensor, dtype: dtype ?? floatDtypeOf(folder, tensor.name) }));
      const files = inShards(tensors, shardBytes);
      const bytes = tensors.reduce((sum, each) => sum + byteLength(each.shape, each.dtype), 0);
      const progress = new ExportProgress(2 * bytes, watch);
      for (const file of files) await writeShard(partial, folder, file, progress);
      if (files.length > 1) await writeFile(join(partial, INDEX_FILE), shardIndex(files, modelParameters(folder.config)));
      await writeConfig(partial, folder, folder.config, { isForOthers: true, ...(dtype && { dtype: DTYPE_NAMES[dtype] }) });
      await copySmallFiles(modelDirectory, partial);
      if (await readExpansionFile(modelDirectory)) await copyFile(join(modelDirectory, EXPANSION_FILE), join(partial, EXPANSION_FILE));
      await copyAdapter(modelDirectory, partial);
      await checkWritten(partial, folder, progress);
      const dtypes = [...new Set(tensors.map((tensor) => tensor.dtype))].sort().join('+');
      const notes = largerThan(shardBytes, tensors);
      return {
        path: resolve(destination),
        format: 'huggingface',
        dtype: dtypes,
        bytes: await folderBytes(partial),
        verified: true,
        ...(notes.length > 0 && { notes }),
      };
    } finally {
      await folder.close();
    }
  });
}

function floatDtypeOf(folder: ModelFolder, name: string): FloatDtype {
  return folder.dtypeOf(name) as FloatDtype; // an open folder has no others
}

interface ExportedTensor extends NamedShape {
  dtype: FloatDtype;
}

/** A weight file and what goes into it. */
interface Shard<Tensor = ExportedTensor> {
  name: string;
  tensors: Tensor[];
}

/** Spreads tensors, in their order, over files of at most so many bytes. */
function inShards(tensors: readonly ExportedTensor[], shardBytes = Infinity): Shard[] {
  const groups: ExportedTensor[][] = [];
  let room = 0;
  for (const tensor of tensors) {
    const bytes = byteLength(tensor.shape, tensor.dtype);
    if (groups.length === 0 || bytes > room) {
      groups.push([]);
      room = shardBytes;
    }
    groups.at(-1)!.push(tensor);
    room -= bytes;
  }
  if (groups.length > MAX_SHARDS) {
    throw new StrataError('BAD_INPUT', 'The model would be cut into too many files.', {
      found: `${groups.length} files of at most ${shardBytes} bytes`,
      allowed: `up to ${MAX_SHARDS} files`,
      hint: 'Choose larger files.',
    });
  }
  return groups.map((group, index) => ({ name: weightFileName(index, groups.length), tensors: group }));
}

/** A tensor is never cut in two, so that files are larger than asked for where it is. */
function largerThan(shardBytes: number | undefined, tensors: readonly ExportedTensor[]): string[] {
  const sizes = tensors.map(({ name, shape, dtype }) => ({ name, bytes: byteLength(shape, dtype) }));
  const larger = sizes.filter(({ bytes }) => bytes > (shardBytes ?? Infinity)).sort((a, b) => b.bytes - a.bytes);
  const [largest] = larger;
  if (!largest) return [];
  const asked = `larger than the size of files asked for (${shardBytes} bytes)`;
  return larger.length === 1
    ? [`${largest.name} (${largest.bytes} bytes) is ${asked} and has a file of its own.`]
    : [`${larger.length} tensors are ${asked}, and each has a file of its own; the largest is ${largest.name}, ${largest.bytes} bytes.`];
}

/** What transformers calls the weight files of a model. */
function weightFileName(index: number, count: number): string {
  const padded = (number: number): string => String(number).padStart(5, '0');
  return count === 1 ? 'model.safetensors' : `model-${padded(index + 1)}-of-${padded(count)}.safetensors`;
}

/** `model.safetensors.index.json` as transformers writes it: keys in the order of the alphabet. */
export function shardIndex(files: readonly Shard<NamedShape & { dtype: SafetensorsDtype }>[], parameters: number): string {
  const bytes = files.flatMap(({ tensors }) => tensors).reduce((sum, { shape, dtype }) => sum + byteLength(shape, dtype), 0);
  const map = files.flatMap(({ name, tensors }) => tensors.map((tensor) => [tensor.name, name] as const));
  const index = {
    metadata: { total_parameters: parameters, total_size: bytes },
    weight_map: Object.fromEntries(map.sort(([a], [b]) => (a < b ? -1 : 1))),
  };
  return JSON.stringify(index, null, 2) + '\n';
}

async function writeShard(directory: string, folder: ModelFolder, { name, tensors }: Shard, progress: ExportProgress): Promise<void> {
  const entries = tensors.map((tensor) => ({
    ...tensor,
    data: () => {
      const stored = { dtype: floatDtypeOf(folder, tensor.name), pieces: folder.readPieces(tensor.name) };
      return progress.count(convertPieces(tensor.name, stored, tensor.dtype));
    },
  }));
  await writeSafetensors(join(directory, name), entries, { format: 'pt' });
}

/** Opens what was written and compares its configuration and all its tensors with the model's. */
async function checkWritten(directory: string, source: ModelFolder, progress: ExportProgress): Promise<void> {
  const written = await openModelFolder(directory);
  try {
    if (!isDeepStrictEqual(written.config, source.config)) throw notAsRead('config.json');
    for (const { name } of llamaTensors(source.config)) {
      const after = { dtype: floatDtypeOf(written, name), pieces: progress.count(written.readPieces(name)) };
      const before = { dtype: floatDtypeOf(source, name), pieces: source.readPieces(name) };
      if (!(await isConversionOf(after, before))) throw notAsRead(name);
    }
  } finally {
    await written.close();
  }
}

/** For an export that was opened again and is not what it should be. */
export function notAsRead(what: string): StrataError {
  return new StrataError('CORRUPT', 'What was written is not what was read.', {
    found: `${what} differs`,
    hint: 'The disk may be failing; export to another one.',
    allowed: 'every tensor and number as it is in the model',
  });
}
