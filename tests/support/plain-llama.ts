import type { LlamaConfig } from '../../shared/domain/llama-config.ts';

/**
 * The mean loss of a LLaMA (in nats per token) in plain loops and 64-bit floats, token by token as the papers say it. Exact enough for
 * gradients by finite differences.
 * @param weights by Hugging Face name, rows first @param inputs, targets [batch * time], row by row
 */
export function plainLoss(
  config: LlamaConfig,
  weights: ReadonlyMap<string, ArrayLike<number>>,
  { batch, inputs, targets }: { batch: number; inputs: Int32Array; targets: Int32Array },
): number {
  const time = inputs.length / batch;
  let loss = 0;
  for (let window = 0; window < batch; window++) {
    const cut = (ids: Int32Array): number[] => [...ids.slice(window * time, (window + 1) * time)];
    loss += windowLoss(config, weights, cut(inputs), cut(targets));
  }
  return loss / inputs.length;
}

function windowLoss(
  config: LlamaConfig,
  weights: ReadonlyMap<string, ArrayLike<number>>,
  inputs: readonly number[],
  targets: readonly number[],
): number {
  return plainLogits(config, weights, inputs).reduce(
    (loss, logits, t) => loss + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0)) - logits[targets[t]!]!,
    0,
  );
}

/** Logits at every position of a window, computed in the same way [T][V]. */
export function plainLogits(config: LlamaConfig, weights: ReadonlyMap<string, ArrayLike<number>>, inputs: readonly number[]): number[][] {
  const { hiddenSize: C, heads: H, keyValueHeads: K, headSize: D } = config;
  const rowOf = (name: string, row: number): number[] => Array.from({ length: C }, (_, column) => weights.get(name)![row * C + column]!);
  const project = (name: string, x: readonly number[]): number[] => {
    const matrix = weights.get(name)!;
    return Array.from({ length: matrix.length / x.length }, (_, row) =>
      x.reduce((sum, value, column) => sum + matrix[row * x.length + column]! * value, 0),
    );
  };
  const norm = (name: string, x: readonly number[]): number[] => {
    const scale = 1 / Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / C + config.normEpsilon);
    return x.map((value, column) => value * scale * weights.get(name)![column]!);
  };
  const head = (x: readonly number[], index: number): number[] => x.slice(index * D, (index + 1) * D);
  const turn = (x: readonly number[], position: number): number[] =>
    x.map((value, i) => {
      const pair = i % (D / 2);
      const angle = position * config.ropeTheta ** ((-2 * pair) / D);
      const partner = i < D / 2 ? -x[i + D / 2]! : x[i - D / 2]!;
      return value * Math.cos(angle) + partner * Math.sin(angle);
    });
  const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const add = (a: readonly number[], b: readonly number[]): number[] => a.map((value, i) => value + b[i]!);

  let x = inputs.map((id) => rowOf('model.embed_tokens.weight', id));
  for (let block = 0; block < config.blocks; block++) {
    const name = (part: string): string => `model.layers.${block}.${part}.weight`;
    const normed = x.map((row) => norm(name('input_layernorm'), row));
    const queries = normed.map((row) => project(name('self_attn.q_proj'), row));
    const keys = normed.map((row) => project(name('self_attn.k_proj'), row));
    const values = normed.map((row) => project(name('self_attn.v_proj'), row));
    x = x.map((row, t) => {
      const mixed = Array.from({ length: H }, (_, h) => {
        const shared = Math.floor(h / (H / K)); // the key/value head of this query head
        const query = turn(head(queries[t]!, h), t);
        const scores = Array.from({ length: t + 1 }, (_, s) => Math.exp(dot(query, turn(head(keys[s]!, shared), s)) / Math.sqrt(D)));
        const total = scores.reduce((sum, each) => sum + each, 0);
        return Array.from({ length: D }, (_, i) =>
          scores.reduce((sum, score, s) => sum + (score / total) * values[s]![shared * D + i]!, 0),
        );
      }).flat();
      return add(row, project(name('self_attn.o_proj'), mixed));
    });
    x = x.map((row) => {
      const normedRow = norm(name('post_attention_layernorm'), row);
      const gate = project(name('mlp.gate_proj'), normedRow);
      const up = project(name('mlp.up_proj'), normedRow);
      const hidden = gate.map((value, i) => (value / (1 + Math.exp(-value))) * up[i]!);
      return add(row, project(name('mlp.down_proj'), hidden));
    });
  }
  const headName = config.tiedEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight';
  return x.map((row) => project(headName, norm('model.norm.weight', row)));
}
