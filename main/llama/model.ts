import { HEAD_CHUNK_ELEMENTS } from '../../shared/domain/memory.ts';
import type { Engine, Tensor } from '../engine/engine.ts';
import { blockShape, type BlockTrace, forwardLanes } from './block.ts';
import { type Lane, type LanePositions, laneValues, rowOfBatch } from './lanes.ts';
import { blockWeights, headWeights, isBlockTrained, type Llama } from './parameters.ts';
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
export function runForward(
  engine: Engine,
  model: Llama,
  block: number,
  lanes: readonly Tensor[],
  positions: readonly LanePositions[],
  keepsTrace: boolean,
): { outputs: Tensor[]; traces: BlockTrace[] } {
  return engine.scope(() => {
    const inputs = {
      lanes,
      weights: blockWeights(model.blocks[block]!),
      shape: blockShape(model.config),
      positions,
      keepsTrace,
    };
    return engine.run('forward', inputs, (operations, each) =>
      forwardLanes(operations, each.lanes, each.weights, each.shape, each.positions, each.keepsTrace),
    );
  });
}

/** The residual stream after the first `blocks` blocks (all when left out), lane by lane; nothing is kept for a backward pass. The caller frees it. */
export function residualStream(
  engine: Engine,
  model: Llama,
  batch: Pick<Batch, 'batch' | 'time' | 'inputs' | 'documents'>,
  blocks = model.blocks.length,
): Tensor[] {
  return engine.scope(() => {
    const { lanes, positions } = model.lanes.lanesOf(batch.batch, batch.time, batch.documents);
    let rows = embed(engine, model, batch, lanes);
    for (let block = 0; block < blocks; block++) {
      const { outputs } = runForward(engine, model, block, rows, positions, false);
      engine.dispose(...rows);
      rows = outputs;
    }
    return rows;
  });
}

/** The residual stream after each block in turn, lane by lane; each is freed when the next is asked for. */
export function* streamAfterBlocks(engine: Engine, model: Llama, batch: Pick<Batch, 'batch' | 'time' | 'inputs'>): Generator<Tensor[]> {
  const { lanes, positions } = model.lanes.lanesOf(batch.batch, batch.time);
  let rows = embed(engine, model, batch, lanes);
  try {
    for (let block = 0; block < model.blocks.length; block++) {
      const { outputs } = runForward(engine, model, block, rows, positions, false);
      engine.dispose(...rows);
      rows = outputs;
      yield rows;
    }
  } finally {
    engine.dispose(...rows);
  }
}

/** Hidden states after the final norm, [N, C], in the order of the batch. */
export function hiddenStates(engine: Engine, model: Llama, batch: Pick<Batch, 'batch' | 'time' | 'inputs'>): Tensor {
  return engine.scope(() => {
    const { lanes } = model.lanes.lanesOf(batch.batch, batch.time);
    const streams = residualStream(engine, model, batch);
    const together = streams.length === 1 ? streams[0]! : engine.concat(streams, 0);
    const order = new Int32Array(batch.inputs.length);
    let next = 0;
    for (const lane of lanes) {
      for (let row = 0; row < lane.windows * lane.times; row++) order[rowOfBatch(lane, batch.time, row)] = next++;
    }
    const isInOrder = order.every((place, row) => place === row);
    const rows = isInOrder ? together : engine.gatherRows(together, engine.tensor(order, [order.length]));
    const { finalNorm, normEpsilon } = headWeights(model);
    return rmsNorm(engine, rows, finalNorm, normEpsilon).output;
  });
}

/** Logits of hidden states [rows, C] -> [rows, V]. */
export function logitsOf(engine: Engine, model: Llama, hidden: Tensor): Tensor {
  return engine.scope(() => engine.matmul(hidden, model.head.value(), { transposeB: true }));
}

/**
 * Lanes cut into pieces whose logits fit in `most` elements, as often as they are there at a time: for each piece, the rows of every
 * lane.
 */
export function headChunks(
  lanes: readonly { times: number; windows: number }[],
  vocabularySize: number,
  copies = 1,
  most = HEAD_CHUNK_ELEMENTS,
): { begin: number; size: number }[][] {
  const rows = lanes.map(({ windows, times }) => windows * times);
  const total = rows.reduce((sum, each) => sum + each, 0);
  const count = Math.min(Math.max(1, Math.ceil((total * vocabularySize * copies) / most)), ...rows);
  return Array.from({ length: count }, (_, chunk) =>
    rows.map((each) => {
      const begin = Math.floor((chunk * each) / count);
      return { begin, size: Math.floor(((chunk + 1) * each) / count) - begin };
    }),
  );
}

/** Rows [begin, begin + size). */
export function sliceRows(engine: Engine, x: Tensor, { begin, size }: { begin: number; size: number }): Tensor {
  return engine.slice(x, [begin, ...x.shape.slice(1).map(() => 0)], [size, ...x.shape.slice(1)]);
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
  return residualStream(engine, model, batch, lowestTrainedBlock(model));
}
