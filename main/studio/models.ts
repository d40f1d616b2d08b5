import { rm } from 'node:fs/promises';
import { basename, resolve as absolutePath } from 'node:path';
import type { ModelInfo, VerifiedModel } from '../../shared/contract/models.ts';
import { modelParameters } from '../../shared/domain/llama-config.ts';
import { blockOwners, lastStep } from '../../shared/domain/expansion.ts';
import type { CompanionBytes } from '../../shared/domain/export-size.ts';
import type { Importance } from '../../shared/domain/importance.ts';
import { parsePlace, planExpansion } from '../../shared/domain/plan.ts';
import { StrataError } from '../../shared/errors.ts';
import { attachPack } from '../models/pack/attach-pack.ts';
import { companionBytes } from '../models/companion-bytes.ts';
import { expandModelFolder } from '../models/expansion/expand-folder.ts';
import { readExpansionFile } from '../models/expansion/expansion-file.ts';
import { isPack, readPackDescription, readPackModels, whatComesFirst } from '../models/pack/expansion-pack.ts';
import { isPackArchive, unpackPackArchive } from '../models/pack/pack-archive.ts';
import { folderBytes } from '../models/export/export-destination.ts';
import { importModel } from '../models/import-model.ts';
import { isMeantAsModel } from '../models/recognise-model.ts';
import { describeDisagreement, weightsDisagree } from '../models/expansion/expansion-check.ts';
import { modelHash, openModelFolder } from '../models/model-folder.ts';
import { insertModel, listModels, type StoredModel } from '../store/models.ts';
import { describeSource, folderOf, makeFolder, newId, now, resolve, type StudioContext, uniqueName } from './context.ts';
import { ItemBin } from './item-bin.ts';
import { keptTensors, verifyModel } from './model-checks.ts';

/** Use cases of models. Every model lies in its own folder of the workspace and never changes. */
export class Models {
  readonly #context: StudioContext;
  readonly #companions = new Map<string, Promise<CompanionBytes>>();
  /** Imports that go on, by what was asked for. */
  readonly #importing = new Map<string, Promise<ModelInfo>>();

  /** Those that were deleted. */
  readonly bin: ItemBin;

  constructor(context: StudioContext) {
    this.#context = context;
    this.bin = new ItemBin(context, {
      table: 'models',
      word: 'model',
      needs: ({ baseModel }, id) => baseModel.id === id,
      does: 'starts from',
      present: () => listModels(context.store),
    });
  }

  list(): ModelInfo[] {
    return listModels(this.#context.store).map(infoOf);
  }

  find(reference: string): StoredModel {
    return resolve('model', reference, listModels(this.#context.store), this.bin.list());
  }

  show(reference: string): ModelInfo {
    return infoOf(this.find(reference));
  }

  /**
   * Brings a model into the workspace. Asked for again in the same words while it goes on (a second click, a second page), it is made once.
   * @param input.base the model that a pack is to be put on; the one with the hash that the pack names unless said.
   * @param origin where it came from, for the user, when that is not the path.
   */
  import(input: { path: string; name?: string; base?: string }, origin?: string): Promise<ModelInfo> {
    const words = JSON.stringify([input.path, input.name, input.base, origin]);
    const importing = this.#importing.get(words) ?? this.#import(input, origin).finally(() => this.#importing.delete(words));
    this.#importing.set(words, importing);
    return importing;
  }

  /** Of files and folders of any kind, those that are meant as models or packs: see {@link isMeantAsModel}. */
  async recognise({ paths }: { paths: readonly string[] }): Promise<{ models: string[] }> {
    const models: string[] = [];
    for (const path of paths) if (await isMeantAsModel(path)) models.push(path);
    return { models };
  }

  async #import({ path: given, name, base }: { path: string; name?: string; base?: string }, origin?: string): Promise<ModelInfo> {
    const path = absolutePath(given); // "." has no name
    if (await isPackArchive(path)) return this.#attachArchive(path, name, base);
    if (await isPack(path)) return this.#attach(path, name, base);
    if (base !== undefined) {
      throw new StrataError('BAD_INPUT', 'Only a pack is put on a base.', {
        found: `${path}, which is no pack`,
        allowed: 'a folder with pack.json, or a .strata-pack file',
        hint: 'Import it without naming a base.',
      });
    }
    const id = newId(name ?? basename(path));
    const directory = folderOf(this.#context, 'models', id);
    return makeFolder(this.#context, directory, async () => {
      const { suggestedName, hash, notes } = await importModel(path, directory);
      const source = origin ?? describeSource(this.#context, [path]);
      const model = await this.register({ id, name: name ?? suggestedName, source, baseModel: null, run: null, hash });
      const { differences } = await keptTensors(this.#context, model);
      if (differences.length > 0) notes.push(describeDisagreement(differences));
      for (const note of notes) this.#context.log(`Note: ${note}`);
      return infoOf(model);
    });
  }

  /** Puts a pack that came as one file on its base; its folder is needed only meanwhile. */
  async #attachArchive(file: string, name: string | undefined, reference: string | undefined): Promise<ModelInfo> {
    const directory = `${folderOf(this.#context, 'models', newId('pack'))}.partial`;
    return makeFolder(this.#context, directory, async () => {
      await unpackPackArchive(file, directory);
      const model = await this.#attach(directory, name, reference, file);
      await rm(directory, { recursive: true, force: true });
      return model;
    });
  }

  /** Puts a pack on its base. @param origin where it came from, when that is not the path. */
  async #attach(path: string, name: string | undefined, reference: string | undefined, origin = path): Promise<ModelInfo> {
    const pack = await readPackDescription(path);
    const base = reference === undefined ? this.#withHash(pack.base.hash) : this.find(reference);
    if (!base) {
      throw new StrataError('NOT_FOUND', 'The base of this pack is not in the workspace.', {
        found: `no model with sha256 ${pack.base.hash}`,
        allowed: `"${pack.base.name}", which the pack was made with`,
        hint: whatComesFirst(await readPackModels(path, pack)),
      });
    }
    const wanted = name ?? pack.model.name;
    const id = newId(wanted);
    const directory = folderOf(this.#context, 'models', id);
    return makeFolder(this.#context, directory, async () => {
      const hash = await attachPack(path, { name: base.name, directory: base.path }, directory);
      const expansion = await readExpansionFile(directory);
      const baseModel = this.#withHash(lastStep(expansion!).base.hash)?.id ?? null;
      const source = `${describeSource(this.#context, [origin])}, put on ${base.name}`;
      return infoOf(await this.register({ id, name: wanted, source, baseModel, run: null, hash }));
    });
  }

  #withHash(hash: string): StoredModel | undefined {
    return listModels(this.#context.store).find((model) => model.hash === hash);
  }

  /**
   * Adds the folder of an id to the list of models; where that fails, the folder is deleted, for nothing would ever name it.
   * `together` writes what must be recorded with it or not at all.
   * @param entry `hash` where it is known, so that the files need not be read again for it.
   */
  async register(
    entry: { id: string; name: string; source: string; baseModel: string | null; run: string | null; hash?: string },
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
        hash: entry.hash ?? (await modelHash(path)),
        plan: folder.plan,
        line: folder.expansion?.line ?? [],
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

  /** @param input.importance what the base's blocks matter, for the place `least-important`; kept with the model. */
  async expand(input: {
    model: string;
    blocks?: number;
    place: string;
    name?: string;
    importance?: Importance | null;
  }): Promise<ModelInfo> {
    const base = this.find(input.model);
    const importance = input.importance ?? null;
    const plan = planExpansion(base.blocks, input.blocks, parsePlace(input.place), importance?.blocks ?? null);
    await this.checkPlan(base);
    const name = input.name ?? `${base.name} +${plan.inserted.length}`;
    const id = newId(name);
    const directory = folderOf(this.#context, 'models', id);
    return makeFolder(this.#context, directory, async () => {
      const hash = await expandModelFolder(base.path, directory, plan, { name: base.name, hash: base.hash }, { id, name, importance });
      return infoOf(await this.register({ id, name, source: `expanded from ${base.name}`, baseModel: base.id, run: null, hash }));
    });
  }

  /** Bytes that an export of a model has beside its weights: a model never changes, so they are counted once. */
  companionsOf({ id, path }: StoredModel): Promise<CompanionBytes> {
    const known = this.#companions.get(id) ?? companionBytes(path);
    this.#companions.set(id, known);
    return known;
  }

  /** Compares an expanded model with its base, from the files of both: see {@link verifyModel}. */
  async verify({ model, engine = 'auto' }: { model: string; engine?: string }): Promise<VerifiedModel> {
    return verifyModel(this.#context, this.find(model), engine);
  }

  /**
   * What training must not start from: a model of which the plan in its folder says what is not true.
   * @throws StrataError CORRUPT, with the tensors that differ.
   */
  async checkPlan(model: StoredModel): Promise<void> {
    const { differences } = await keptTensors(this.#context, model);
    if (differences.length > 0) throw weightsDisagree(model.name, differences);
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

  /**
   * Puts a model into the bin.
   * @throws StrataError CONFLICT while an unfinished run starts from it.
   */
  remove({ model }: { model: string }): { removed: string } {
    return this.bin.put(this.find(model));
  }

  /** Takes a model out of the bin. */
  restore({ model }: { model: string }): ModelInfo {
    return this.show(this.bin.restore(model));
  }
}

function infoOf({ hash: _, ...model }: StoredModel): ModelInfo {
  return { ...model, owners: blockOwners(model, model.blocks) };
}
