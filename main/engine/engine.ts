/**
 * The small set of tensor operations that a LLaMA needs, behind which the tensor libraries live.
 *
 * Ownership: every tensor an operation returns belongs to the innermost open {@link Engine.scope}, or to the caller when
 * none is open. A scope frees what was made inside it except what its body returns. Variables own their memory until
 * disposed. Axis letters used in shapes: B batch, T time, C width, H heads, K key/value heads, D head size, F feed-forward
 * width, V vocabulary, N = B*T rows.
 */

/** bfloat16 is how frozen weights may lie in memory ({@link Engine.frozenMatrix}); every result is float32 or int32. */
export type DType = 'float32' | 'int32' | 'bfloat16';

/** A handle on values that live in the engine. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** A tensor that is updated in place: a trained parameter or an optimizer moment. */
export interface Variable {
  readonly shape: readonly number[];
  /** The present values, valid until the next update; belongs to the innermost scope. */
  read(): Tensor;
  assign(value: Tensor): void;
  dispose(): void;
}

export interface AdamParameter {
  variable: Variable;
  firstMoment: Variable;
  secondMoment: Variable;
  gradient: Tensor;
  /** Decoupled weight decay of this parameter (0 for norms). */
  weightDecay: number;
}

export interface AdamSettings {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  /** 1 for the first update. */
  step: number;
}

/**
 * The operations a LLaMA is made of. An {@link Engine} carries them out at once; inside {@link Engine.run} they may only be
 * written down, to be compiled: shapes are known then, values are not.
 */
export interface Operations {
  /** Frees what the body made except what it returns. */
  scope<Result>(body: () => Result): Result;

  reshape(x: Tensor, shape: readonly number[]): Tensor;
  transpose(x: Tensor, permutation: readonly number[]): Tensor;
  slice(x: Tensor, begin: readonly number[], size: readonly number[]): Tensor;
  concat(xs: readonly Tensor[], axis: number): Tensor;

  /** Moves elements along an axis by `shift` places, those pushed out coming in at the other end. */
  roll(x: Tensor, shift: number, axis: number): Tensor;
  /** A tensor of ones; belongs to the engine and must not be disposed. */
  ones(shape: readonly number[]): Tensor;
  zeros(shape: readonly number[]): Tensor;

  /** Element-wise, with broadcasting. */
  add(a: Tensor, b: Tensor): Tensor;
  subtract(a: Tensor, b: Tensor): Tensor;
  multiply(a: Tensor, b: Tensor): Tensor;
  scale(x: Tensor, factor: number): Tensor;
  square(x: Tensor): Tensor;
  exp(x: Tensor): Tensor;
  sigmoid(x: Tensor): Tensor;
  /** 1 / sqrt(x + offset). */
  rsqrt(x: Tensor, offset: number): Tensor;

  /** Matrix product of the last two axes, either side transposed in them; axes before are gone through together, with broadcasting. */
  matmul(a: Tensor, b: Tensor, options?: { transposeA?: boolean; transposeB?: boolean }): Tensor;
  /** Sum over one axis, which is kept with length 1 when asked. */
  sum(x: Tensor, axis: number, keepAxis?: boolean): Tensor;
  /** Over the last axis. */
  softmax(x: Tensor): Tensor;
  logSoftmax(x: Tensor): Tensor;

  /** Rows of a table [V, C] for ids [N] -> [N, C]. */
  gatherRows(table: Tensor, ids: Tensor): Tensor;
  /** The opposite: a table [V, C] with updates [N, C] added to its rows ids [N], in the table's memory where nothing else needs it. */
  scatterAddRows(table: Tensor, updates: Tensor, ids: Tensor): Tensor;
  /** Cross-entropy of logits [N, V] with labels [N]: the loss of each row [N], in nats. */
  crossEntropy(logits: Tensor, labels: Tensor): Tensor;
  /** log(x + offset), the natural one. */
  log(x: Tensor, offset: number): Tensor;
  /** x[n, ids[n]] of each row: [N, V], [N] -> [N]. */
  pick(x: Tensor, ids: Tensor): Tensor;
  /** In each row of `ranking` [N, V], the place of that column which has the largest value of the row in `x` [N, V]: 1 where it is first in both. [N] */
  rankOfTop(x: Tensor, ranking: Tensor): Tensor;
  /** Sum of the squares of all elements, as a tensor of shape []. */
  sumOfSquares(x: Tensor): Tensor;
}

export interface Engine extends Operations {
  readonly name: string;
  /** Version of the library behind it, for the user. */
  readonly version: string;
  /**
   * Into how many parts the rows of a batch are best split: inside {@link run}, parts that do not need each other are computed
   * at the same time, each on a core of its own, which keeps what it works on in that core's cache.
   */
  readonly lanes: number;

  /** Copies values into the engine. The array must not be written to while the tensor lives: some engines share its memory. */
  tensor(values: Float32Array | Int32Array, shape: readonly number[]): Tensor;
  /**
   * A matrix that will not change. Where all its values are bfloat16 numbers, as in most published models, an engine may keep it in half the
   * memory; {@link matmul}, {@link add}, {@link scale} and {@link read} take it as the float32 values it stands for.
   */
  frozenMatrix(values: Float32Array, shape: readonly number[]): Tensor;
  read(tensor: Tensor): Promise<Float32Array | Int32Array>;
  variable(initial: Tensor): Variable;

  /**
   * The results of a function of tensors. An engine that can compile does so at the first call with a name and with inputs of
   * these shapes, and later calls run what was compiled: so all that the body does must follow from its name and its inputs.
   * Inputs and results are tensors in arrays and plain objects; inputs may also hold numbers, strings and booleans, which count
   * as part of the shape. The results belong to the innermost scope.
   */
  run<Inputs, Results>(name: string, inputs: Inputs, body: (operations: Operations, inputs: Inputs) => Results): Results;

  /** Takes a tensor out of every scope: the caller frees it with {@link dispose}. */
  keep<T extends Tensor>(tensor: T): T;
  dispose(...tensors: Tensor[]): void;
  /** Tensors and variables alive, for leak tests. */
  liveTensors(): number;

  /**
   * One AdamW update in place (Loshchilov & Hutter, arXiv 1711.05101, as PyTorch computes it): decay first, then
   * `w -= lr * mHat / (sqrt(vHat) + epsilon)`.
   */
  adamW(parameters: readonly AdamParameter[], settings: AdamSettings): void;
}
