import { mix32, randomStream } from '../../shared/domain/random.ts';
import type { Engine, Tensor } from '../engine/engine.ts';
import type { KeysAndValues } from './attention.ts';
import { blockShape, forwardBlock } from './block.ts';
import { sample } from './generate.ts';
import { logitsOf } from './head.ts';
import { positionsAfter } from './lanes.ts';
import { blockWeights, headWeights, type Llama } from './parameters.ts';

export interface SampleOptions {
  /** What every document begins with, and the token that ends one; null when the model has none. */
  startId: number;
  stopId: number | null;
  /** Documents are numbered: each has a stream of random numbers of its own, so what it becomes does not depend on the others. */
  firstDocument: number;
  documents: number;
  /** A document ends after so many tokens, and at the model's context length. */
  maxTokens: number;
  /** Above 0. */
  temperature: number;
  seed: number;
}

/** The stream of random numbers of a document. */
export function documentSeed(seed: number, document: number): number {
  return mix32(mix32(seed) + document);
}

/**
 * Documents that a model writes by itself, all of them side by side: of each weight one product serves every document. Ids without the start
 * and the stop.
 */
export async function sampleDocuments(engine: Engine, model: Llama, options: SampleOptions): Promise<number[][]> {
  const { startId, stopId, firstDocument, documents: count, temperature, seed } = options;
  const written = Array.from({ length: count }, (): number[] => []);
  const random = written.map((_, row) => randomStream(documentSeed(seed, firstDocument + row)));
  const isEnded = written.map(() => false);
  const most = Math.min(options.maxTokens, model.config.contextLength);
  let ids = new Int32Array(count).fill(startId);
  let caches: KeysAndValues[] | null = null;
  for (let past = 0; past < most && isEnded.includes(false); past++) {
    const step = forwardTokens(engine, model, ids, past, caches);
    if (caches) engine.dispose(...caches.flatMap(({ keys, values }) => [keys, values]));
    caches = step.caches;
    const logits = (await engine.read(step.logits)) as Float32Array;
    engine.dispose(step.logits);
    const size = logits.length / count;
    ids = ids.map((id, row) => {
      if (isEnded[row]) return id; // goes along until the longest has ended
      const next = sample(logits.subarray(row * size, (row + 1) * size), temperature, random[row]!());
      if (next === stopId) isEnded[row] = true;
      else written[row]!.push(next);
      return next;
    });
  }
  if (caches) engine.dispose(...caches.flatMap(({ keys, values }) => [keys, values]));
  return written;
}

/** Logits [B, V] of the tokens after `ids`, one of each document, and the keys and values of all so far. The caller frees both. */
function forwardTokens(
  engine: Engine,
  model: Llama,
  ids: Int32Array,
  past: number,
  caches: readonly KeysAndValues[] | null,
): { logits: Tensor; caches: KeysAndValues[] } {
  return engine.scope(() => {
    const positions = positionsAfter(engine, model.config, ids.length, 1, past);
    const shape = blockShape(model.config);
    let x = engine.gatherRows(model.embedding.value(), engine.tensor(ids, [ids.length])); // [B, C]
    const next = model.blocks.map((block, index) => {
      const passed = engine.scope(() => {
        const { output, present } = forwardBlock(engine, x, blockWeights(block), shape, positions, caches?.[index] ?? null, false);
        return { output, present };
      });
      x = passed.output;
      return passed.present;
    });
    return { logits: logitsOf(engine, x, headWeights(model)), caches: next };
  });
}
