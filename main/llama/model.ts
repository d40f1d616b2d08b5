import type { Engine, Tensor } from '../engine/engine.ts';
import { causalMask, type KeyValueCache, type Positions } from './attention.ts';
import { backwardBlock, type BlockTrace, forwardBlock, type Gradients, isBlockTrained } from './block.ts';
import type { Llama } from './parameters.ts';
import { rmsNorm, rmsNormBackward } from './rms-norm.ts';
import { rotaryTable } from './rope.ts';

/** A batch of windows of equal length: ids row by row, and for each the id that should follow it. */
export interface Batch {
  batch: number;
  time: number;
  inputs: Int32Array; // [B*T]
  targets: Int32Array; // [B*T]
}

/** The head's logits are made for so many elements at a time: a vocabulary of 50,000 must not cost gigabytes. */
const HEAD_CHUNK_ELEMENTS = 1 << 24;

/** Rotary angles and causal mask for a batch; belongs to the innermost scope. */
export function positionsFor(engine: Engine, model: Llama, batch: number, time: number, past = 0): Positions {
  const { headSize, ropeTheta } = model.config;
  return {
    batch,
    time,
    keyTable: rotaryTable(engine, past, time, headSize, ropeTheta),
    queryTable: rotaryTable(engine, past, time, headSize, ropeTheta, 1 / Math.sqrt(headSize)),
    mask: causalMask(engine, time, past),
  };
}

/** Hidden states after the final norm, [N, C]. */
export function hiddenStates(engine: Engine, model: Llama, batch: Pick<Batch, 'batch' | 'time' | 'inputs'>): Tensor {
  return engine.scope(() => {
    const positions = positionsFor(engine, model, batch.batch, batch.time);
    const ids = engine.tensor(batch.inputs, [batch.inputs.length]);
    let x = engine.gatherRows(model.embedding.value(), ids); // [N, C]
    for (const block of model.blocks) {
      const next = engine.scope(() => forwardBlock(engine, x, block, model.config, positions, { keepsTrace: false }).output);
      engine.dispose(x);
      x = next;
    }
    return rmsNorm(engine, x, model.finalNorm.value(), model.config.normEpsilon).output;
  });
}

/** Logits of hidden states [rows, C] -> [rows, V]. */
export function logitsOf(engine: Engine, model: Llama, hidden: Tensor): Tensor {
  return engine.scope(() => engine.matmul(hidden, model.head.value(), { transposeB: true }));
}

/** Cuts rows into pieces whose logits fit in {@link HEAD_CHUNK_ELEMENTS}. */
export function headChunks(rows: number, vocabularySize: number): { begin: number; size: number }[] {
  const size = Math.max(1, Math.min(rows, Math.floor(HEAD_CHUNK_ELEMENTS / vocabularySize)));
  return Array.from({ length: Math.ceil(rows / size) }, (_, chunk) => ({
    begin: chunk * size,
    size: Math.min(size, rows - chunk * size),
  }));
}

export function sliceRows(engine: Engine, x: Tensor, begin: number, size: number): Tensor {
  return x.shape[0] === size
    ? engine.reshape(x, x.shape)
    : engine.slice(x, [begin, ...x.shape.slice(1).map(() => 0)], [size, ...x.shape.slice(1)]);
}

/** Negative log-likelihood of each target, in nats, [B*T] in row order. No gradient is computed. */
export async function tokenLosses(engine: Engine, model: Llama, batch: Batch): Promise<Float32Array> {
  const hidden = hiddenStates(engine, model, batch);
  const losses = new Float32Array(batch.inputs.length);
  for (const { begin, size } of headChunks(batch.inputs.length, model.config.vocabularySize)) {
    const chunk = engine.scope(() => {
      const labels = engine.tensor(batch.targets.slice(begin, begin + size), [size]);
      return engine.crossEntropy(logitsOf(engine, model, sliceRows(engine, hidden, begin, size)), labels);
    });
    losses.set((await engine.read(chunk)) as Float32Array, begin);
    engine.dispose(chunk);
  }
  engine.dispose(hidden);
  return losses;
}

/**
 * Loss and gradients of one batch: forward block by block keeping what the backward pass needs, then backward down to the
 * lowest trained block and no further. The loss is the mean over all targets, in nats, as a tensor of shape [1].
 * The caller frees loss and gradients.
 */
export function lossAndGradients(engine: Engine, model: Llama, batch: Batch): { loss: Tensor; gradients: Gradients } {
  const { config } = model;
  const trainsEmbedding = model.embedding.variable !== null;
  const lowestTrained = trainsEmbedding ? 0 : model.blocks.findIndex(isBlockTrained);
  const firstTraced = lowestTrained === -1 ? model.blocks.length : lowestTrained;

  return engine.scope(() => {
    const positions = positionsFor(engine, model, batch.batch, batch.time);
    const ids = engine.tensor(batch.inputs, [batch.inputs.length]);
    let x = engine.gatherRows(model.embedding.value(), ids); // [N, C]
    const traces: BlockTrace[] = [];
    for (const [index, block] of model.blocks.entries()) {
      if (index >= firstTraced) {
        const { output, trace } = forwardBlock(engine, x, block, config, positions, { keepsTrace: true });
        traces[index] = trace!;
        x = output;
      } else {
        const next = engine.scope(() => forwardBlock(engine, x, block, config, positions, { keepsTrace: false }).output);
        engine.dispose(x);
        x = next;
      }
    }
    const normed = rmsNorm(engine, x, model.finalNorm.value(), config.normEpsilon);
    const head = headBackward(engine, model, normed.output, batch.targets);
    const gradients: Gradients = head.gradients;

    const finalNorm = rmsNormBackward(engine, head.input, model.finalNorm.value(), normed.trace, model.finalNorm.variable !== null);
    if (finalNorm.weight) gradients.set(model.finalNorm.name, finalNorm.weight);
    let gradient = finalNorm.input;
    for (let index = model.blocks.length - 1; index >= firstTraced; index--) {
      const step = backwardBlock(engine, gradient, model.blocks[index]!, config, positions, traces[index]!);
      for (const [name, value] of step.gradients) gradients.set(name, value);
      engine.dispose(gradient);
      gradient = step.input;
    }
    if (trainsEmbedding) addGradient(engine, gradients, model.embedding.name, engine.scatterAddRows(config.vocabularySize, gradient, ids));
    return { loss: head.loss, gradients };
  });
}

/**
 * Mean cross-entropy of the head and its gradients. The vocabulary's logits are made chunk by chunk; with p their softmax and y the one-hot
 * labels, `dx = (p - y) E` and `dE = (p - y)^T x`, where y only picks rows: it is never made.
 */
function headBackward(
  engine: Engine,
  model: Llama,
  hidden: Tensor, // [N, C]
  targets: Int32Array,
): { loss: Tensor; input: Tensor; gradients: Gradients } {
  return engine.scope(() => {
    const rows = targets.length;
    const gradients: Gradients = new Map();
    const inputs: Tensor[] = [];
    const losses: Tensor[] = [];
    for (const { begin, size } of headChunks(rows, model.config.vocabularySize)) {
      const chunk = engine.scope(() => {
        const x = sliceRows(engine, hidden, begin, size);
        const labels = engine.tensor(targets.slice(begin, begin + size), [size]);
        const { loss, probabilities } = engine.crossEntropyAndSoftmax(logitsOf(engine, model, x), labels); // [chunk], [chunk, V]
        const labelRows = engine.gatherRows(model.head.value(), labels); // [chunk, C]
        const input = engine.scale(engine.subtract(engine.matmul(probabilities, model.head.value()), labelRows), 1 / rows);
        if (!model.head.variable) return { loss: engine.sum(loss, 0, true), input, weight: null };
        const share = engine.scale(x, 1 / rows);
        const pulled = engine.scatterAddRows(model.config.vocabularySize, share, labels); // [V, C]
        const weight = engine.subtract(engine.matmul(probabilities, share, { transposeA: true }), pulled); // [V, C]
        return { loss: engine.sum(loss, 0, true), input, weight };
      });
      inputs.push(chunk.input);
      losses.push(chunk.loss);
      if (chunk.weight) addGradient(engine, gradients, model.head.name, chunk.weight);
    }
    const total = losses.length === 1 ? losses[0]! : engine.sum(engine.concat(losses, 0), 0, true);
    return {
      loss: engine.scale(total, 1 / rows),
      input: inputs.length === 1 ? inputs[0]! : engine.concat(inputs, 0),
      gradients,
    };
  });
}

function addGradient(engine: Engine, gradients: Gradients, name: string, value: Tensor): void {
  const before = gradients.get(name);
  gradients.set(name, before ? engine.add(before, value) : value);
}

/** One forward pass of generation: logits of the last position [1, V] and the caches for the next call. */
export function nextLogits(
  engine: Engine,
  model: Llama,
  ids: Int32Array,
  past: number,
  caches: readonly (KeyValueCache | null)[],
): { logits: Tensor; caches: KeyValueCache[] } {
  return engine.scope(() => {
    const positions = positionsFor(engine, model, 1, ids.length, past);
    let x = engine.gatherRows(model.embedding.value(), engine.tensor(ids, [ids.length])); // [T, C]
    const next: KeyValueCache[] = [];
    for (const [index, block] of model.blocks.entries()) {
      const result = engine.scope(() => {
        const { output, cache } = forwardBlock(engine, x, block, model.config, positions, {
          keepsTrace: false,
          cache: caches[index] ?? null,
        });
        return { output, cache };
      });
      next.push(result.cache);
      x = result.output;
    }
    const hidden = rmsNorm(engine, x, model.finalNorm.value(), model.config.normEpsilon).output;
    return { logits: logitsOf(engine, model, sliceRows(engine, hidden, ids.length - 1, 1)), caches: next };
  });
}
