import type * as tfjs from '@tensorflow/tfjs';

type Native = tfjs.Tensor;

/**
 * The matrix product as TensorFlow.js computes it, with broadcasting on either side.
 * @param a [..., M, K], or [..., K, M] when transposed; axes before the last two broadcast @param b [..., K, N], or [..., N, K]
 * @returns [..., M, N]; everything else it makes is freed
 */
export function plainProduct(tf: typeof tfjs, a: Native, b: Native, transposeA: boolean, transposeB: boolean): Native {
  return tf.tidy(() => tf.matMul(spread(tf, a, b), spread(tf, b, a), transposeA, transposeB));
}

/** Multiply-adds of one matrix product from which a call of its own costs less than the slow kernel (measured: 64 x 16 x 64 is level). */
const WORTH_A_CALL = 65_536;

/**
 * The matrix product of the `wasm` backend, whose fast kernel takes two plain matrices only: transposed operands are 10 to 30 times slower in
 * it, stacks of matrices 4 to 8 times. So operands are transposed first, and large matrices of a stack multiplied one after the other, which
 * also shares a matrix that several others need instead of copying it. Shapes as in {@link plainProduct}.
 */
export function wasmProduct(tf: typeof tfjs, a: Native, b: Native, transposeA: boolean, transposeB: boolean): Native {
  return tf.tidy(() => {
    const left = transposeA ? swapLastAxes(tf, a) : a; // [..., M, K]
    const right = transposeB ? swapLastAxes(tf, b) : b; // [..., K, N]
    if (a.rank === 2) return tf.matMul(left, right);
    const [M, K] = left.shape.slice(-2) as [number, number];
    const N = right.shape.at(-1)!;
    if (M * K * N < WORTH_A_CALL) return tf.matMul(spread(tf, left, right), spread(tf, right, left));
    const batch = batchAxes(left, right);
    const [leftOf, rightOf] = [matricesOf(tf, left, batch), matricesOf(tf, right, batch)];
    const products = leftOf.map((matrix, index) => tf.matMul(matrix, rightOf[index]!));
    return tf.reshape(tf.concat(products, 0), [...batch, M, N]);
  });
}

/** The lengths of all axes before the last two, with broadcasting. */
function batchAxes(a: Native, b: Native): number[] {
  return a.shape.slice(0, -2).map((length, axis) => Math.max(length, b.shape[axis]!));
}

/** The matrices of a stack in the order of `batch`, one that is shared several times over. */
function matricesOf(tf: typeof tfjs, x: Native, batch: readonly number[]): Native[] {
  const own = x.shape.slice(0, -2);
  const matrices = tf.unstack(tf.reshape(x, [-1, ...x.shape.slice(-2)]));
  return Array.from({ length: batch.reduce((product, length) => product * length, 1) }, (_, index) => {
    let place = 0;
    let stride = 1;
    let rest = index;
    for (let axis = batch.length - 1; axis >= 0; axis--) {
      if (own[axis] !== 1) place += (rest % batch[axis]!) * stride;
      stride *= own[axis]!;
      rest = Math.floor(rest / batch[axis]!);
    }
    return matrices[place]!;
  });
}

/**
 * `x` with the batch axes of `other`: TensorFlow.js takes operands that share inner axes only in the wrong order. Axis by axis, as a tensor of
 * three axes: with five or more, the repetition of some backends fails or reads values back.
 */
function spread(tf: typeof tfjs, x: Native, other: Native): Native {
  return batchAxes(x, other).reduce((spreading, length, axis) => {
    if (spreading.shape[axis] === length) return spreading;
    const product = (lengths: readonly number[]): number => lengths.reduce((total, each) => total * each, 1);
    const [before, after] = [product(spreading.shape.slice(0, axis)), product(spreading.shape.slice(axis + 1))];
    const repeated = tf.tile(tf.reshape(spreading, [before, 1, after]), [1, length, 1]);
    return tf.reshape(repeated, spreading.shape.with(axis, length));
  }, x);
}

function swapLastAxes(tf: typeof tfjs, x: Native): Native {
  const axes = x.shape.map((_, axis) => axis);
  const last = axes.length - 1;
  [axes[last], axes[last - 1]] = [axes[last - 1]!, axes[last]!];
  return tf.transpose(x, axes);
}
