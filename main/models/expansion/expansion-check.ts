import { type Expansion, lastStep, originOfTensor, sourceOfTensor } from '../../../shared/domain/expansion.ts';
import type { LlamaConfig } from '../../../shared/domain/llama-config.ts';
import { blockOfTensor, llamaTensors } from '../../../shared/domain/llama-tensors.ts';
import { planOf } from '../../../shared/domain/method.ts';
import type { ExpansionPlan } from '../../../shared/domain/plan.ts';
import { StrataError } from '../../../shared/errors.ts';
import { hashTensor, type StoredTensors } from '../tensor-hash.ts';
import { checkCopies } from './copies-check.ts';
import { DISAGREES_HINT } from './disagreement.ts';
import { checkSteps } from './step-check.ts';

/** What a model's folder says of how it was made, and of what it is now. */
interface ExpandedModel {
  expansion: Expansion | null;
  config: LlamaConfig;
}

/**
 * Whether `expansion.json` can be true of a model with this configuration: the steps of its line fit together and into the model.
 * @throws StrataError CORRUPT, with the difference.
 */
export function checkExpansion(expansion: Expansion, config: LlamaConfig): void {
  const plans = expansion.line.map(({ method }) => planOf(method));
  checkCounts(plans, config.blocks);
  checkSteps(expansion.line, config.blocks);
  checkHashes(expansion);
  checkRecord(expansion, config);
  checkCopies(expansion, config);
}

/** What was kept and what was changed are all of the model's tensors, as the last step's method says. */
function checkRecord({ line, frozen, changed }: Expansion, config: LlamaConfig): void {
  if (!frozen || !changed) return;
  const sourceOf = sourceOfTensor(lastStep({ line }).method);
  const names = new Set(llamaTensors(config).map(({ name }) => name));
  const wrong = names.values().find((name) => name in frozen !== (sourceOf(name) !== null) || name in changed === name in frozen);
  const unknown = [...Object.keys(frozen), ...Object.keys(changed)].find((name) => !names.has(name));
  if (wrong === undefined && unknown === undefined) return;
  const name = wrong ?? unknown!;
  const state = name in frozen ? 'frozen' : name in changed ? 'changed' : 'not listed';
  const allowed = wrong === undefined ? 'tensors of this model' : sourceOf(name) === null ? 'changed' : 'frozen';
  throw new StrataError('CORRUPT', 'The plan in expansion.json and its list of tensors disagree.', {
    found: `${name}: ${state}`,
    allowed: wrong === undefined ? allowed : `${allowed}, as the plan says`,
    hint: DISAGREES_HINT,
  });
}

/** Backwards from the model as it is: each plan must lead to the number of blocks that the next step started from. */
function checkCounts(plans: readonly (ExpansionPlan | null)[], blocks: number): void {
  let present = blocks;
  for (const [index, plan] of [...plans.entries()].reverse()) {
    if (!plan) continue;
    const { baseBlocks, inserted } = plan;
    if (baseBlocks + inserted.length !== present) {
      const isLast = present === blocks;
      throw new StrataError('CORRUPT', "The model's plan and its configuration disagree.", {
        found: isLast ? `${present} blocks in config.json` : `${present} blocks before step ${index + 2} of the line`,
        allowed: `${baseBlocks} of the base and ${inserted.length} inserted, as expansion.json says`,
        hint: DISAGREES_HINT,
      });
    }
    present = baseBlocks;
  }
}

/** The first step starts from the base, and no model can come of itself. */
function checkHashes({ base, line }: Expansion): void {
  const hashes = line.map((step) => step.base.hash);
  const twice = hashes.findIndex((hash, index) => hashes.indexOf(hash) !== index);
  if (hashes[0] === base.hash && twice === -1) return;
  throw new StrataError('CORRUPT', 'The line of models in expansion.json contradicts itself.', {
    found:
      twice === -1
        ? `a line that begins with the model ${short(hashes[0]!)}`
        : `two steps that start from the model ${short(hashes[twice]!)}, ${hashes.indexOf(hashes[twice]!) + 1} and ${twice + 1}`,
    allowed: twice === -1 ? `one that begins with its base, ${short(base.hash)}` : 'each model once',
    hint: DISAGREES_HINT,
  });
}

/** A tensor that is not what the plan says it is. */
export interface TensorDifference {
  name: string;
  /** Element type and sha256. */
  found: string;
  allowed: string;
  /** What it was compared with, for the user. */
  comparedWith: string;
}

/**
 * Compares the tensors that the plan says stayed the base's with what was written down when it was made, and with an earlier model of its
 * line where one is at hand. Reads every such tensor once, piece by piece. A tensor stored in another type than then is not compared: the model
 * was converted since, and its bytes say nothing.
 * @param ancestor an earlier model, and the step of the line that started from it.
 */
export async function weightDifferences(
  folder: StoredTensors & ExpandedModel,
  ancestor: { folder: StoredTensors; step: number } | null = null,
): Promise<TensorDifference[]> {
  const differences: TensorDifference[] = [];
  for (const { name, recorded, origin } of comparedTensors(folder, ancestor)) {
    const found = await hashTensor(folder, name);
    if (recorded !== undefined && differs(found, recorded)) {
      differences.push({ name, found, allowed: recorded, comparedWith: 'what expansion.json recorded' });
    } else if (ancestor && origin) {
      const allowed = await hashTensor(ancestor.folder, origin);
      if (differs(found, allowed)) differences.push({ name, found, allowed, comparedWith: `the base's ${origin}` });
    }
  }
  return differences;
}

/** The tensors that {@link weightDifferences} compares, and with what. */
export function comparedTensors(
  { expansion, config }: ExpandedModel,
  ancestor: { step: number } | null,
): { name: string; recorded: string | undefined; origin: string | null }[] {
  if (!expansion) return [];
  return llamaTensors(config)
    .map(({ name }) => ({
      name,
      recorded: expansion.frozen?.[name] ?? expansion.changed?.[name],
      origin: ancestor && originOfTensor(expansion, ancestor.step, name),
    }))
    .filter(({ recorded, origin }) => recorded !== undefined || origin !== null);
}

function differs(found: string, allowed: string): boolean {
  const isSameType = found.split(' ')[0] === allowed.split(' ')[0];
  return isSameType && found !== allowed;
}

/** What is said of such a model where it is not refused, for its weights may be wanted. */
export function describeDisagreement(differences: readonly TensorDifference[]): string {
  const some = differences.slice(0, 3).map(({ name }) => name);
  const more = differences.length > some.length ? ` and ${differences.length - some.length} more` : '';
  return (
    `expansion.json and the weights disagree in ${places(differences)}: ${some.join(', ')}${more}. The model can be used and exported, but not ` +
    `trained or expanded. ${DISAGREES_HINT}`
  );
}

/** The refusal of a model whose plan and weights disagree. */
export function weightsDisagree(name: string, differences: readonly TensorDifference[]): StrataError {
  const shown = differences.slice(0, 5);
  const more = differences.length > shown.length ? ` and ${differences.length - shown.length} more` : '';
  const list = (part: (difference: TensorDifference) => string): string => shown.map(part).join('; ') + more;
  return new StrataError('CORRUPT', `The plan of the model "${name}" and its weights disagree.`, {
    found: `in ${places(differences)}: ${list((each) => `${each.name} ${shortHash(each.found)}`)}`,
    allowed: list((each) => `${each.name} ${shortHash(each.allowed)}, ${each.comparedWith}`),
    hint: DISAGREES_HINT,
  });
}

/** "blocks 0, 3 and outside the blocks". */
function places(differences: readonly TensorDifference[]): string {
  const blocks = [...new Set(differences.map(({ name }) => blockOfTensor(name)))];
  const numbers = blocks.filter((block) => block !== null);
  const named = numbers.length > 0 ? [`${numbers.length === 1 ? 'block' : 'blocks'} ${numbers.join(', ')}`] : [];
  return [...named, ...(numbers.length < blocks.length ? ['tensors outside the blocks'] : [])].join(' and ');
}

function short(hash: string): string {
  return `${hash.slice(0, 12)}…`;
}

function shortHash(hash: string): string {
  const [type, sha256] = hash.split(' ') as [string, string];
  return `${type} sha256 ${short(sha256)}`;
}
