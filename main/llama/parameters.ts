import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import { type ExpansionPlan, expandedBlocks } from '../../shared/domain/plan.ts';
import type { Engine, Tensor, Variable } from '../engine/engine.ts';

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

export interface Block {
  attentionNorm: Parameter; // [C]
  query: Parameter; // [H*D, C]
  key: Parameter; // [K*D, C]
  value: Parameter; // [K*D, C]
  attentionOutput: Parameter; // [C, H*D]
  mlpNorm: Parameter; // [C]
  gate: Parameter; // [F, C]
  up: Parameter; // [F, C]
  down: Parameter; // [C, F]
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
}

/** The suffix of each tensor of a block, by role, as Hugging Face names them. */
export const BLOCK_TENSORS = {
  attentionNorm: 'input_layernorm.weight',
  query: 'self_attn.q_proj.weight',
  key: 'self_attn.k_proj.weight',
  value: 'self_attn.v_proj.weight',
  attentionOutput: 'self_attn.o_proj.weight',
  mlpNorm: 'post_attention_layernorm.weight',
  gate: 'mlp.gate_proj.weight',
  up: 'mlp.up_proj.weight',
  down: 'mlp.down_proj.weight',
} as const;
export type BlockRole = keyof typeof BLOCK_TENSORS;

export const EMBEDDING_TENSOR = 'model.embed_tokens.weight';
export const FINAL_NORM_TENSOR = 'model.norm.weight';
export const HEAD_TENSOR = 'lm_head.weight';

/** The two matrices whose zeros make an inserted block an identity (LLaMA Pro, section 3.1). */
const IDENTITY_ROLES: readonly BlockRole[] = ['attentionOutput', 'down'];

export function blockTensorName(block: number, role: BlockRole): string {
  return `model.layers.${block}.${BLOCK_TENSORS[role]}`;
}

export function blockTensorShapes(config: LlamaConfig): Record<BlockRole, number[]> {
  const { hiddenSize: C, intermediateSize: F, heads: H, keyValueHeads: K, headSize: D } = config;
  return {
    attentionNorm: [C],
    query: [H * D, C],
    key: [K * D, C],
    value: [K * D, C],
    attentionOutput: [C, H * D],
    mlpNorm: [C],
    gate: [F, C],
    up: [F, C],
    down: [C, F],
  };
}

export interface LoadOptions {
  config: LlamaConfig;
  /** Values of a tensor of the base, by its name there: a fresh array each time, because the engine may share its memory. */
  read: (name: string) => Promise<Float32Array>;
  /** Copies to insert while loading; null for the model as it is. `config.blocks` stays the base's number. */
  plan?: ExpansionPlan | null;
  /** Positions of blocks that an earlier expansion inserted: they count as inserted too. */
  insertedBefore?: readonly number[];
  isTrainable?: (name: string, isInserted: boolean) => boolean;
}

/**
 * Brings a model's weights into an engine, tensor by tensor, inserting identity blocks as the plan says.
 * Returns the model with the expanded number of blocks; {@link disposeLlama} frees it.
 */
export async function loadLlama(engine: Engine, options: LoadOptions): Promise<Llama> {
  const { config, read, plan = null, insertedBefore = [], isTrainable = () => false } = options;
  const load = async (name: string, source: string, shape: number[], isInserted: boolean, isZero: boolean): Promise<Parameter> => {
    const values = isZero ? new Float32Array(shape.reduce((product, length) => product * length, 1)) : await read(source);
    return parameter(engine, name, values, shape, isTrainable(name, isInserted));
  };

  const { hiddenSize: C, vocabularySize: V } = config;
  const embedding = await load(EMBEDDING_TENSOR, EMBEDDING_TENSOR, [V, C], false, false);
  const shapes = blockTensorShapes(config);
  const layout = plan ? expandedBlocks(plan) : Array.from({ length: config.blocks }, (_, base) => ({ base, inserted: false }));
  const blocks: Block[] = [];
  for (const [position, { base, inserted }] of layout.entries()) {
    const isInserted = inserted || insertedBefore.includes(base);
    const block: Partial<Block> = { isInserted };
    for (const role of Object.keys(BLOCK_TENSORS) as BlockRole[]) {
      const isZero = inserted && IDENTITY_ROLES.includes(role);
      // An identity block of this plan is new; one that an earlier expansion inserted is part of the base now.
      block[role] = await load(blockTensorName(position, role), blockTensorName(base, role), shapes[role], inserted, isZero);
    }
    blocks.push(block as Block);
  }
  const finalNorm = await load(FINAL_NORM_TENSOR, FINAL_NORM_TENSOR, [C], false, false);
  const head = config.tiedEmbeddings ? embedding : await load(HEAD_TENSOR, HEAD_TENSOR, [V, C], false, false);
  return { config: { ...config, blocks: blocks.length }, embedding, blocks, finalNorm, head };
}

/** Every parameter once, in the order of the file. */
export function parametersOf(model: Llama): Parameter[] {
  const ofBlocks = model.blocks.flatMap((block) => (Object.keys(BLOCK_TENSORS) as BlockRole[]).map((role) => block[role]));
  const all = [model.embedding, ...ofBlocks, model.finalNorm];
  return model.head === model.embedding ? all : [...all, model.head];
}

/** The same weights without their inserted blocks: the base, to the last bit. Shares the model's tensors: do not free it. */
export function withoutInserted(model: Llama): Llama {
  const blocks = model.blocks.filter((block) => !block.isInserted);
  return { ...model, blocks, config: { ...model.config, blocks: blocks.length } };
}

export function disposeLlama(model: Llama): void {
  for (const each of parametersOf(model)) each.dispose();
}

function parameter(engine: Engine, name: string, values: Float32Array, shape: readonly number[], isTrainable: boolean): Parameter {
  const initial = engine.keep(engine.tensor(values, shape));
  if (!isTrainable) return { name, shape, variable: null, value: () => initial, dispose: () => engine.dispose(initial) };
  const variable = engine.variable(initial);
  engine.dispose(initial);
  return { name, shape, variable, value: () => variable.read(), dispose: () => variable.dispose() };
}
