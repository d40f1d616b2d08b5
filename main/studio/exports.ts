import { join, resolve as absolutePath } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ExportedModel, ExportEvent, ExportRequest, ExportSizes } from '../../shared/contract/exports.ts';
import { DTYPES_OF_FORMAT, type ExportDtype, type ExportFormat, parseExportDtype } from '../../shared/domain/export-format.ts';
import { lastStep } from '../../shared/domain/expansion.ts';
import { exportSizes } from '../../shared/domain/export-size.ts';
import { llamaTensors } from '../../shared/domain/llama-tensors.ts';
import { StrataError } from '../../shared/errors.ts';
import { readExpansionFile } from '../models/expansion/expansion-file.ts';
import { blockOrigins, insertedTensors } from '../models/pack/expansion-pack.ts';
import { unfinishedExport } from '../models/export/export-destination.ts';
import { exportHuggingFace } from '../models/export/export-model.ts';
import { exportPack, exportPackFile } from '../models/pack/export-pack.ts';
import { isPackArchiveName } from '../models/pack/pack-archive.ts';
import type { ExportWatch } from '../models/export/export-progress.ts';
import { type ExportedGguf, exportGguf } from '../models/gguf/export-gguf.ts';
import { type ModelFolder, openModelFolder } from '../models/model-folder.ts';
import { exportOllama } from '../models/export/ollama.ts';
import { byteLength } from '../models/safetensors.ts';
import { listModels, type StoredModel } from '../store/models.ts';
import { makeFolder, type StudioContext } from './context.ts';
import type { Models } from './models.ts';

/** Least time between two events of an export. */
const EVENT_MS = 100;

/** Use cases of exports: models written for other programs, or as packs for other workspaces. */
export class Exports {
  readonly #context: StudioContext;
  readonly #models: Models;
  /** Ends every export when the studio closes. */
  readonly #closing = new AbortController();
  readonly #going = new Set<Promise<unknown>>();
  /** Places that are being written to. */
  readonly #places = new Set<string>();

  constructor(context: StudioContext, models: Models) {
    this.#context = context;
    this.#models = models;
  }

  /**
   * Writes a model, opens what was written again, and compares.
   * @throws StrataError BAD_INPUT for an element type or an option that the format does not take.
   */
  write(request: ExportRequest, watch: ExportWatch = {}): Promise<ExportedModel> {
    const ends = [this.#closing.signal, ...(watch.signal ? [watch.signal] : [])];
    const writing = this.#write(request, { ...watch, signal: AbortSignal.any(ends) });
    this.#going.add(writing);
    const gone = (): void => void this.#going.delete(writing);
    void writing.then(gone, gone);
    return writing;
  }

  /** Ends what is being exported; nothing half-written stays. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#going);
  }

  async #write(request: ExportRequest, watch: ExportWatch): Promise<ExportedModel> {
    const { format, destination, shardBytes } = request;
    const model = this.#models.find(request.model);
    const dtype = request.dtype === undefined ? undefined : parseExportDtype(request.dtype, format);
    refuseOption(format, 'huggingface', 'a size of files', shardBytes);
    refuseOption(format, 'pack', 'a base', request.base);
    if (format === 'pack') {
      const base = await this.#baseOf(model, request.base);
      const write = isPackArchiveName(destination) ? exportPackFile : exportPack;
      return this.#written(destination, (partial) => write(sourceOf(model), sourceOf(base), destination, watch, partial));
    }
    if (format === 'huggingface') {
      const options = { ...watch, ...(isFloat(dtype) && { dtype }), ...(shardBytes !== undefined && { shardBytes }) };
      return this.#written(destination, (partial) => exportHuggingFace(model.path, destination, options, partial));
    }
    const options = { ...watch, dtype: dtype ?? (await widestDtype(model.path)), name: model.name };
    if (format === 'ollama') {
      return this.#written(destination, async (partial) => contractResult(await exportOllama(model.path, destination, options, partial)));
    }
    const file = /\.gguf$/i.test(destination) ? destination : join(destination, `${fileName(model.name)}.gguf`);
    return this.#written(file, async (partial) => contractResult(await exportGguf(model.path, file, options, partial)));
  }

  /** Does {@link write} and tells how far it is; the last event has the result. Ending the iteration, or the signal, ends the export. */
  async *follow(request: ExportRequest, signal?: AbortSignal): AsyncGenerator<ExportEvent, void> {
    const ended = new AbortController();
    const end = (): void => ended.abort();
    signal?.addEventListener('abort', end, { once: true });
    let done = 0;
    const onProgress = (bytes: number, total: number): void => void (done = bytes / Math.max(total, 1));
    const writing = this.write(request, { onProgress, signal: ended.signal });
    const isOver = writing.then(
      () => true,
      () => true, // told below
    );
    try {
      let told = -1;
      while (!(await Promise.race([isOver, delay(EVENT_MS, false)]))) {
        if (done !== told) yield { done, exported: null };
        told = done;
      }
      yield { done: 1, exported: await writing };
    } finally {
      signal?.removeEventListener('abort', end);
      ended.abort();
      await isOver; // what was half written is taken away before the call ends
    }
  }

  /** How large a model would be in each format and element type. */
  async sizes({ model: reference }: { model: string }): Promise<ExportSizes> {
    const model = this.#models.find(reference);
    const folder = await openModelFolder(model.path);
    try {
      const stored = [...new Set(llamaTensors(folder.config).map(({ name }) => folder.dtypeOf(name)))].sort();
      const sizes = exportSizes(folder.config, await this.#models.companionsOf(model)).flatMap(({ format, type, bytes }) =>
        formatsLike(format).map((each) => ({ format: each, dtype: type as ExportDtype | null, bytes })),
      );
      sizes.push({ format: 'huggingface', dtype: null, bytes: model.bytes });
      const pack = await packBytes(folder);
      if (pack !== null) sizes.push({ format: 'pack', dtype: null, bytes: pack });
      return { stored, sizes };
    } finally {
      await folder.close();
    }
  }

  /** The model that a pack is to be put on: the one named, or the one that the last blocks were inserted into. */
  async #baseOf(model: StoredModel, reference: string | undefined): Promise<StoredModel> {
    if (reference !== undefined) return this.#models.find(reference);
    const expansion = await readExpansionFile(model.path);
    if (!expansion) {
      throw new StrataError('BAD_INPUT', `"${model.name}" has no inserted blocks.`, {
        found: 'a model that was not made by expansion',
        allowed: 'an expanded model',
        hint: 'Export the whole model with --format huggingface.',
      });
    }
    const wanted = lastStep(expansion).base;
    const base = listModels(this.#context.store).find(({ hash }) => hash === wanted.hash);
    if (base) return base;
    throw new StrataError(
      'NOT_FOUND',
      `The base of "${model.name}" is not in the workspace, so there is nothing to take its blocks out of.`,
      {
        found: `no model with sha256 ${wanted.hash}`,
        allowed: `"${wanted.name}", which it was expanded from`,
        hint: 'Import the base again, from the same files.',
      },
    );
  }

  /** What is written lies in a place of its own until it is complete; a studio that has to end meanwhile takes it away. */
  async #written(destination: string, write: (partial: string) => Promise<ExportedModel>): Promise<ExportedModel> {
    const place = absolutePath(destination);
    if (this.#places.has(place)) throw isWritten(place);
    this.#places.add(place);
    const partial = unfinishedExport(place);
    return makeFolder(this.#context, partial, () => write(partial)).finally(() => this.#places.delete(place));
  }
}

/** The second of two exports to one place would write all of it and then find the place taken. */
function isWritten(place: string): StrataError {
  return new StrataError('CONFLICT', 'An export to that place goes on.', {
    found: place,
    allowed: 'one export to a place',
    hint: 'Wait until it is done, or choose another place.',
  });
}

/** What llama.cpp does in another way, and which matrices are not in the type asked for, in words. */
function contractResult({ storedAsF16, notes, ...exported }: ExportedGguf): ExportedModel {
  const wider = `${storedAsF16.length} matrices are F16: their rows are not whole blocks of ${exported.dtype}.`;
  return { ...exported, notes: storedAsF16.length > 0 ? [...notes, wider] : notes };
}

function sourceOf({ name, path }: StoredModel): { name: string; directory: string } {
  return { name, directory: path };
}

function isFloat(dtype: ExportDtype | undefined): dtype is 'F32' | 'F16' | 'BF16' {
  return dtype === 'F32' || dtype === 'F16' || dtype === 'BF16';
}

function refuseOption(format: ExportFormat, only: ExportFormat, what: string, value: unknown): void {
  if (value === undefined || format === only) return;
  throw new StrataError('BAD_INPUT', `The format "${format}" does not take ${what}.`, {
    found: String(value),
    allowed: `${what} with the format "${only}"`,
    hint: 'Leave it out, or choose that format.',
  });
}

/** The element type that loses nothing: the only one of the model's tensors, or F32. */
async function widestDtype(directory: string): Promise<'F32' | 'F16' | 'BF16'> {
  const folder = await openModelFolder(directory);
  await folder.close();
  const stored = new Set(llamaTensors(folder.config).map(({ name }) => folder.dtypeOf(name)));
  const [only] = stored;
  return stored.size === 1 && (only === 'F16' || only === 'BF16') ? only : 'F32';
}

/** A model's name as that of a file, on any system. */
function fileName(name: string): string {
  return name.replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^[-.]+|[-.]+$/g, '') || 'model';
}

/** Formats that take the same room. */
function formatsLike(format: 'huggingface' | 'gguf'): ExportFormat[] {
  return format === 'gguf' ? (['gguf', 'ollama'] as const).filter((each) => DTYPES_OF_FORMAT[each].length > 0) : [format];
}

/** Bytes of the tensors that a pack of the last expansion holds; null for a model that was not expanded. */
async function packBytes(folder: ModelFolder): Promise<number | null> {
  const expansion = await readExpansionFile(folder.directory);
  const blocks = expansion && blockOrigins(expansion, lastStep(expansion).base.hash);
  return (
    blocks && insertedTensors(folder.config, blocks).reduce((sum, { name, shape }) => sum + byteLength(shape, folder.dtypeOf(name)), 0)
  );
}
