import * as tf from '@tensorflow/tfjs';
import type { LlamaConfig } from '../../shared/domain/llama-config.ts';

/**
 * A plain LLaMA in TensorFlow.js with its own automatic gradients: written for clarity, apart from the product's code, as the
 * thing to compare with. Weights by Hugging Face name.
 */
export function referenceLoss(config: LlamaConfig, weights: Record<string, tf.Tensor>, inputs: number[][], targets: number[][]): tf.Scalar {
  const { heads, keyValueHeads, headSize, hiddenSize } = config;
  const [batch, time] = [inputs.length, inputs[0]!.length];
  const weight = (name: string): tf.Tensor => weights[name]!;
  const project = (x: tf.Tensor, name: string): tf.Tensor => {
    const product = tf.matMul(x.reshape([batch * time, -1]) as tf.Tensor2D, weight(name) as tf.Tensor2D, false, true);
    const bias = weights[name.replace(/weight$/, 'bias')];
    return bias ? product.add(bias) : product;
  };
  const norm = (x: tf.Tensor, name: string): tf.Tensor =>
    x.mul(tf.rsqrt(x.square().mean(-1, true).add(config.normEpsilon))).mul(weight(name));

  const angles = tf.outerProduct(
    tf.range(0, time),
    tf.tensor1d(Array.from({ length: headSize / 2 }, (_, i) => config.ropeTheta ** ((-2 * i) / headSize) / linearFactor(config))),
  );
  const cosine = tf.concat([angles, angles], 1).cos();
  const sine = tf.concat([angles, angles], 1).sin();
  const turn = (x: tf.Tensor): tf.Tensor => {
    const [a, b] = tf.split(x, 2, -1) as [tf.Tensor, tf.Tensor];
    return x.mul(cosine).add(tf.concat([b.neg(), a], -1).mul(sine));
  };
  const toHeads = (x: tf.Tensor, count: number): tf.Tensor => x.reshape([batch, time, count, headSize]).transpose([0, 2, 1, 3]);
  const repeat = (x: tf.Tensor): tf.Tensor => {
    const group = heads / keyValueHeads;
    return tf.concat(
      tf.split(x, keyValueHeads, 1).flatMap((head) => Array.from({ length: group }, () => head)),
      1,
    );
  };
  const window = config.slidingWindow ?? time;
  const mask = tf.tensor2d(
    Array.from({ length: time }, (_, q) => Array.from({ length: time }, (_, k) => (k <= q && k > q - window ? 0 : -1e9))),
  );

  let x: tf.Tensor = tf.gather(weight('model.embed_tokens.weight'), tf.tensor2d(inputs, undefined, 'int32')); // [B, T, C]
  for (let block = 0; block < config.blocks; block++) {
    const at = (name: string): string => `model.layers.${block}.${name}.weight`;
    const n1 = norm(x, at('input_layernorm'));
    const q = turn(toHeads(project(n1, at('self_attn.q_proj')), heads));
    const k = repeat(turn(toHeads(project(n1, at('self_attn.k_proj')), keyValueHeads)));
    const v = repeat(toHeads(project(n1, at('self_attn.v_proj')), keyValueHeads));
    const scores = tf.matMul(q, k, false, true).div(Math.sqrt(headSize)).add(mask);
    const mixed = tf
      .matMul(tf.softmax(scores), v)
      .transpose([0, 2, 1, 3])
      .reshape([batch, time, heads * headSize]);
    x = x.add(project(mixed, at('self_attn.o_proj')).reshape([batch, time, hiddenSize]));
    const n2 = norm(x, at('post_attention_layernorm'));
    const gate = project(n2, at('mlp.gate_proj'));
    const hidden = gate.mul(gate.sigmoid()).mul(project(n2, at('mlp.up_proj')));
    x = x.add(project(hidden, at('mlp.down_proj')).reshape([batch, time, hiddenSize]));
  }
  const head = config.tiedEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight';
  const logits = project(norm(x, 'model.norm.weight'), head);
  const labels = tf.oneHot(tf.tensor1d(targets.flat(), 'int32'), config.vocabularySize).cast('float32');
  return tf
    .logSoftmax(logits)
    .mul(labels)
    .sum()
    .neg()
    .div(batch * time) as tf.Scalar;
}

/** The one scaling of rotary positions that needs no formula of its own; the others are compared with transformers. */
function linearFactor({ ropeScaling }: LlamaConfig): number {
  if (ropeScaling === null) return 1;
  if (ropeScaling.type === 'linear') return ropeScaling.factor;
  throw new Error(`The reference does not compute ${ropeScaling.type}.`);
}
