import { readFile, rm } from 'node:fs/promises';
import { basename, join, resolve as absolutePath } from 'node:path';
import type { ModelInfo } from '../../shared/contract/contract.ts';
import { modelParameters } from '../../shared/domain/llama-config.ts';
import { llamaTensors } from '../../shared/domain/llama-tensors.ts';
import { expandedBlocks, parsePlace, planExpansion } from '../../shared/domain/plan.ts';
import { StrataError } from '../../shared/errors.ts';
import { expandModelFolder } from '../models/expand-folder.ts';
import { exportHuggingFace, folderBytes, unfinishedExport } from '../models/export-model.ts';
import { importModel } from '../models/import-model.ts';
import { modelHash, openModelFolder } from '../models/model-folder.ts';
import { deleteModel, insertModel, listModels, type StoredModel } from '../store/models.ts';
import { listRuns } from '../store/runs.ts';
import type { Verification } from '../training/verify-job.ts';
import { describeSource, folderOf, makeFolder, newId, now, resolve, type StudioContext, uniqueName } from './context.ts';

/** Use cases of models. Every model lies in its own folder of the workspace and never changes. */
export class Models {
  readonly #context: StudioContext;

  constructor(context: StudioContext) {
    this.#context = context;
  }

  list(): ModelInfo[] {
    return listModels(this.#context.store).map(infoOf);
  }

  find(reference: string): StoredModel {
    return resolve('model', reference, listModels(this.#context.store));
  }

  show(reference: string): ModelInfo {
    return infoOf(this.find(reference));
  }

  /** @param origin where it came from, for the user, when that is not the path. */
  async import({ path: given, name }: { path: string; name?: string }, origin?: string): Promise<ModelInfo> {
    const path = absolutePath(given); // "." has no name
    const id = newId(name ?? basename(path));
    const directory = folderOf(this.#context, 'models', id);
    return makeFolder(this.#context, directory, async () => {
      const { suggestedName } = await importModel(path, directory);
      const source = origin ?? describeSource(this.#context, [path]);
      return infoOf(await this.register({ id, name: name ?? suggestedName, source, baseModel: null, run: null }));
    });
  }

  /**
   * Adds the folder of an id to the list of models; where that fails, the folder is deleted, for nothing would ever name it.
   * `together` writes what must be recorded with it or not at all.
   */
  async register(
    entry: { id: string; name: string; source: string; baseModel: string | null; run: string | null },
    together: (model: StoredModel) => void = () => undefined,
  ): Promise<StoredModel> {
    const { store } = this.#context;
    const path = folderOf(this.#context, 'models', entry.id);
    try {
      const folder = await openModelFolder(path);
      await folder.close();
      const found = {
        architecture: folder.architecture,
        parameters: modelParameters(folder.config),
        blocks: folder.config.blocks,
        vocabularySize: folder.config.vocabularySize,
        contextLength: folder.config.contextLength,
        path,
        bytes: await folderBytes(path),
        hash: await modelHash(path),
        plan: folder.plan,
        createdAt: now(),
      };
      // The name is chosen and taken in one step: two programs may register at the same time.
      const register = store.transaction((): StoredModel => {
        const model = { ...entry, ...found, name: uniqueName(entry.name, listModels(store)) };
        insertModel(store, model);
        together(model);
        return model;
      });
      return register.immediate();
    } catch (error) {
      await rm(path, { recursive: true, force: true });
      throw error;
    }
  }

  async expand(input: { model: string; blocks?: number; place: string; name?: string }): Promise<ModelInfo> {
    const base = this.find(input.model);
    const plan = planExpansion(base.blocks, input.blocks, parsePlace(input.place));
    const name = input.name ?? `${base.name} +${plan.inserted.length}`;
    const id = newId(name);
    const directory = folderOf(this.#context, 'models', id);
    return makeFolder(this.#context, directory, async () => {
      await expandModelFolder(base.path, directory, plan, { name: base.name, hash: base.hash });
      return infoOf(await this.register({ id, name, source: `expanded from ${base.name}`, baseModel: base.id, run: null }));
    });
  }

  /** Opens an expanded model and its base anew and compares their tensors byte by byte and their logits to the last bit. */
  async verify({
    model: reference,
    engine = 'auto',
  }: {
    model: string;
    engine?: string;
  }): Promise<{ identity: boolean; maxLogitDifference: number | null; plan: number[]; problems: string[] }> {
    const model = this.find(reference);
    const base = model.baseModel === null ? undefined : listModels(this.#context.store).find(({ id }) => id === model.baseModel);
    const problems: string[] = [];
    if (model.plan === null) problems.push('The model was not made by expansion: there is no plan in its folder.');
    else if (!base) problems.push('Its base is no longer in the workspace, so there is nothing to compare it with.');
    else problems.push(...(await differencesFromBase(model, base)));
    const job = {
      kind: 'verify' as const,
      engine,
      modelDirectory: model.path,
      baseModelDirectory: model.plan && base ? base.path : null,
    };
    const result = (await this.#context.executor.start(job, () => undefined).finished) as Verification;
    return {
      identity: result.maxLogitDifference === 0,
      maxLogitDifference: result.maxLogitDifference,
      plan: model.plan?.inserted.map(({ after }) => after) ?? [],
      problems: [...problems, ...result.problems],
    };
  }

  async export(input: { model: string; format: 'huggingface'; directory: string }): Promise<Awaited<ReturnType<typeof exportHuggingFace>>> {
    const partial = unfinishedExport(input.directory);
    return makeFolder(this.#context, partial, () => exportHuggingFace(this.find(input.model).path, input.directory, partial));
  }

  /**
   * Reads a model's files and compares them with what they were: a run must not start from, or go on with, other weights than it says.
   * @throws StrataError CONFLICT when they are not the same any more.
   */
  async checkUnchanged(model: StoredModel, hash = model.hash): Promise<void> {
    const present = await modelHash(model.path);
    if (present === hash) return;
    throw new StrataError('CONFLICT', `The files of the model "${model.name}" were changed after its import.`, {
      found: `sha256 ${present.slice(0, 16)}… in ${model.path}`,
      allowed: `${hash.slice(0, 16)}…: a model in the workspace never changes`,
      hint: 'Put the original files back, or import the model again under another name and start a new run.',
    });
  }

  /** @throws StrataError CONFLICT while an unfinished run starts from it. */
  async remove({ model: reference }: { model: string }): Promise<{ removed: string }> {
    const model = this.find(reference);
    const user = listRuns(this.#context.store).find(
      ({ status, configuration }) => !['done', 'stopped', 'failed'].includes(status) && configuration.baseModel.id === model.id,
    );
    if (user) {
      throw new StrataError('CONFLICT', 'A run that is not finished starts from this model.', {
        found: `run ${user.name} (${user.status})`,
        hint: 'Let it finish or delete it first.',
      });
    }
    deleteModel(this.#context.store, model.id);
    await rm(model.path, { recursive: true, force: true });
    return { removed: model.id };
  }
}

function infoOf({ hash: _, ...info }: StoredModel): ModelInfo {
  return info;
}

/** Every tensor that the plan says was copied must have the base's bytes; the tokenizer must be the same. */
async function differencesFromBase(model: StoredModel, base: StoredModel): Promise<string[]> {
  const problems: string[] = [];
  const [expanded, original] = [await openModelFolder(model.path), await openModelFolder(base.path)];
  try {
    const layout = expandedBlocks(expanded.plan!);
    for (const { name } of llamaTensors(expanded.config)) {
      const position = /^model\.layers\.(\d+)\./.exec(name)?.[1];
      const block = position === undefined ? null : layout[Number(position)]!;
      if (block?.inserted) continue; // trained, or zero: the logits judge those
      const source = block ? name.replace(/layers\.\d+/, `layers.${block.base}`) : name;
      const isSame = Buffer.compare(await expanded.readBytes(name), await original.readBytes(source)) === 0;
      if (!isSame) problems.push(`${name} is not the base's ${source}.`);
    }
    const read = (directory: string): Promise<string> => readFile(join(directory, 'tokenizer.json'), 'utf8');
    if ((await read(model.path)) !== (await read(base.path))) problems.push("The tokenizer is not the base's.");
  } finally {
    await expanded.close();
    await original.close();
  }
  return problems;
}
