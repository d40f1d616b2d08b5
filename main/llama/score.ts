import type { Engine, Tensor } from '../engine/engine.ts';
import { divergence, logitsOf } from './head.ts';
import { laneValues, rowOfBatch } from './lanes.ts';
import { type Batch, headChunks, residualStream, sliceRows } from './model.ts';
import { headWeights, type Llama } from './parameters.ts';

/** Logits of both models, and the logarithms of both softmaxes. */
const COPIES_FOR_DRIFT = 4;

/** Negative log-likelihood of each target, in nats, [B*T] in row order. No gradient is computed. */
export async function tokenLosses(engine: Engine, model: Llama, batch: Batch): Promise<Float32Array> {
  const scores = await scoreTokens(engine, model, batch, null);
  return scores.losses;
}

/** Of every position, in row order [B*T]; no gradient is computed. */
export interface TokenScores {
  /** Negative log-likelihood of the target, in nats. */
  losses: Float32Array;
  /** With a base, `KL(base || model) = sum over v of p_base(v) (log p_base(v) - log p_model(v))`, in nats. */
  drifts: Float32Array | null;
  /** With a base, the rank that it gives to the model's most likely token: 1 is the base's own choice (Lin et al. 2023, arXiv 2312.01552). */
  ranks: Float32Array | null;
}

/** How well a model predicts each target and, with a base, how far it has moved from that at each position. */
export async function scoreTokens(engine: Engine, model: Llama, batch: Batch, base: Llama | null): Promise<TokenScores> {
  const { lanes } = model.lanes.lanesOf(batch.batch, batch.time);
  const streams = residualStream(engine, model, batch);
  const baseStreams = base ? residualStream(engine, base, batch) : null;
  const losses = new Float32Array(batch.inputs.length);
  const [drifts, ranks] = base ? [new Float32Array(batch.inputs.length), new Float32Array(batch.inputs.length)] : [null, null];
  for (const chunk of headChunks(lanes, model.config.vocabularySize, base ? COPIES_FOR_DRIFT : 1)) {
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
          const logits = logitsOf(operations, row.x, each.weights);
          const loss = operations.crossEntropy(logits, row.labels);
          if (!row.base || !each.baseWeights) return { loss, moved: null };
          const baseLogits = logitsOf(operations, row.base, each.baseWeights);
          return { loss, moved: { drift: divergence(operations, baseLogits, logits), rank: operations.rankOfTop(logits, baseLogits) } };
        }),
      );
    });
    for (const [index, { loss, moved }] of results.entries()) {
      const place = async (tensor: Tensor, into: Float32Array): Promise<void> => {
        const values = await engine.read(tensor);
        for (const [row, value] of values.entries()) into[rowOfBatch(lanes[index]!, batch.time, chunk[index]!.begin + row)] = value;
        engine.dispose(tensor);
      };
      await place(loss, losses);
      if (!moved) continue;
      await place(moved.drift, drifts!);
      await place(moved.rank, ranks!);
    }
  }
  engine.dispose(...streams, ...(baseStreams ?? []));
  return { losses, drifts, ranks };
}
