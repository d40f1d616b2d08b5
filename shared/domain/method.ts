import { z } from 'zod';
import { StrataError } from '../errors.ts';
import type { BlockImportance } from './importance.ts';
import type { LlamaConfig } from './llama-config.ts';
import {
  BLOCK_ROLES,
  BLOCK_TENSORS,
  type BlockRole,
  blockOfTensor,
  blockTensorName,
  blockTensorShapes,
  elementsOf,
  llamaTensors,
  type NamedShape,
} from './llama-tensors.ts';
import { type ExpansionPlan, expandedBlocks, parsePlace, planExpansion, planSchema } from './plan.ts';

/**
 * What a run trains. One description serves the command line, the pages, the frozen configuration of a run and the file beside a saved
 * model; everything that follows from it (which tensors are trained, how many numbers those are, how far down the backward pass goes)
 * is computed here, before anything is loaded.
 */
export const METHODS = ['expand', 'lora', 'full', 'freeze'] as const;
export const methodNameSchema = z.enum(METHODS);
export type MethodName = z.infer<typeof methodNameSchema>;

/** The matrices of a block that an adapter can stand beside, as peft names them. */
export const LORA_TARGETS = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'] as const;
export type LoraTarget = (typeof LORA_TARGETS)[number];

export const methodSchema = z.discriminatedUnion('name', [
  /** New blocks are inserted and nothing else is trained. */
  z.object({ name: z.literal('expand'), plan: planSchema }),
  /** Low-rank adapters (Hu et al., arXiv 2106.09685): y = x W^T + alpha / rank * (x A^T) B^T, W frozen. */
  z.object({
    name: z.literal('lora'),
    rank: z.int().min(1),
    alpha: z.number().positive(),
    targets: z.array(z.enum(LORA_TARGETS)).min(1),
  }),
  /** Every weight. */
  z.object({ name: z.literal('full') }),
  /** All tensors of some of the base's own blocks, 0-based and in order. */
  z.object({ name: z.literal('freeze'), blocks: z.array(z.int().min(0)).min(1) }),
]);
export type Method = z.infer<typeof methodSchema>;

/** What a person may say about the method; which of the options are allowed depends on it. */
export const methodRequestShape = {
  method: methodNameSchema.default('expand'),
  /** expand: how many new blocks, and where (as the command line's PLACE). */
  blocks: z.int().optional(),
  place: z.string().optional(),
  /** lora. Targets as peft names them. */
  rank: z.int().optional(),
  alpha: z.number().optional(),
  targets: z.array(z.string()).optional(),
  /** freeze: positions such as `28,29`, or `top:2`, or `bottom:2`. */
  trainBlocks: z.string().optional(),
};
export type MethodRequest = z.output<z.ZodObject<typeof methodRequestShape>>;
type MethodOption = Exclude<keyof MethodRequest, 'method'>;

/** Which options belong to which method, with the flag of the command line. */
export const METHOD_OPTIONS: Record<MethodName, Partial<Record<MethodOption, string>>> = {
  expand: { blocks: '--blocks', place: '--at' },
  lora: { rank: '--rank', alpha: '--alpha', targets: '--targets' },
  full: {},
  freeze: { trainBlocks: '--train-blocks' },
};

/** Rank of adapters when nothing is said and the model is wide enough; alpha is twice the rank then, as in most published recipes. */
export const DEFAULT_RANK = 16;

/**
 * Turns what a person said into a full description.
 * @param config the base.
 * @param importance of each of its blocks, for the place `least-important`.
 * @throws StrataError BAD_INPUT when an option belongs to another method, is missing, or does not fit the base.
 */
export function chooseMethod(request: MethodRequest, config: LlamaConfig, importance: readonly BlockImportance[] | null = null): Method {
  refuseForeignOptions(request);
  switch (request.method) {
    case 'expand': {
      const place = parsePlace(request.place ?? 'even');
      return { name: 'expand', plan: planExpansion(config.blocks, request.blocks, place, importance) };
    }
    case 'lora':
      return chooseLora(request, config);
    case 'full':
      return { name: 'full' };
    case 'freeze':
      return { name: 'freeze', blocks: parseTrainBlocks(request.trainBlocks, config.blocks) };
  }
}

function refuseForeignOptions(request: MethodRequest): void {
  const own = METHOD_OPTIONS[request.method];
  for (const [owner, options] of Object.entries(METHOD_OPTIONS)) {
    for (const [option, flag] of Object.entries(options) as [MethodOption, string][]) {
      const given = request[option];
      if (given === undefined || option in own) continue;
      const allowed = Object.values(own);
      throw new StrataError('BAD_INPUT', `The method ${request.method} has no option ${flag}.`, {
        found: `${flag} ${String(given)}`,
        allowed: allowed.length > 0 ? `with ${request.method}: ${allowed.join(', ')}` : `no options with ${request.method}`,
        hint: `Leave ${flag} out, or use the method ${owner}.`,
      });
    }
  }
}

function chooseLora(request: MethodRequest, config: LlamaConfig): Method {
  const largest = largestRank(config);
  const { rank = Math.min(DEFAULT_RANK, largest), targets = [...LORA_TARGETS] } = request;
  const { alpha = 2 * rank } = request;
  if (!Number.isInteger(rank) || rank < 1 || rank > largest) {
    throw new StrataError('BAD_INPUT', 'That is not a possible rank of an adapter.', {
      found: String(rank),
      allowed: `a whole number from 1 to ${largest}, the width of this model's narrowest matrix`,
      hint: `Leave it out for ${Math.min(DEFAULT_RANK, largest)}.`,
    });
  }
  if (!Number.isFinite(alpha) || alpha <= 0) {
    throw new StrataError('BAD_INPUT', 'The scale of an adapter must be positive.', {
      found: `alpha ${alpha}`,
      allowed: 'a number above 0; the adapter is multiplied with alpha / rank',
      hint: 'Leave it out for twice the rank.',
    });
  }
  const unknown = targets.find((target) => !(LORA_TARGETS as readonly string[]).includes(target));
  if (unknown !== undefined || targets.length === 0) {
    throw new StrataError('BAD_INPUT', 'Adapters cannot stand there.', {
      found: unknown ?? 'no target',
      allowed: `one or more of ${LORA_TARGETS.join(', ')}`,
      hint: 'Leave the targets out for all seven matrices of a block.',
    });
  }
  return { name: 'lora', rank, alpha, targets: LORA_TARGETS.filter((target) => targets.includes(target)) };
}

/** The width of the narrowest matrix: a wider adapter could not change it more. */
function largestRank({ hiddenSize, intermediateSize, keyValueHeads, headSize }: LlamaConfig): number {
  return Math.min(hiddenSize, intermediateSize, keyValueHeads * headSize);
}

/**
 * Reads which blocks to train: 0-based positions such as `28,29`, or `top:2`, or `bottom:2`.
 * @returns each block once, in order.
 * @throws StrataError BAD_INPUT when it is none of these, or the base has no such block.
 */
export function parseTrainBlocks(text: string | undefined, baseBlocks: number): number[] {
  const allowed = `positions from 0 to ${baseBlocks - 1} such as ${Math.max(0, baseBlocks - 2)},${baseBlocks - 1}, or top:N or bottom:N with N from 1 to ${baseBlocks}`;
  if (text === undefined || text.trim() === '') {
    throw new StrataError('BAD_INPUT', 'The method freeze needs the blocks that are trained.', {
      found: 'none',
      allowed,
      hint: `For instance --train-blocks top:2.`,
    });
  }
  const end = /^(top|bottom):(\d+)$/.exec(text.trim().toLowerCase());
  if (end && Number(end[2]) >= 1 && Number(end[2]) <= baseBlocks) {
    const first = end[1] === 'top' ? baseBlocks - Number(end[2]) : 0;
    return Array.from({ length: Number(end[2]) }, (_, index) => first + index);
  }
  const positions = text.split(',').map((part) => (/^\d+$/.test(part.trim()) ? Number(part) : NaN));
  if (end || !positions.every((position) => position < baseBlocks)) {
    throw new StrataError('BAD_INPUT', 'Those are not blocks of the base.', {
      found: text,
      allowed,
      hint: `Blocks are counted from 0; top:1 is the last one, ${baseBlocks - 1}.`,
    });
  }
  return [...new Set(positions)].sort((a, b) => a - b);
}

/** Whether a request places new blocks by what the base's blocks matter, which has to be measured first. */
export function needsImportance({ method, place }: Pick<MethodRequest, 'method' | 'place'>): boolean {
  return method === 'expand' && place !== undefined && parsePlace(place) === 'least-important';
}

/** Where blocks are inserted; null for a method that inserts none. */
export function planOf(method: Method): ExpansionPlan | null {
  return method.name === 'expand' ? method.plan : null;
}

/** Whether training changes the base's own weights: then the base is no longer inside the model, and has to be held beside it to compare with. */
export function replacesBase(method: Method): boolean {
  return method.name === 'full' || method.name === 'freeze';
}

/** The model as it is while it is trained: with its inserted blocks. */
export function trainedConfig(method: Method, base: LlamaConfig): LlamaConfig {
  return { ...base, blocks: base.blocks + (planOf(method)?.inserted.length ?? 0) };
}

/** Role of the matrix that a target names. */
export function roleOfTarget(target: LoraTarget): BlockRole {
  return BLOCK_ROLES.find((role) => BLOCK_TENSORS[role].includes(`.${target}.`))!;
}

/** The two matrices of an adapter beside a weight [out, in], as peft names them: A [rank, in] and B [out, rank]. */
export function adapterTensors(weight: { name: string; shape: readonly number[] }, rank: number): [NamedShape, NamedShape] {
  const [rows, columns] = weight.shape as readonly [number, number];
  const name = weight.name.replace(/weight$/, '');
  return [
    { name: `${name}lora_A.weight`, shape: [rank, columns] },
    { name: `${name}lora_B.weight`, shape: [rows, rank] },
  ];
}

/** Whether a tensor of the model (not of an adapter) is trained, by its name in the expanded model and whether its block was inserted. */
export function trainabilityOf(method: Method): (name: string, isInserted: boolean) => boolean {
  switch (method.name) {
    case 'expand':
      return (_, isInserted) => isInserted;
    case 'lora':
      return () => false;
    case 'full':
      return () => true;
    case 'freeze':
      return (name) => {
        const block = blockOfTensor(name);
        return block !== null && method.blocks.includes(block);
      };
  }
}

/** Every tensor that a run updates, with its shape, in the order of the model. */
export function trainedTensors(method: Method, base: LlamaConfig): NamedShape[] {
  if (method.name === 'lora') {
    const shapes = blockTensorShapes(base);
    const roles = method.targets.map(roleOfTarget);
    return Array.from({ length: base.blocks }, (_, block) =>
      roles.flatMap((role) => adapterTensors({ name: blockTensorName(block, role), shape: shapes[role] }, method.rank)),
    ).flat();
  }
  const inserted = insertedPositions(method);
  const isTrained = trainabilityOf(method);
  return llamaTensors(trainedConfig(method, base)).filter(({ name }) => isTrained(name, inserted.has(blockOfTensor(name) ?? -1)));
}

/** Positions of the inserted blocks in the model that is trained. */
export function insertedPositions(method: Method): ReadonlySet<number> {
  return new Set(planOf(method)?.inserted.map(({ position }) => position));
}

export interface ParameterCounts {
  /** Numbers that the run updates. */
  trainable: number;
  /** Numbers that the run adds to the base while it trains: inserted blocks, or adapters, which are merged into the weights at the end. */
  added: number;
  /** Base and added together. */
  total: number;
}

export function countParameters(method: Method, base: LlamaConfig): ParameterCounts {
  const count = (tensors: readonly NamedShape[]): number => tensors.reduce((sum, { shape }) => sum + elementsOf(shape), 0);
  const trainable = count(trainedTensors(method, base));
  const added = method.name === 'expand' || method.name === 'lora' ? trainable : 0;
  return { trainable, added, total: count(llamaTensors(base)) + added };
}

/** What the choice of trained tensors costs in a step: see {@link placementOf}. */
export interface Placement {
  /** Blocks of the model that is trained. */
  blocks: number;
  /** Blocks with anything to train. */
  trainedBlocks: number;
  /** Blocks that need a backward pass: from the lowest trained one to the top. */
  backwardBlocks: number;
  /** Blocks below them: forward only, and for a window that comes again the same every time, so that it can be kept. */
  cacheableBlocks: number;
}

/** How far down the backward pass has to go. A trained embedding needs all of them. */
export function placementOf(method: Method, base: LlamaConfig): Placement {
  const { blocks } = trainedConfig(method, base);
  const positions = new Set(trainedTensors(method, base).map(({ name }) => blockOfTensor(name)));
  const trained = [...positions].filter((position) => position !== null);
  const lowest = method.name === 'full' ? 0 : Math.min(...trained);
  return { blocks, trainedBlocks: trained.length, backwardBlocks: blocks - lowest, cacheableBlocks: lowest };
}

/** For each block of the trained model: which of the base it is or copies, and whether anything in it is trained. */
export function blocksOf(method: Method, base: Pick<LlamaConfig, 'blocks'>): { base: number; inserted: boolean; trained: boolean }[] {
  const plan = planOf(method);
  const layout = plan ? expandedBlocks(plan) : Array.from({ length: base.blocks }, (_, block) => ({ base: block, inserted: false }));
  return layout.map((block, position) => {
    const isTrained = method.name === 'freeze' ? method.blocks.includes(position) : method.name !== 'expand' || block.inserted;
    return { ...block, trained: isTrained };
  });
}
