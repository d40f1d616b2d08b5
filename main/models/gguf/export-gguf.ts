import { stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { elementsOf } from '../../../shared/domain/llama-tensors.ts';
import { unfinishedExport, writeExportFile } from '../export/export-destination.ts';
import type { ExportedModel } from '../export/export-model.ts';
import { ExportProgress, type ExportWatch } from '../export/export-progress.ts';
import { openModelFolder } from '../model-folder.ts';
import { checkGguf } from './check-gguf.ts';
import { architectureMetadata } from './architecture-metadata.ts';
import { type GgufTensor, ggufTensors } from './export-tensors.ts';
import type { GgufExportType } from './quantise.ts';
import { tokenizerMetadata } from './tokenizer-metadata.ts';
import { type GgufMetadata, tensorBytes, writeGguf } from './write-gguf.ts';

export type { GgufExportType } from './quantise.ts';

export interface GgufExportOptions extends ExportWatch {
  /** What matrices are stored as; {@link ggufTensors} says which are not. */
  dtype: GgufExportType;
  /** The name that programs show; unless said, that of the file. */
  name?: string;
}

export interface ExportedGguf extends ExportedModel {
  /** Matrices that are F16, because their rows are not whole blocks of the type that was asked for. */
  storedAsF16: string[];
  /** What llama.cpp does in another way than Strata, in words. */
  notes: string[];
}

/**
 * Writes a model as one GGUF file for llama.cpp and the programs built on it: weights in the type asked for, the rows of query and key in
 * its order, tokenizer and chat template. The file is opened again and compared with the source before it gets its name.
 * @param partial a folder where it is written at first, for a caller that may have to end in the middle and remove it.
 * @throws StrataError BAD_INPUT when something is at the destination; UNSUPPORTED when llama.cpp would compute something else.
 */
export async function exportGguf(
  modelDirectory: string,
  destination: string,
  { dtype, name, ...watch }: GgufExportOptions,
  partial = unfinishedExport(destination),
): Promise<ExportedGguf> {
  const path = resolve(destination);
  const folder = await openModelFolder(modelDirectory);
  try {
    return await writeExportFile(path, partial, async () => {
      const architecture = architectureMetadata(folder.config, name ?? basename(path).replace(/\.gguf$/i, ''), dtype);
      const tokenizer = await tokenizerMetadata(modelDirectory, folder.config);
      const metadata = new Map<string, GgufMetadata>([...architecture.metadata, ...tokenizer.metadata]);
      const tensors = countedTensors(ggufTensors(folder, dtype), watch);
      const written = join(partial, 'model.gguf');
      const hashes = await writeGguf(written, metadata, tensors);
      await checkGguf(written, metadata, tensors, hashes);
      const result: ExportedGguf = {
        path,
        format: 'gguf',
        dtype,
        bytes: (await stat(written)).size,
        verified: true,
        storedAsF16: dtype === 'F16' ? [] : tensors.filter(({ type }) => type === 'F16').map((tensor) => tensor.name),
        notes: [...architecture.notes, ...tokenizer.notes],
      };
      return { written: 'model.gguf', result };
    });
  } finally {
    await folder.close();
  }
}

/** The same tensors; their bytes are counted when they are written, and once more when they are compared. */
function countedTensors(tensors: readonly GgufTensor[], watch: ExportWatch): GgufTensor[] {
  const total = tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0);
  const progress = new ExportProgress(2 * total, watch);
  return tensors.map((tensor) => ({
    ...tensor,
    pieces: () => progress.count(tensor.pieces()),
    values: () => progress.count(tensor.values(), tensorBytes(tensor) / elementsOf(tensor.shape)),
  }));
}
