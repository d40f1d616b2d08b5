import type { Engine } from '../engine/engine.ts';
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
          if (!row.base || !each.baseWeights) return { loss, drift: null };
          return { loss, drift: divergence(operations, logitsOf(operations, row.base, each.baseWeights), logits) };
        }),
      );
    });
    for (const [index, { loss, drift }] of results.entries()) {
      const place = (values: Float32Array, into: Float32Array): void => {
        for (const [row, value] of values.entries()) into[rowOfBatch(lanes[index]!, batch.time, chunk[index]!.begin + row)] = value;
      };
      place((await engine.read(loss)) as Float32Array, losses);
      if (drift) place((await engine.read(drift)) as Float32Array, drifts!);
      engine.dispose(loss, ...(drift ? [drift] : []));
    }
  }
  engine.dispose(...streams, ...(baseStreams ?? []));
  return { losses, drifts };
}
