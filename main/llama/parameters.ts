import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import {
  BLOCK_ROLES,
  type BlockRole,
  blockOfTensor,
  blockTensorName,
  blockTensorShapes,
  biasName,
  elementsOf,
  EMBEDDING_TENSOR,
  hasBias,
  FINAL_NORM_TENSOR,
  HEAD_TENSOR,
} from '../../shared/domain/llama-tensors.ts';
import { adapterTensors } from '../../shared/domain/method.ts';
import { type ExpansionPlan, expandedBlocks } from '../../shared/domain/plan.ts';
import { randomStream } from '../../shared/domain/random.ts';
import type { Engine, Tensor, Variable } from '../engine/engine.ts';
import type { BlockWeights } from './block.ts';
import type { HeadWeights } from './head.ts';
import { LaneCache } from './lanes.ts';
import type { Linear } from './linear.ts';
import type { Norm } from './rms-norm.ts';

/**
 * The weights of a LLaMA, named by role. Matrices are [out, in] as the files store them, so a layer computes `x W^T`.
 * A frozen parameter is a plain tensor; a trainable one is a variable that the optimizer updates in place.
 */
export interface Parameter {
  /** The tensor's name in the saved (expanded) model. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly variable: Variable | null;
  /** Present values; belong to the innermost scope when the parameter is trainable, to the model when it is frozen. */
  value(): Tensor;
  dispose(): void;
}

/** A matrix that may have a bias, and may carry a low-rank adapter (LoRA). */
export interface LinearParameter extends Parameter {
  readonly bias: Parameter | null; // [out]
  /** A [R, in] and B [out, R], both trained; the layer computes `x W^T + scale (x A^T) B^T`. */
  readonly adapter: { a: Parameter; b: Parameter; scale: number } | null;
}

export interface Block {
  attentionNorm: Parameter; // [C]
  query: LinearParameter; // [H*D, C]
  key: LinearParameter; // [K*D, C]
  value: LinearParameter; // [K*D, C]
  attentionOutput: LinearParameter; // [C, H*D]
  mlpNorm: Parameter; // [C]
  gate: LinearParameter; // [F, C]
  up: LinearParameter; // [F, C]
  down: LinearParameter; // [C, F]
  /** An inserted copy rather than one of the base's own. */
  isInserted: boolean;
}

export interface Llama {
  config: LlamaConfig;
  embedding: Parameter; // [V, C]
  blocks: Block[];
  finalNorm: Parameter; // [C]
  /** [V, C]; the embedding itself in a tied model. */
  head: Parameter;
  /** How batches are cut into lanes. */
  lanes: LaneCache;
}

/** The matrices of a block: what an adapter can be put on. */
export const LINEAR_ROLES = ['query', 'key', 'value', 'attentionOutput', 'gate', 'up', 'down'] as const;
export type LinearRole = (typeof LINEAR_ROLES)[number];

/** The two matrices whose zeros, with those of their biases, make an inserted block an identity (LLaMA Pro, section 3.1). */
const IDENTITY_ROLES: readonly BlockRole[] = ['attentionOutput', 'down'];

export interface LoadOptions {
  config: LlamaConfig;
  /** Values of a tensor of the base, by its name there: a fresh array each time, because the engine may share its memory. */
  read: (name: string) => Promise<Float32Array>;
  /** Copies to insert while loading; null for the model as it is. `config.blocks` stays the base's number. */
  plan?: ExpansionPlan | null;
  /** Positions of blocks that an earlier expansion inserted: they count as inserted too. */
  insertedBefore?: readonly number[];
  isTrainable?: (name: string, isInserted: boolean) => boolean;
  /**
   * Frozen matrices of blocks whose values are all bfloat16 numbers stay in two bytes each: half the memory, for about two percent of a step's
   * time. Not for generation, which would widen each weight for every token.
   */
  isCompact?: boolean;
  /** Adapters to put on every block: `alpha / rank` scales what they add. */
  lora?: { rank: number; alpha: number; targets: readonly BlockRole[]; seed: number } | null;
  /** A model with the same tensors: those it keeps frozen are used, not loaded again, and stay its own. */
  shared?: Llama | null;
}

/**
 * Brings a model's weights into an engine, tensor by tensor, inserting identity blocks as the plan says.
 * Returns the model with the expanded number of blocks; {@link disposeLlama} frees it.
 */
export async function loadLlama(engine: Engine, options: LoadOptions): Promise<Llama> {
  const {
    config,
    read,
    plan = null,
    insertedBefore = [],
    isTrainable = () => false,
    isCompact = false,
    lora = null,
    shared = null,
  } = options;
  const random = randomStream(lora?.seed ?? 0);
  const frozen = new Map(shared ? parametersOf(shared).flatMap((each) => (each.variable ? [] : [[each.name, each]])) : []);
  const load = async (name: string, source: string, shape: number[], isInserted: boolean, isZero: boolean): Promise<Parameter> => {
    const theirs = frozen.get(name);
    if (theirs) return { ...theirs, dispose: () => undefined };
    const values = isZero ? new Float32Array(elementsOf(shape)) : await read(source);
    return parameter(engine, name, values, shape, isTrainable(name, isInserted), isCompact && blockOfTensor(name) !== null);
  };

  const { hiddenSize: C, vocabularySize: V } = config;
  const embedding = await load(EMBEDDING_TENSOR, EMBEDDING_TENSOR, [V, C], false, false);
  const shapes = blockTensorShapes(config);
  const layout = plan ? expandedBlocks(plan) : Array.from({ length: config.blocks }, (_, base) => ({ base, inserted: false }));
  const blocks: Block[] = [];
  for (const [position, { base, inserted }] of layout.entries()) {
    const isInserted = inserted || insertedBefore.includes(base);
    const block: Partial<Record<BlockRole, LinearParameter>> = {};
    for (const role of BLOCK_ROLES) {
      const isZero = inserted && IDENTITY_ROLES.includes(role);
      // An identity block of this plan is new; one that an earlier expansion inserted is part of the base now.
      const [name, source] = [blockTensorName(position, role), blockTensorName(base, role)];
      const matrix = await load(name, source, shapes[role], inserted, isZero);
      const bias = hasBias(config, role) ? await load(biasName(name), biasName(source), shapes[role].slice(0, 1), inserted, isZero) : null;
      const adapter = lora?.targets.includes(role) ? makeAdapter(engine, matrix, lora.rank, lora.alpha, random) : null;
      block[role] = { ...matrix, bias, adapter };
    }
    blocks.push({ ...(block as Record<BlockRole, LinearParameter>), isInserted });
  }
  const finalNorm = await load(FINAL_NORM_TENSOR, FINAL_NORM_TENSOR, [C], false, false);
  const head = config.tiedEmbeddings ? embedding : await load(HEAD_TENSOR, HEAD_TENSOR, [V, C], false, false);
  return { config: { ...config, blocks: blocks.length }, embedding, blocks, finalNorm, head, lanes: new LaneCache(engine, config) };
}

/** Every parameter once, in the order of the file; a bias and an adapter's two follow the matrix that has them. */
export function parametersOf(model: Llama): Parameter[] {
  const all = [model.embedding, ...model.blocks.flatMap(parametersOfBlock), model.finalNorm];
  return model.head === model.embedding ? all : [...all, model.head];
}

function parametersOfBlock(block: Block): Parameter[] {
  return BLOCK_ROLES.flatMap((role) => {
    const parameter: Parameter & Partial<LinearParameter> = block[role];
    const { bias, adapter } = parameter;
    return [parameter, ...(bias ? [bias] : []), ...(adapter ? [adapter.a, adapter.b] : [])];
  });
}

/** Whether any tensor of the block is trained. */
export function isBlockTrained(block: Block): boolean {
  return parametersOfBlock(block).some(({ variable }) => variable !== null);
}

/** A block's parameter by the name under which its gradient comes: a role, `role.bias`, or `role.a` and `role.b` for an adapter. */
export function parameterOfBlock(block: Block, name: string): Parameter {
  const [role, part] = name.split('.') as [LinearRole, 'a' | 'b' | 'bias' | undefined];
  if (part === 'bias') return block[role].bias!;
  return part ? block[role].adapter![part] : block[role];
}

/** The present values of a block; those of trained parameters belong to the innermost scope. */
export function blockWeights(block: Block): BlockWeights {
  const linear = ({ value, variable, bias, adapter }: LinearParameter): Linear => ({
    weight: value(),
    isTrained: variable !== null,
    bias: bias && { value: bias.value(), isTrained: bias.variable !== null },
    adapter: adapter && { a: adapter.a.value(), b: adapter.b.value(), scale: adapter.scale },
  });
  return {
    attentionNorm: norm(block.attentionNorm),
    query: linear(block.query),
    key: linear(block.key),
    value: linear(block.value),
    attentionOutput: linear(block.attentionOutput),
    mlpNorm: norm(block.mlpNorm),
    gate: linear(block.gate),
    up: linear(block.up),
    down: linear(block.down),
  };
}

/** The present values of the model's end; those of trained parameters belong to the innermost scope. */
export function headWeights({ finalNorm, head, config }: Llama): HeadWeights {
  return { finalNorm: norm(finalNorm), head: head.value(), isTrained: head.variable !== null, normEpsilon: config.normEpsilon };
}

function norm({ value, variable }: Parameter): Norm {
  return { weight: value(), isTrained: variable !== null };
}

/**
 * The matrix with its adapter added, `W + scale B A`, [out, in]; without an adapter a copy of its values. The caller frees it.
 */
export function mergedWeight(engine: Engine, parameter: Parameter & Partial<LinearParameter>): Tensor {
  return engine.keep(
    engine.scope(() => {
      const { adapter } = parameter;
      if (!adapter) return engine.scale(parameter.value(), 1);
      const change = engine.scale(engine.matmul(adapter.b.value(), adapter.a.value()), adapter.scale);
      return engine.add(parameter.value(), change);
    }),
  );
}

/** The same weights without their adapters: the base, to the last bit. Shares the model's tensors: do not free it. */
export function withoutAdapters(model: Llama): Llama {
  const blocks = model.blocks.map((block) => {
    const plain = LINEAR_ROLES.map((role) => [role, { ...block[role], adapter: null }] as const);
    return { ...block, ...(Object.fromEntries(plain) as Pick<Block, LinearRole>) };
  });
  return { ...model, blocks };
}

/** The same weights without their inserted blocks: the base, to the last bit. Shares the model's tensors: do not free it. */
export function withoutInserted(model: Llama): Llama {
  const blocks = model.blocks.filter((block) => !block.isInserted);
  return { ...model, blocks, config: { ...model.config, blocks: blocks.length } };
}

export function disposeLlama(model: Llama): void {
  for (const each of parametersOf(model)) each.dispose();
  model.lanes.dispose();
}

/**
 * A and B of an adapter as peft initialises them: A uniform within 1/sqrt(in) (Kaiming with a = sqrt(5)), B zero, so that it adds nothing yet.
 */
function makeAdapter(engine: Engine, matrix: Parameter, rank: number, alpha: number, random: () => number): LinearParameter['adapter'] {
  const [a, b] = adapterTensors(matrix, rank);
  const bound = 1 / Math.sqrt(a.shape[1]!);
  const initial = Float32Array.from({ length: elementsOf(a.shape) }, () => (2 * random() - 1) * bound);
  return {
    a: parameter(engine, a.name, initial, a.shape, true),
    b: parameter(engine, b.name, new Float32Array(elementsOf(b.shape)), b.shape, true),
    scale: alpha / rank,
  };
}

function parameter(
  engine: Engine,
  name: string,
  values: Float32Array,
  shape: readonly number[],
  isTrainable: boolean,
  isCompact = false,
): Parameter {
  // No closure here may mention the array: those that the parameter keeps would keep it alive.
  const isFrozenMatrix = isCompact && !isTrainable && shape.length === 2;
  const initial = engine.keep(isFrozenMatrix ? engine.frozenMatrix(values, shape) : engine.tensor(values, shape));
  if (!isTrainable) return { name, shape, variable: null, value: () => initial, dispose: () => engine.dispose(initial) };
  const variable = engine.variable(initial);
  engine.dispose(initial);
  return { name, shape, variable, value: () => variable.read(), dispose: () => variable.dispose() };
}
