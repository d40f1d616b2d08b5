import { logitsAtOnce } from '../../shared/domain/memory.ts';
import type { Engine, Operations, Tensor } from '../engine/engine.ts';
import { tensorsOf } from '../engine/tensor-tree.ts';
import { backwardLanes, blockShape, type BlockTrace } from './block.ts';
import { headBackward, type HeadRows, type HeadWeights } from './head.ts';
import { type Lane, type LanePositions, laneValues } from './lanes.ts';
import { type Batch, frozenPrefix, headChunks, lowestTrainedBlock, runForward, sliceRows } from './model.ts';
import { blockWeights, headWeights, type Llama, parameterOfBlock } from './parameters.ts';

/** Gradients of trainable tensors, by the tensors' names. */
export type Gradients = Map<string, Tensor>;

export interface StepOptions {
  /** What the loss and its gradients are divided by; the batch's own weights when left out. Micro-batches of a step share one. */
  totalWeight?: number;
  /** What {@link frozenPrefix} gave for this batch; computed when left out. Not freed. */
  prefix?: readonly Tensor[] | null;
  /** Keeps only each block's input and computes its activations a second time on the way back: less memory, more time. */
  recomputes?: boolean;
  /** Gradients of the step's micro-batches before this one: these are added to them, tensor by tensor, and they are freed. */
  before?: Gradients;
}

/**
 * Loss and gradients of one batch: forward block by block keeping what the backward pass needs, then backward down to the
 * lowest trained block and no further. The loss is the mean over all targets, in nats, as a tensor of shape [1].
 * The caller frees loss and gradients.
 */
export function lossAndGradients(
  engine: Engine,
  model: Llama,
  batch: Batch,
  options: StepOptions = {},
): { loss: Tensor; gradients: Gradients } {
  const { recomputes = false } = options;
  const first = lowestTrainedBlock(model);

  return engine.scope(() => {
    const { lanes, positions } = model.lanes.lanesOf(batch.batch, batch.time, batch.documents);
    let x: readonly Tensor[] = options.prefix ?? frozenPrefix(engine, model, batch);
    const kept: { input: readonly Tensor[]; traces: BlockTrace[] | null }[] = [];
    for (let block = first; block < model.blocks.length; block++) {
      const { outputs, traces } = runForward(engine, model, block, x, positions, !recomputes);
      kept[block] = { input: x, traces: recomputes ? null : traces };
      x = outputs;
    }
    const { loss, inputs: atEnd, gradients } = throughHead(engine, model, batch, lanes, x, options);
    const isOwn = (tensor: Tensor): boolean => !options.prefix?.includes(tensor);
    engine.dispose(...x.filter(isOwn));
    let gradient = atEnd;
    for (let block = model.blocks.length - 1; block >= first; block--) {
      const { input, traces } = kept[block]!;
      const back = engine.scope(() => {
        const known = traces ?? runForward(engine, model, block, input, positions, true).traces;
        return runBackward(engine, model, block, gradient, positions, known);
      });
      for (const [name, value] of Object.entries(back.gradients)) {
        addGradient(engine, gradients, parameterOfBlock(model.blocks[block]!, name).name, value);
      }
      engine.dispose(...new Set([...gradient, ...tensorsOf(traces), ...input].filter(isOwn)));
      gradient = back.inputs;
    }
    if (model.embedding.variable) {
      const { name, shape } = model.embedding;
      const rows = lanes.map((lane, index) => {
        const ids = laneValues(batch.inputs, batch.time, lane);
        return { x: gradient[index]!, ids: engine.tensor(ids, [ids.length]) };
      });
      const before = gradients.get(name) ?? null; // of the micro-batches before, and of the head where it is the same matrix
      const sum = engine.run('embedding', { rows, before, shape }, (operations, each) =>
        each.rows.reduce((table, { x, ids }) => operations.scatterAddRows(table, x, ids), each.before ?? operations.zeros(each.shape)),
      );
      if (before) engine.dispose(before);
      gradients.set(name, sum);
    }
    return { loss, gradients };
  });
}

/** One block backward on all lanes, compiled: what comes out belongs to the innermost scope. */
function runBackward(
  engine: Engine,
  model: Llama,
  block: number,
  gradients: readonly Tensor[],
  positions: readonly LanePositions[],
  traces: readonly BlockTrace[],
): { inputs: Tensor[]; gradients: Record<string, Tensor> } {
  return engine.scope(() => {
    const inputs = {
      gradients,
      weights: blockWeights(model.blocks[block]!),
      shape: blockShape(model.config),
      positions,
      traces,
    };
    return engine.run('backward', inputs, (operations, each) =>
      backwardLanes(operations, each.gradients, each.weights, each.shape, each.positions, each.traces),
    );
  });
}

/** The loss of a batch, its gradient for the residual stream, lane by lane, and those of the trained weights of the model's end. */
function throughHead(
  engine: Engine,
  model: Llama,
  batch: Batch,
  lanes: readonly Lane[],
  streams: readonly Tensor[],
  { totalWeight, before }: StepOptions,
): { loss: Tensor; inputs: Tensor[]; gradients: Gradients } {
  return engine.scope(() => {
    const gradients: Gradients = new Map(before);
    const weights = batch.weights ?? new Float32Array(batch.targets.length).fill(1);
    const total = totalWeight ?? weights.reduce((sum, weight) => sum + weight, 0);
    const shares = weights.map((weight) => weight / total);
    const inputs: Tensor[][] = lanes.map(() => []);
    const losses: Tensor[] = [];
    const most = logitsAtOnce(model.config, model.head.variable !== null);
    for (const chunk of headChunks(lanes, model.config.vocabularySize, 1, most)) {
      const back = engine.scope(() => {
        const rows = lanes.map((lane, index): HeadRows => {
          const { begin, size } = chunk[index]!;
          return {
            x: sliceRows(engine, streams[index]!, chunk[index]!),
            labels: engine.tensor(laneValues(batch.targets, batch.time, lane).slice(begin, begin + size), [size]),
            share: engine.tensor(laneValues(shares, batch.time, lane).slice(begin, begin + size), [size, 1]),
          };
        });
        const sums = { finalNorm: gradients.get(model.finalNorm.name) ?? null, head: gradients.get(model.head.name) ?? null };
        return engine.run('head', { rows, weights: headWeights(model), before: sums }, headOfLanes);
      });
      for (const [index, input] of back.inputs.entries()) inputs[index]!.push(input);
      losses.push(back.loss);
      if (back.finalNorm) replaceGradient(engine, gradients, model.finalNorm.name, back.finalNorm);
      if (back.head) replaceGradient(engine, gradients, model.head.name, back.head);
    }
    const join = (parts: Tensor[]): Tensor => (parts.length === 1 ? parts[0]! : engine.concat(parts, 0));
    return { loss: losses.length === 1 ? losses[0]! : engine.sum(join(losses), 0, true), inputs: inputs.map(join), gradients };
  });
}

/** {@link headBackward} for the rows of every lane; losses and gradients of weights are summed, these with what came before. */
function headOfLanes(
  operations: Operations,
  { rows, weights, before }: { rows: readonly HeadRows[]; weights: HeadWeights; before: { finalNorm: Tensor | null; head: Tensor | null } },
): { loss: Tensor; inputs: Tensor[]; finalNorm: Tensor | null; head: Tensor | null } {
  const each = rows.map((lane) => headBackward(operations, lane, weights));
  const sum = (parts: (Tensor | null)[]): Tensor | null =>
    parts.reduce((before, part) => (before && part ? operations.add(before, part) : (before ?? part)), null);
  return {
    loss: sum(each.map(({ loss }) => loss))!,
    inputs: each.map(({ input }) => input),
    finalNorm: sum([...each.map(({ finalNorm }) => finalNorm), before.finalNorm]),
    head: sum([...each.map(({ head }) => head), before.head]),
  };
}

function addGradient(engine: Engine, gradients: Gradients, name: string, value: Tensor): void {
  const before = gradients.get(name);
  gradients.set(name, before ? addInto(engine, before, value) : value);
}

function replaceGradient(engine: Engine, gradients: Gradients, name: string, value: Tensor): void {
  const before = gradients.get(name);
  if (before) engine.dispose(before);
  gradients.set(name, value);
}

/** Their sum; both are freed, so that no more than one gradient is there twice. */
export function addInto(engine: Engine, sum: Tensor, part: Tensor): Tensor {
  const result = engine.add(sum, part);
  engine.dispose(sum, part);
  return result;
}
