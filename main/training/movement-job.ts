import { BLOCK_TENSORS, blockOfTensor, llamaTensors } from '../../shared/domain/llama-tensors.ts';
import { planOf } from '../../shared/domain/method.ts';
import { distanceOf, type MovedSums, type Movement } from '../../shared/domain/movement.ts';
import { expandedBlocks } from '../../shared/domain/plan.ts';
import { StrataError } from '../../shared/errors.ts';
import { openTokenShard, type TokenShard } from '../datasets/token-shard.ts';
import type { Engine, Tensor } from '../engine/engine.ts';
import { streamAfterBlocks } from '../llama/model.ts';
import { disposeLlama, type Llama, loadLlama } from '../llama/parameters.ts';
import { linearCka } from '../llama/similarity.ts';
import { type ModelFolder, openModelFolder } from '../models/model-folder.ts';
import type { MovementJob } from './messages.ts';
import { heldOutWindows } from './windows.ts';

/** Rows of hidden states that are compared: several times the width of a small model, and one forward pass of any. */
const ROWS = 4096;

interface ExpandedBlock {
  /** In the base. */
  from: number;
  inserted: boolean;
}

/**
 * Compares a run's model with the base it started from: every weight, and the hidden states after every block on held-out old text.
 * @throws StrataError CONFLICT when the model is not one that the method makes of the base.
 */
export async function measureMovement(job: MovementJob, engine: Engine): Promise<Movement> {
  const started = performance.now();
  const [model, base] = [await openModelFolder(job.modelDirectory), await openModelFolder(job.baseModelDirectory)];
  try {
    const plan = planOf(job.method);
    const layout: ExpandedBlock[] = plan
      ? expandedBlocks(plan).map(({ base: from, inserted }) => ({ from, inserted }))
      : Array.from({ length: base.config.blocks }, (_, from) => ({ from, inserted: false }));
    if (layout.length !== model.config.blocks) {
      throw new StrataError('CONFLICT', 'The model is not the one that the run made.', {
        found: `${model.config.blocks} blocks`,
        allowed: `${layout.length} blocks`,
      });
    }
    const moved = await moveOfTensors(model, base, layout);
    const { similarities, text } = await compareStates(job, engine, model, base, layout);
    const within = (block: number | null): MovedSums[] => moved.flatMap((each) => (each.block === block ? [each.sums] : []));
    return {
      tensors: moved.map(({ sums, ...tensor }) => ({ ...tensor, ...distanceOf([sums]) })),
      blocks: layout.map((each, block) => ({ block, ...each, ...distanceOf(within(block)), similarity: similarities?.[block] ?? null })),
      outside: distanceOf(within(null)),
      text,
      engine: engine.name,
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    await model.close();
    await base.close();
  }
}

type MovedTensor = Omit<Movement['tensors'][number], 'relative' | 'changed'> & { sums: MovedSums };

async function moveOfTensors(model: ModelFolder, base: ModelFolder, layout: readonly ExpandedBlock[]): Promise<MovedTensor[]> {
  const moved: MovedTensor[] = [];
  for (const { name } of llamaTensors(model.config)) {
    const block = blockOfTensor(name);
    const from = block === null ? name : name.replace(/layers\.\d+\./, `layers.${layout[block]!.from}.`);
    const beganAtZero = block !== null && layout[block]!.inserted && isZeroed(name);
    const [after, before] = [await model.readTensor(name), await base.readTensor(from)];
    moved.push({ name, block, from, beganAtZero, sums: movedSums(after, before, beganAtZero) });
  }
  return moved;
}

/** Whether a tensor of an inserted block begins at zero: the two matrices that make it an identity, and their biases (LLaMA Pro, section 3.1). */
function isZeroed(name: string): boolean {
  return [BLOCK_TENSORS.attentionOutput, BLOCK_TENSORS.down].some((tensor) => name.includes(`.${tensor.replace(/\.weight$/, '')}.`));
}

function movedSums(after: Float32Array, before: Float32Array, beganAtZero: boolean): MovedSums {
  const sums: MovedSums = { squaredDifference: 0, squaredNorm: 0, changed: 0, count: after.length };
  for (let index = 0; index < after.length; index++) {
    const difference = after[index]! - (beganAtZero ? 0 : before[index]!);
    sums.squaredDifference += difference ** 2;
    sums.squaredNorm += before[index]! ** 2;
    if (difference !== 0) sums.changed++;
  }
  return sums;
}

/** CKA after each block of the model, on the first held-out windows of every dataset in turn. */
async function compareStates(
  { datasets, context }: MovementJob,
  engine: Engine,
  model: ModelFolder,
  base: ModelFolder,
  layout: readonly ExpandedBlock[],
): Promise<{ similarities: number[] | null; text: Movement['text'] }> {
  const shards: TokenShard[] = [];
  try {
    for (const { heldOutPath } of datasets) shards.push(await openTokenShard(heldOutPath));
    const windows = heldOutWindows(
      shards.map((heldOut) => ({ role: 'past' as const, heldOut })),
      'past',
      context,
      Math.max(context, Math.floor(ROWS / context) * context),
      'spread',
    );
    const time = windows[0]?.tokens.length ?? 0;
    const whole = windows.filter(({ tokens }) => tokens.length === time);
    if (whole.length === 0) return { similarities: null, text: null };
    const inputs = new Int32Array(whole.length * time);
    for (const [row, { tokens }] of whole.entries()) inputs.set(tokens, row * time);
    const batch = { batch: whole.length, time, inputs };
    const [ofModel, ofBase] = [await load(engine, model), await load(engine, base)];
    const similarities = await similarityOfBlocks(engine, ofModel, ofBase, batch, layout);
    disposeLlama(ofModel);
    disposeLlama(ofBase);
    return { similarities, text: { datasets: datasets.map(({ name }) => name), tokens: inputs.length } };
  } finally {
    for (const shard of shards) await shard.close();
  }
}

function load(engine: Engine, folder: ModelFolder): Promise<Llama> {
  return loadLlama(engine, { config: folder.config, read: (name) => folder.readTensor(name), isCompact: true });
}

/** Both models go forward side by side, so that no more than one layer of each is in memory. */
async function similarityOfBlocks(
  engine: Engine,
  model: Llama,
  base: Llama,
  batch: { batch: number; time: number; inputs: Int32Array },
  layout: readonly ExpandedBlock[],
): Promise<number[]> {
  const [streams, baseStreams] = [streamAfterBlocks(engine, model, batch), streamAfterBlocks(engine, base, batch)];
  const similarities: number[] = [];
  let theirs: Tensor[] = [];
  for (const { inserted } of layout) {
    if (!inserted) theirs = baseStreams.next().value as Tensor[];
    const ours = streams.next().value as Tensor[];
    const [x, y] = engine.scope(() => [engine.concat(ours, 0), engine.concat(theirs, 0)]) as [Tensor, Tensor];
    similarities.push(await linearCka(engine, x, y));
    engine.dispose(x, y);
  }
  streams.return(undefined);
  baseStreams.return(undefined);
  return similarities;
}
