import { z } from 'zod';
import { importanceSchema } from './importance.ts';
import { BLOCK_TENSORS, blockOfTensor } from './llama-tensors.ts';
import { insertedPositions, type Method, methodSchema, planOf, roleOfTarget, trainabilityOf } from './method.ts';
import { expandedBlocks, keptPositions } from './plan.ts';
import { roleSchema } from './run.ts';

/** How a model came to be: what `expansion.json` holds, and what follows from it. */

export const trainedOnSchema = z.object({
  name: z.string(),
  role: roleSchema,
  hash: z.string(),
  /** Tokens trained on, and their fraction of all; null where an earlier version did not write it down. */
  tokens: z.int().nullable(),
  share: z.number().nullable(),
});

export const expansionTrainingSchema = z.object({
  /** Id of the run; null where an earlier version did not write it down. */
  run: z.string().nullable(),
  datasets: z.array(trainedOnSchema),
  replayShare: z.number(),
  steps: z.int(),
  /** Tokens trained on in all. */
  tokens: z.int(),
  /** Drop of held-out loss on new, rise on old, nats per token. */
  gain: z.number(),
  forgetting: z.number().nullable(),
});

/** A pack that a model was composed with: blocks that were inserted and trained elsewhere, on the same base or on it with other packs. */
export const composedPackSchema = z.object({
  /** The run or model that first had it, and the run that trained it; null where that is not known. */
  name: z.string().nullable(),
  run: z.string().nullable(),
  /** The model that its blocks were taken from, and the one that they were trained on. */
  model: z.object({ name: z.string(), hash: z.string() }),
  base: z.object({ name: z.string(), hash: z.string() }),
  /** Its blocks in the model that came of the step. */
  positions: z.array(z.int().min(0)).min(1),
  /** What its attention output and down projection were multiplied with. */
  strength: z.number().gt(0).max(1),
  /** How it was trained; null for blocks that nothing trained. */
  training: expansionTrainingSchema.nullable(),
});
export type ComposedPack = z.infer<typeof composedPackSchema>;

/** One step of a model's line: from one model to the next. */
export const expansionStepSchema = z.object({
  /** Id of the model or run that came of it, in the workspace where it was made; null where an earlier version did not write it down. */
  id: z.string().nullable(),
  name: z.string().nullable(),
  /** The model that it started from. The hash is over its configuration and weights. */
  base: z.object({ name: z.string(), hash: z.string() }),
  /** What was done: with `expand`, source and position of every inserted block, counted in the model that came of this step. */
  method: methodSchema,
  /** What each block of its base mattered, where new blocks were placed by that. */
  importance: importanceSchema.nullable(),
  /** How it was trained; null while inserted blocks are identities. */
  training: expansionTrainingSchema.nullable(),
  /** The packs that inserted blocks were taken from, where the step put finished ones together instead of training. */
  composition: z.array(composedPackSchema).min(1).optional(),
});
export type ExpansionStep = z.infer<typeof expansionStepSchema>;

const tensorHashesSchema = z.record(
  z.string(),
  z.string().regex(/^(F32|F16|BF16) [0-9a-f]{64}$/, 'F32, F16 or BF16, a blank and a sha256'),
);

/** Nobody expands a model so often; every step is looked at whenever the model is opened. */
const MAX_STEPS = 1000;

export const expansionSchema = z.object({
  /** 4 where a step of the line is a composition, which a program of version 3 would take for damaged weights. */
  schemaVersion: z.literal([3, 4]),
  /** The model that the line begins with. */
  base: z.object({ name: z.string(), hash: z.string() }),
  /** From there to this model, oldest first. */
  line: z.array(expansionStepSchema).min(1).max(MAX_STEPS),
  /** The tensors that the last step kept as its base has them, by their names in this model: element type and sha256 of the bytes. */
  frozen: tensorHashesSchema,
  /** All others, which the last step inserted or trained. */
  changed: tensorHashesSchema,
});

/** Before version 3 no tensor was written down: then both are null. */
export type Expansion = Omit<z.infer<typeof expansionSchema>, 'frozen' | 'changed'> & {
  frozen: Record<string, string> | null;
  changed: Record<string, string> | null;
};

/** The step that made the model as it is. */
export function lastStep({ line }: Pick<Expansion, 'line'>): ExpansionStep {
  return line.at(-1)!;
}

/**
 * Whose each block of the model is: the base's, or the step's of the line that inserted it (0 is the oldest). A block that a later step
 * trained, or put adapters on, stays whose it was.
 * @param blocks of the model as it is.
 */
export function blockOwners({ line }: Pick<Expansion, 'line'>, blocks: number): ('base' | number)[] {
  const added = line.reduce((sum, { method }) => sum + insertedPositions(method).size, 0);
  let owners = Array<'base' | number>(Math.max(0, blocks - added)).fill('base');
  for (const [index, { method }] of line.entries()) {
    const plan = planOf(method);
    if (plan) owners = expandedBlocks(plan).map(({ base, inserted }) => (inserted ? index : owners[base]!));
  }
  return owners;
}

/** Where blocks that stood at `positions` after a step of the line stand in the model as it is. */
export function presentPositions({ line }: Pick<Expansion, 'line'>, step: number, positions: readonly number[]): number[] {
  return line.slice(step + 1).reduce<number[]>(
    (moved, { method }) => {
      const plan = planOf(method);
      return plan ? moved.map((position) => keptPositions(plan)[position]!) : moved;
    },
    [...positions],
  );
}

/** For a tensor of the model that a step made: the name, in the step's base, of the tensor whose bytes it has; null when it was inserted or trained. */
export function sourceOfTensor(method: Method): (name: string) => string | null {
  if (method.name === 'full') return () => null;
  if (method.name === 'lora') {
    const changed = new Set<string>(method.targets.map((target) => BLOCK_TENSORS[roleOfTarget(target)]));
    return (name) => (blockOfTensor(name) !== null && changed.has(name.replace(/^model\.layers\.\d+\./, '')) ? null : name);
  }
  const plan = planOf(method);
  const inserted = insertedPositions(method);
  const isTrained = trainabilityOf(method);
  const layout = plan && expandedBlocks(plan);
  return (name) => {
    const block = blockOfTensor(name);
    if (isTrained(name, inserted.has(block ?? -1))) return null;
    return block === null || layout === null ? name : name.replace(/layers\.\d+\./, `layers.${layout[block]!.base}.`);
  };
}

/**
 * What a tensor of the model was called in the model that a step of the line started from, if no step since then has changed it.
 * @returns null when it was inserted or trained since.
 */
export function originOfTensor({ line }: Pick<Expansion, 'line'>, step: number, name: string): string | null {
  return line
    .slice(step)
    .toReversed()
    .reduce<string | null>((present, { method }) => (present === null ? null : sourceOfTensor(method)(present)), name);
}
