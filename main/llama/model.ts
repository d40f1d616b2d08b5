import type { Engine, Operations, Tensor } from '../engine/engine.ts';
import { tensorsOf } from '../engine/tensor-tree.ts';
import type { KeysAndValues } from './attention.ts';
import { backwardLanes, type BlockTrace, forwardBlock, forwardLanes } from './block.ts';
import { divergence, headBackward, type HeadRows, type HeadWeights, logitsOf as logitsOfRows } from './head.ts';
import { type Lane, type LanePositions, laneValues, positionsAfter } from './lanes.ts';
import { blockWeights, headWeights, isBlockTrained, type Llama, parameterOfBlock } from './parameters.ts';
import { rmsNorm } from './rms-norm.ts';

/** A batch of windows of equal length: ids row by row, and for each the id that should follow it. */
export interface Batch {
  batch: number;
  time: number;
  inputs: Int32Array; // [B*T]
  targets: Int32Array; // [B*T]
  /** How much each target counts; 1 each when left out, 0 masks it. */
  weights?: Float32Array; // [B*T]
  /** The document of its window that each token is of: attention stays inside a document. One document each when left out. */
  documents?: Int32Array; // [B*T]
}

/** Gradients of trainable tensors, by the tensors' names. */
export type Gradients = Map<string, Tensor>;

/** The head's logits are made for so many elements at a time: a vocabulary of 50,000 must not cost gigabytes. */
const HEAD_CHUNK_ELEMENTS = 1 << 24;

/** Rows after the embedding, lane by lane. */
function embed(engine: Engine, model: Llama, { time, inputs }: Pick<Batch, 'time' | 'inputs'>, lanes: readonly Lane[]): Tensor[] {
  return engine.scope(() => {
    const table = model.embedding.value();
    return lanes.map((lane) => {
      const ids = laneValues(inputs, time, lane);
      return engine.gatherRows(table, engine.tensor(ids, [ids.length])); // [N, C]
    });
  });
}

/** One block on all lanes, compiled: what comes out belongs to the innermost scope. */
function runForward(
  engine: Engine,
  model: Llama,
  block: number,
  lanes: readonly Tensor[],
  positions: readonly LanePositions[],
  keepsTrace: boolean,
): { outputs: Tensor[]; traces: BlockTrace[] } {
  return engine.scope(() => {
    const { heads, keyValueHeads, headSize, normEpsilon } = model.config;
    const inputs = {
      lanes,
      weights: blockWeights(model.blocks[block]!),
      shape: { heads, keyValueHeads, headSize, normEpsilon },
      positions,
      keepsTrace,
    };
    return engine.run('forward', inputs, (operations, each) =>
      forwardLanes(operations, each.lanes, each.weights, each.shape, each.positions, each.keepsTrace),
    );
  });
}

/** The same backward. */
function runBackward(
  engine: Engine,
  model: Llama,
  block: number,
  gradients: readonly Tensor[],
  positions: readonly LanePositions[],
  traces: readonly BlockTrace[],
): { inputs: Tensor[]; gradients: Record<string, Tensor> } {
  return engine.scope(() => {
    const { heads, keyValueHeads, headSize, normEpsilon } = model.config;
    const inputs = {
      gradients,
      weights: blockWeights(model.blocks[block]!),
      shape: { heads, keyValueHeads, headSize, normEpsilon },
      positions,
      traces,
    };
    return engine.run('backward', inputs, (operations, each) =>
      backwardLanes(operations, each.gradients, each.weights, each.shape, each.positions, each.traces),
    );
  });
}

/** Rows [N, C] after blocks [first, last), lane by lane; nothing is kept for a backward pass. Frees the lanes it was given. */
function throughBlocks(
  engine: Engine,
  model: Llama,
  lanes: Tensor[],
  positions: readonly LanePositions[],
  first: number,
  last: number,
): Tensor[] {
  let rows = lanes;
  for (let block = first; block < last; block++) {
    const { outputs } = runForward(engine, model, block, rows, positions, false);
    engine.dispose(...rows);
    rows = outputs;
  }
  return rows;
}

/** The residual stream after the last block, lane by lane. The caller frees it. */
export function residualStream(engine: Engine, model: Llama, batch: Pick<Batch, 'batch' | 'time' | 'inputs' | 'documents'>): Tensor[] {
  return engine.scope(() => {
    const { lanes, positions } = model.lanes.lanesOf(batch.batch, batch.time, batch.documents);
    return throughBlocks(engine, model, embed(engine, model, batch, lanes), positions, 0, model.blocks.length);
  });
}

/** Hidden states after the final norm, [N, C]. */
export function hiddenStates(engine: Engine, model: Llama, batch: Pick<Batch, 'batch' | 'time' | 'inputs'>): Tensor {
  return engine.scope(() => {
    const lanes = residualStream(engine, model, batch);
    const rows = lanes.length === 1 ? lanes[0]! : engine.concat(lanes, 0);
    const { finalNorm, normEpsilon } = headWeights(model);
    return rmsNorm(engine, rows, finalNorm, normEpsilon).output;
  });
}

/** Logits of hidden states [rows, C] -> [rows, V]. */
export function logitsOf(engine: Engine, model: Llama, hidden: Tensor): Tensor {
  return engine.scope(() => engine.matmul(hidden, model.head.value(), { transposeB: true }));
}

/** Lanes cut into pieces whose logits fit in {@link HEAD_CHUNK_ELEMENTS}: for each piece, the rows of every lane. */
export function headChunks(
  lanes: readonly { times: number; windows: number }[],
  vocabularySize: number,
): { begin: number; size: number }[][] {
  const rows = lanes.map(({ windows, times }) => windows * times);
  const total = rows.reduce((sum, each) => sum + each, 0);
  const count = Math.min(Math.max(1, Math.ceil((total * vocabularySize) / HEAD_CHUNK_ELEMENTS)), ...rows);
  return Array.from({ length: count }, (_, chunk) =>
    rows.map((each) => {
      const begin = Math.floor((chunk * each) / count);
      return { begin, size: Math.floor(((chunk + 1) * each) / count) - begin };
    }),
  );
}

function sliceRows(engine: Engine, x: Tensor, { begin, size }: { begin: number; size: number }): Tensor {
  return engine.slice(x, [begin, ...x.shape.slice(1).map(() => 0)], [size, ...x.shape.slice(1)]);
}

/** Negative log-likelihood of each target, in nats, [B*T] in row order. No gradient is computed. */
export async function tokenLosses(engine: Engine, model: Llama, batch: Batch): Promise<Float32Array> {
  const scores = await scoreTokens(engine, model, batch, null);
  return scores.losses;
}

/**
 * Negative log-likelihood of each target and, with a base, the divergence `KL(base || model) = sum over v of p_base(v) (log p_base(v) -
 * log p_model(v))` at each position: nats, [B*T] in row order.
 */
export async function scoreTokens(
  engine: Engine,
  model: Llama,
  batch: Batch,
  base: Llama | null,
): Promise<{ losses: Float32Array; drifts: Float32Array | null }> {
  const { lanes } = model.lanes.lanesOf(batch.batch, batch.time);
  const streams = residualStream(engine, model, batch);
  const baseStreams = base ? residualStream(engine, base, batch) : null;
  const losses = new Float32Array(batch.inputs.length);
  const drifts = base ? new Float32Array(batch.inputs.length) : null;
  for (const chunk of headChunks(lanes, model.config.vocabularySize)) {
    const results = engine.scope(() => {
      const rows = lanes.map((lane, index) => {
        const { begin, size } = chunk[index]!;
        return {
          x: sliceRows(engine, streams[index]!, chunk[index]!),
          base: baseStreams && sliceRows(engine, baseStreams[index]!, chunk[index]!),
          labels: engine.tensor(laneValues(batch.targets, batch.time, lane).slice(begin, begin + size), [size]),
        };
      });
      return engine.run('score', { rows, weights: headWeights(model), baseWeights: base && headWeights(base) }, (operations, each) =>
        each.rows.map((row) => {
          const logits = logitsOfRows(operations, row.x, each.weights);
          const loss = operations.crossEntropy(logits, row.labels);
          if (!row.base || !each.baseWeights) return { loss, drift: null };
          return { loss, drift: divergence(operations, logitsOfRows(operations, row.base, each.baseWeights), logits) };
        }),
      );
    });
    let firstRow = 0;
    for (const [index, { loss, drift }] of results.entries()) {
      losses.set((await engine.read(loss)) as Float32Array, firstRow + chunk[index]!.begin);
      if (drift) drifts!.set((await engine.read(drift)) as Float32Array, firstRow + chunk[index]!.begin);
      engine.dispose(loss, ...(drift ? [drift] : []));
      firstRow += lanes[index]!.windows * lanes[index]!.times;
    }
  }
  engine.dispose(...streams, ...(baseStreams ?? []));
  return { losses, drifts };
}

/** The lowest block from which on something is trained, and so needs a backward pass; the number of blocks when only the end of the model is. */
export function lowestTrainedBlock(model: Llama): number {
  if (model.embedding.variable !== null) return 0;
  const lowest = model.blocks.findIndex(isBlockTrained);
  return lowest === -1 ? model.blocks.length : lowest;
}

/**
 * The residual stream where training begins, lane by lane: it depends on frozen weights alone, so for the same windows it is the same at
 * every step. The caller frees it.
 */
export function frozenPrefix(engine: Engine, model: Llama, batch: Batch): Tensor[] {
  return engine.scope(() => {
    const { lanes, positions } = model.lanes.lanesOf(batch.batch, batch.time, batch.documents);
    return throughBlocks(engine, model, embed(engine, model, batch, lanes), positions, 0, lowestTrainedBlock(model));
  });
}

export interface StepOptions {
  /** What the loss and its gradients are divided by; the batch's own weights when left out. Micro-batches of a step share one. */
  totalWeight?: number;
  /** What {@link frozenPrefix} gave for this batch; computed when left out. Not freed. */
  prefix?: readonly Tensor[] | null;
  /** Keeps only each block's input and computes its activations a second time on the way back: less memory, more time. */
  recomputes?: boolean;
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
    const { loss, inputs: atEnd, gradients } = throughHead(engine, model, batch, lanes, x, options.totalWeight);
    const isOwn = (tensor: Tensor): boolean => !options.prefix?.includes(tensor);
    engine.dispose(...x.filter(isOwn));
    let gradient = atEnd;
    for (let block = model.blocks.length - 1; block >= first; block--) {
      const { input, traces } = kept[block]!;
      const back = engine.scope(() => {
        const known = traces ?? runForward(engine, model, block, input, positions, true).traces;
        return runBackward(engine, model, block, gradient, positions, known);
      });
      for (const [name, value] of Object.entries(back.gradients)) gradients.set(parameterOfBlock(model.blocks[block]!, name).name, value);
      engine.dispose(...new Set([...gradient, ...tensorsOf(traces), ...input].filter(isOwn)));
      gradient = back.inputs;
    }
    if (model.embedding.variable) {
      for (const [index, lane] of lanes.entries()) {
        const ids = laneValues(batch.inputs, batch.time, lane);
        const rows = { x: gradient[index]!, ids: engine.tensor(ids, [ids.length]), before: gradients.get(model.embedding.name) ?? null };
        const sum = engine.run('embedding', { ...rows, vocabulary: model.config.vocabularySize }, (operations, each) => {
          const own = operations.scatterAddRows(each.vocabulary, each.x, each.ids);
          return each.before ? operations.add(own, each.before) : own;
        });
        if (rows.before) engine.dispose(rows.before);
        gradients.set(model.embedding.name, sum);
      }
    }
    return { loss, gradients };
  });
}

/** The loss of a batch, its gradient for the residual stream, lane by lane, and those of the trained weights of the model's end. */
function throughHead(
  engine: Engine,
  model: Llama,
  batch: Batch,
  lanes: readonly Lane[],
  streams: readonly Tensor[],
  totalWeight: number | undefined,
): { loss: Tensor; inputs: Tensor[]; gradients: Gradients } {
  return engine.scope(() => {
    const gradients: Gradients = new Map();
    const weights = batch.weights ?? new Float32Array(batch.targets.length).fill(1);
    const total = totalWeight ?? weights.reduce((sum, weight) => sum + weight, 0);
    const shares = weights.map((weight) => weight / total);
    const inputs: Tensor[][] = lanes.map(() => []);
    const losses: Tensor[] = [];
    for (const chunk of headChunks(lanes, model.config.vocabularySize)) {
      const back = engine.scope(() => {
        const rows = lanes.map((lane, index): HeadRows => {
          const { begin, size } = chunk[index]!;
          return {
            x: sliceRows(engine, streams[index]!, chunk[index]!),
            labels: engine.tensor(laneValues(batch.targets, batch.time, lane).slice(begin, begin + size), [size]),
            share: engine.tensor(laneValues(shares, batch.time, lane).slice(begin, begin + size), [size, 1]),
          };
        });
        return engine.run('head', { rows, weights: headWeights(model) }, headOfLanes);
      });
      for (const [index, input] of back.inputs.entries()) inputs[index]!.push(input);
      losses.push(back.loss);
      if (back.finalNorm) addGradient(engine, gradients, model.finalNorm.name, back.finalNorm);
      if (back.head) addGradient(engine, gradients, model.head.name, back.head);
    }
    const join = (parts: Tensor[]): Tensor => (parts.length === 1 ? parts[0]! : engine.concat(parts, 0));
    return { loss: losses.length === 1 ? losses[0]! : engine.sum(join(losses), 0, true), inputs: inputs.map(join), gradients };
  });
}

/** {@link headBackward} for the rows of every lane; losses and gradients of weights are summed. */
function headOfLanes(
  operations: Operations,
  { rows, weights }: { rows: readonly HeadRows[]; weights: HeadWeights },
): { loss: Tensor; inputs: Tensor[]; finalNorm: Tensor | null; head: Tensor | null } {
  const each = rows.map((lane) => headBackward(operations, lane, weights));
  const sum = (parts: (Tensor | null)[]): Tensor | null =>
    parts.reduce((before, part) => (before && part ? operations.add(before, part) : (before ?? part)), null);
  return {
    loss: sum(each.map(({ loss }) => loss))!,
    inputs: each.map(({ input }) => input),
    finalNorm: sum(each.map(({ finalNorm }) => finalNorm)),
    head: sum(each.map(({ head }) => head)),
  };
}

/** Adds to the gradient of a tensor; both parts are freed when there was one before. */
export function addGradient(engine: Engine, gradients: Gradients, name: string, value: Tensor): void {
  const before = gradients.get(name);
  gradients.set(name, before ? engine.add(before, value) : value);
  if (before) engine.dispose(before, value);
}

/** The first pass of generation: logits of a prompt's last position [1, V], and the keys and values of all of them, block by block. */
export function readPrompt(engine: Engine, model: Llama, ids: Int32Array): { logits: Tensor; caches: KeysAndValues[] } {
  return engine.scope(() => {
    const positions = positionsAfter(engine, model.config, 1, ids.length, 0);
    let x = engine.gatherRows(model.embedding.value(), engine.tensor(ids, [ids.length])); // [T, C]
    const caches: KeysAndValues[] = [];
    for (const block of model.blocks) {
      const { output, present } = engine.scope(() => {
        const passed = forwardBlock(engine, x, blockWeights(block), model.config, positions, null, false);
        return { output: passed.output, present: passed.present };
      });
      caches.push(present);
      x = output;
    }
    const last = sliceRows(engine, x, { begin: ids.length - 1, size: 1 });
    return { logits: logitsOfRows(engine, last, headWeights(model)), caches };
  });
}
