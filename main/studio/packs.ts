import type { z } from 'zod';
import type { Composed, composeRequestSchema, ModelPacks, PackProof } from '../../shared/contract/packs.ts';
import { modelParameters } from '../../shared/domain/llama-config.ts';
import { ancestryOf, findPack, modelBelow, packsOf, type PackStrength } from '../../shared/domain/pack.ts';
import { StrataError } from '../../shared/errors.ts';
import { comparedTensors, weightDifferences } from '../models/expansion/expansion-check.ts';
import { openModelFolder } from '../models/model-folder.ts';
import { composePacks, otherBase, type PackSource } from '../models/pack/compose-packs.ts';
import { listModels, type StoredModel } from '../store/models.ts';
import { findGate, findProof, insertProof } from '../store/pack-records.ts';
import type { Verification } from '../training/verify-job.ts';
import { folderOf, makeFolder, newId, now, type StudioContext } from './context.ts';
import { type ChosenSource, compositionWarnings } from './pack-warnings.ts';
import type { Models } from './models.ts';
import type { Text } from './text.ts';

/** Use cases of domain packs: see shared/domain/pack.ts. */
export class Packs {
  readonly #context: StudioContext;
  readonly #models: Models;
  readonly #text: Text;

  constructor(context: StudioContext, models: Models, text: Text) {
    this.#context = context;
    this.#models = models;
    this.#text = text;
  }

  /** @param input.model model or run: id or name. */
  async list({ model: reference }: { model: string }): Promise<ModelPacks> {
    const { store } = this.#context;
    const { id, name, hash, line, path } = this.#text.modelOf(reference);
    const folder = await openModelFolder(path);
    await folder.close();
    const perBlock = modelParameters(folder.config) - modelParameters({ ...folder.config, blocks: folder.config.blocks - 1 });
    const base = modelBelow(line);
    return {
      model: { id, name, hash },
      packs: packsOf(line).map(({ heldBy, step, positions, ...pack }) => ({
        ...pack,
        step: step + 1,
        positions,
        parameters: positions.length * perBlock,
        isRemovable: heldBy === null,
        reason: heldBy,
        gate: findGate(store, hash, pack.number),
      })),
      base: base && { ...base, id: this.#withHash(base.hash)?.id ?? null },
      proof: findProof(store, hash),
    };
  }

  /**
   * Opens a model and what is left of it without its packs anew from disk, and compares them: logits on real text to the last bit, and the bytes
   * of every tensor that must be the base's. The result is kept.
   * @throws StrataError BAD_INPUT when no pack can be left out; NOT_FOUND when the base is not in the workspace.
   */
  async prove({ model: reference, engine = 'auto' }: { model: string; engine?: string }): Promise<PackProof> {
    const started = performance.now();
    const model = this.#text.modelOf(reference);
    const base = this.#baseOf(model);
    const positions = packsOf(model.line).flatMap((pack) => (pack.heldBy === null ? pack.positions : []));
    const tensors = await compareTensors(model, base);
    const job = { kind: 'verify' as const, engine, modelDirectory: model.path, baseModelDirectory: base.path, positions };
    const verified = (await this.#context.executor.start(job, () => undefined).finished) as Verification;
    const { bypassDifference, tokens } = verified;
    const proof: PackProof = {
      base: { id: base.id, name: base.name, hash: base.hash },
      isProved: bypassDifference === 0 && tensors.different.length === 0 && tokens > 0,
      maxLogitDifference: bypassDifference,
      tokens,
      tensors,
      engine: verified.engine,
      seconds: (performance.now() - started) / 1000,
      at: now(),
    };
    insertProof(this.#context.store, model.hash, proof);
    return proof;
  }

  /**
   * Makes a model of a base and packs of other models.
   * @throws StrataError BAD_INPUT when a pack belongs to another base, cannot be taken out, is named twice, or has a strength that is none.
   */
  async compose({ base: baseReference, packs, name: wanted }: z.output<typeof composeRequestSchema>): Promise<Composed> {
    const chosen = packs.map(({ model, ...pack }) => ({ model: this.#text.modelOf(model), ...pack }));
    const base = baseReference === undefined ? this.#baseOf(chosen[0]!.model) : this.#models.find(baseReference);
    const sources = sourcesOf(chosen);
    for (const { model, packs } of sources) checkChoice(model, packs, base);
    for (const { model } of [{ model: base }, ...sources]) await this.#models.checkPlan(model);
    const name = wanted ?? `${base.name} with ${sources.map(({ model }) => model.name).join(', ')}`.slice(0, 200);
    const id = newId(name);
    const directory = folderOf(this.#context, 'models', id);
    return makeFolder(this.#context, directory, async () => {
      const hash = await composePacks(packModel(base), sources.map(packSource), directory, { id, name });
      const source = `${base.name} with ${chosen.map(({ model, pack }) => `pack ${pack} of ${model.name}`).join(', ')}`;
      const made = await this.#models.register({ id, name, source, baseModel: base.id, run: null, hash });
      return { model: this.#models.show(made.id), warnings: compositionWarnings(base, sources) };
    });
  }

  #baseOf({ name, line }: StoredModel): StoredModel {
    const below = modelBelow(line);
    // Says why: there is no pack, or none that can be left out.
    if (!below) throw new StrataError('BAD_INPUT', `"${name}" has no pack that can be left out.`, whyNone(line));
    const base = this.#withHash(below.hash);
    if (base) return base;
    throw new StrataError('NOT_FOUND', `The base of "${name}" is not in the workspace.`, {
      found: `no model with sha256 ${below.hash}`,
      allowed: `"${below.name}"`,
      hint: 'Import the base again, from the same files.',
    });
  }

  #withHash(hash: string): StoredModel | undefined {
    return listModels(this.#context.store).find((model) => model.hash === hash);
  }
}

function whyNone(line: StoredModel['line']): { found: string; allowed: string; hint: string } {
  const held = packsOf(line).at(-1)?.heldBy;
  return {
    found: held ?? 'a model without inserted blocks',
    allowed: 'a model made by expansion, and by nothing else since',
    hint: 'Only the method expand leaves the base inside the model unchanged.',
  };
}

/** Choices by model, in the order in which models are first named. */
function sourcesOf(chosen: readonly ({ model: StoredModel } & PackStrength)[]): ChosenSource[] {
  return [...Map.groupBy(chosen, ({ model }) => model.id).values()].map((of) => ({
    model: of[0]!.model,
    packs: of.map(({ pack, strength }) => ({ pack, strength })),
  }));
}

function checkChoice(model: StoredModel, packs: readonly PackStrength[], base: StoredModel): void {
  const ancestry = ancestryOf(model.line, base.hash);
  for (const { pack, strength } of packs) {
    findPack(model, pack);
    if (!(strength > 0 && strength <= 1)) {
      throw new StrataError('BAD_INPUT', 'That is not a possible strength of a pack that is put on a base.', {
        found: String(strength),
        allowed: 'above 0, up to 1',
        hint: 'A pack of strength 0 is none: leave it out.',
      });
    }
  }
  const twice = packs.find(({ pack }, index) => packs.findIndex((other) => other.pack === pack) !== index);
  if (twice) {
    throw new StrataError('BAD_INPUT', 'A pack can be put on a base once.', {
      found: `pack ${twice.pack} of "${model.name}" twice`,
      allowed: 'each pack once',
    });
  }
  const isThere = packs.every(({ pack }) => ancestry?.some((block) => 'pack' in block && block.pack === pack));
  if (!isThere) throw otherBase(model, model.line, base);
}

function packModel({ name, path, hash }: StoredModel): PackSource['model'] {
  return { name, directory: path, hash };
}

function packSource({ model, packs }: ChosenSource): PackSource {
  return { model: packModel(model), packs };
}

/** The tensors of the model that must be the base's, and those that are not. */
async function compareTensors(model: StoredModel, base: StoredModel): Promise<PackProof['tensors']> {
  const [folder, original] = [await openModelFolder(model.path), await openModelFolder(base.path)];
  try {
    const step = model.line.findIndex((each) => each.base.hash === base.hash);
    const ancestor = { folder: original, step };
    const compared = comparedTensors(folder, ancestor).filter(({ origin }) => origin !== null);
    const names = new Set(compared.map(({ name }) => name));
    const differences = await weightDifferences(folder, ancestor);
    return { compared: names.size, different: differences.map(({ name }) => name).filter((name) => names.has(name)) };
  } finally {
    await folder.close();
    await original.close();
  }
}
