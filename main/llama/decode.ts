import type { Engine, Operations, Tensor } from '../engine/engine.ts';
import { attend, type KeysAndValues, type Positions, projectHeads } from './attention.ts';
import { blockShape, type BlockShape, type BlockWeights, forwardBlock } from './block.ts';
import { type HeadWeights, logitsOf } from './head.ts';
import { firstVisible, MASKED, positionsAfter } from './lanes.ts';
import { type Linear, plusBias } from './linear.ts';
import { sliceRows } from './model.ts';
import { blockWeights, headWeights, type Llama } from './parameters.ts';
import { rmsNorm } from './rms-norm.ts';
import { rotaryTable } from './rope.ts';

/**
 * Generation: the prompt at once, then one token at a time, with the keys and values of what came before. Of a token, each weight is read once for a single product with a vector, so
 * the memory's speed is what counts: products are cut into as many parts as there are lanes, and each core reads its own part.
 */

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
    return { logits: logitsOf(engine, last, headWeights(model)), caches };
  });
}

/** Keys and values are kept in tensors with room for so many more positions: what is compiled once serves until the room is used up. */
const ROOM = 64;

/** So many blocks are compiled as one: to start a graph costs a fifth of a millisecond, and longer ones gain nothing more. */
const BLOCKS_AT_ONCE = 8;

/** Where the new token stands: its angles, 1 at its place in the caches, and what it may not look at. */
interface Place {
  turn: Omit<Positions, 'mask'>;
  place: Tensor; // [room]
  mask: Tensor; // [1, room]
}

/**
 * Logits [1, V] of the token after `id`, which stands at position `past`, and the keys and values of all positions up to it, with room behind
 * them. Nothing of the caches given is freed; the caller frees what is returned.
 */
export function decodeToken(
  engine: Engine,
  model: Llama,
  id: number,
  past: number,
  caches: readonly KeysAndValues[],
): { logits: Tensor; caches: KeysAndValues[] } {
  return engine.scope(() => {
    const room = Math.max(caches[0]!.keys.shape[3]!, Math.ceil((past + 1) / ROOM) * ROOM);
    const fixed = { shape: blockShape(model.config), at: placeOf(engine, model, past, room), lanes: engine.lanes };
    let x = engine.gatherRows(model.embedding.value(), engine.tensor(Int32Array.of(id), [1])); // [1, C]
    const next: KeysAndValues[] = [];
    for (let first = 0; first < model.blocks.length; first += BLOCKS_AT_ONCE) {
      const blocks = model.blocks.slice(first, first + BLOCKS_AT_ONCE).map((block, index) => {
        const { keys, values } = caches[first + index]!;
        return { weights: blockWeights(block), cache: { keys: withRoom(engine, keys, room), values: withRoom(engine, values, room) } };
      });
      const passed = engine.run('decode', { x, blocks, ...fixed }, (operations, each) => {
        const made: KeysAndValues[] = [];
        let stream = each.x;
        for (const { weights, cache } of each.blocks) {
          const block = decodeBlock(operations, stream, weights, each.shape, each.at, cache, each.lanes);
          made.push(block.cache);
          stream = block.x;
        }
        return { x: stream, caches: made };
      });
      next.push(...passed.caches);
      x = passed.x;
    }
    const logits = engine.run('decode head', { x, head: headWeights(model), lanes: engine.lanes }, (operations, each) =>
      headLogits(operations, each.x, each.head, each.lanes),
    );
    return { logits, caches: next };
  });
}

function placeOf(engine: Engine, { config }: Llama, past: number, room: number): Place {
  const { headSize, slidingWindow } = config;
  const place = new Float32Array(room);
  place[past] = 1;
  const mask = new Float32Array(room).fill(MASKED, past + 1);
  mask.fill(MASKED, 0, firstVisible(past, slidingWindow));
  return {
    turn: {
      batch: 1,
      time: 1,
      keyTable: rotaryTable(engine, past, 1, config),
      queryTable: rotaryTable(engine, past, 1, config, 1 / Math.sqrt(headSize)),
    },
    place: engine.tensor(place, [room]),
    mask: engine.tensor(mask, [1, room]),
  };
}

/** The same keys or values [K, 1, D, past], with zeros behind them up to `room`. */
function withRoom(engine: Engine, x: Tensor, room: number): Tensor {
  const more = room - x.shape[3]!;
  if (more === 0) return x;
  const shape = x.shape.with(3, more);
  return engine.scope(() =>
    engine.concat([x, engine.tensor(new Float32Array(shape.reduce((product, length) => product * length, 1)), shape)], 3),
  );
}

/** A block for one position: `x' = x + attention(norm(x)); y = x' + mlp(norm(x'))`. */
function decodeBlock(
  operations: Operations,
  x: Tensor, // [1, C]
  weights: BlockWeights,
  shape: BlockShape,
  { turn, place, mask }: Place,
  cache: KeysAndValues, // [K, 1, D, room] each, 0 at the new place
  lanes: number,
): { x: Tensor; cache: KeysAndValues } {
  const attentionInput = rmsNorm(operations, x, weights.attentionNorm, shape.normEpsilon).output;
  const { queries, present } = projectHeads(operations, attentionInput, weights, shape, turn);
  const all = {
    keys: operations.add(cache.keys, operations.multiply(present.keys, place)),
    values: operations.add(cache.values, operations.multiply(present.values, place)),
  };
  const mixed = attend(operations, queries, all, mask); // [K, G, D, 1]
  const gathered = operations.reshape(mixed, [1, shape.heads * shape.headSize]);
  const middle = operations.add(x, vectorLinear(operations, gathered, weights.attentionOutput, lanes));
  const mlpInput = rmsNorm(operations, middle, weights.mlpNorm, shape.normEpsilon).output;
  const half = Math.ceil(lanes / 2); // gate and up run side by side
  const gate = vectorLinear(operations, mlpInput, weights.gate, half); // [1, F]
  const up = vectorLinear(operations, mlpInput, weights.up, half); // [1, F]
  const hidden = operations.multiply(operations.multiply(gate, operations.sigmoid(gate)), up);
  return { x: operations.add(middle, vectorLinear(operations, hidden, weights.down, lanes)), cache: all };
}

function headLogits(operations: Operations, x: Tensor, { finalNorm, head, normEpsilon }: HeadWeights, lanes: number): Tensor {
  return productInParts(operations, rmsNorm(operations, x, finalNorm, normEpsilon).output, head, lanes);
}

function vectorLinear(operations: Operations, x: Tensor, { weight, bias, adapter }: Linear, lanes: number): Tensor {
  const output = plusBias(operations, productInParts(operations, x, weight, lanes), bias);
  if (!adapter) return output;
  const reduced = operations.matmul(x, adapter.a, { transposeB: true }); // [1, R]
  return operations.add(output, operations.scale(operations.matmul(reduced, adapter.b, { transposeB: true }), adapter.scale));
}

/** `x W^T` [1, out], the rows of W in parts: a part of a matrix's rows is a view, nothing is copied. */
function productInParts(operations: Operations, x: Tensor, weight: Tensor, parts: number): Tensor {
  const [out, width] = weight.shape as [number, number];
  if (parts === 1 || out % (parts * 16) !== 0) return operations.matmul(x, weight, { transposeB: true });
  const rows = out / parts;
  const products = Array.from({ length: parts }, (_, part) =>
    operations.matmul(x, operations.slice(weight, [part * rows, 0], [rows, width]), { transposeB: true }),
  );
  return operations.concat(products, 1);
}
