import type { VerifiedModel } from '../../shared/contract/models.ts';
import { comparedTensors, type TensorDifference, weightDifferences } from '../models/expansion/expansion-check.ts';
import { compareInserted, configDifferences, convertedTypes, differentCompanions } from '../models/expansion/verify-expansion.ts';
import { type ModelFolder, openModelFolder } from '../models/model-folder.ts';
import { listModels, type StoredModel } from '../store/models.ts';
import type { Verification } from '../training/verify-job.ts';
import type { StudioContext } from './context.ts';

/** Whether a model is what the plan in its folder says: the base with blocks inserted. */

/**
 * Opens an expanded model and its base anew and compares them: every tensor that is the base's by its hash, inserted ones with what they
 * copy, config.json, tokenizer and the other files byte by byte, logits to the last bit.
 */
export async function verifyModel(context: StudioContext, model: StoredModel, engine: string): Promise<VerifiedModel> {
  const base = baseOf(context, model);
  const problems: string[] = [];
  if (model.plan === null) problems.push('The model was not made by expansion: there is no plan in its folder.');
  else if (!base) problems.push('Its base is no longer in the workspace, so its logits cannot be compared with anything.');
  const { compared, differences } = await keptTensors(context, model);
  for (const { name, found, allowed, comparedWith } of differences) {
    problems.push(`${name} is not what the plan says: found ${found}, allowed ${allowed}, ${comparedWith}.`);
  }
  const none = { compared: [], different: [], isConverted: false };
  const inserted = model.plan && base ? await compareFolders(model, base, problems, new Set(differences.map(({ name }) => name))) : none;
  const job = {
    kind: 'verify' as const,
    engine,
    modelDirectory: model.path,
    baseModelDirectory: model.plan && base && !inserted.isConverted ? base.path : null,
  };
  const result = (await context.executor.start(job, () => undefined).finished) as Verification;
  return {
    identity: result.maxLogitDifference === 0,
    maxLogitDifference: result.maxLogitDifference,
    plan: model.plan?.inserted.map(({ after }) => after) ?? [],
    tensors: {
      compared: new Set([...compared, ...inserted.compared]).size,
      different: [...new Set([...differences.map(({ name }) => name), ...inserted.different])],
    },
    problems: [...problems, ...result.problems],
  };
}

/** The model that the last step started from: by its id, or where the model came from elsewhere by its hash. */
function baseOf({ store }: StudioContext, model: StoredModel): StoredModel | undefined {
  const others = listModels(store).filter(({ id }) => id !== model.id);
  const hash = model.line.at(-1)?.base.hash;
  return others.find(({ id }) => id === model.baseModel) ?? others.find((other) => other.hash === hash);
}

/**
 * Reads what the plan says stayed the base's and compares it with what was recorded and, where an earlier model of the line is in the
 * workspace, with the nearest.
 */
export async function keptTensors(
  { store }: StudioContext,
  model: StoredModel,
): Promise<{ compared: string[]; differences: TensorDifference[] }> {
  const folder = await openModelFolder(model.path);
  let earlier: ModelFolder | null = null;
  try {
    if (!folder.expansion) return { compared: [], differences: [] };
    const { line } = folder.expansion;
    const others = listModels(store).filter(({ id }) => id !== model.id);
    const step = line.findLastIndex(({ base }) => others.some(({ hash }) => hash === base.hash));
    const ancestor = others.find(({ hash }) => hash === line[step]?.base.hash);
    earlier = ancestor ? await openModelFolder(ancestor.path) : null;
    const found = earlier && { folder: earlier, step };
    return { compared: comparedTensors(folder, found).map(({ name }) => name), differences: await weightDifferences(folder, found) };
  } finally {
    await folder.close();
    await earlier?.close();
  }
}

/** Compares an expanded model with its base beside the tensors that it kept, and adds what it finds to the problems. `known` are tensors that are named there already. */
async function compareFolders(
  { path: modelPath }: StoredModel,
  { path: basePath }: StoredModel,
  problems: string[],
  known: ReadonlySet<string>,
): Promise<{ compared: string[]; different: string[]; isConverted: boolean }> {
  const model = await openModelFolder(modelPath);
  try {
    const types = convertedTypes(model);
    if (types.length > 0) {
      problems.push(
        `Its tensors were converted (${types.join(', ')}), so they cannot be compared with the base's: verify one that is as it was stored.`,
      );
      return { compared: [], different: [], isConverted: true };
    }
    const base = await openModelFolder(basePath);
    try {
      const inserted = await compareInserted(model, base);
      const others = inserted.different.filter((name) => !known.has(name));
      problems.push(...others.map((name) => `${name} was inserted, but is not what an inserted tensor begins as.`));
      problems.push(...configDifferences(model, base));
      problems.push(...(await differentCompanions(modelPath, basePath)).map((name) => `${name} is not the base's.`));
      return { ...inserted, isConverted: false };
    } finally {
      await base.close();
    }
  } finally {
    await model.close();
  }
}
