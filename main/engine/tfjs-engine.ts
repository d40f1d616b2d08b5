import type * as tfjs from '@tensorflow/tfjs';
import type { AdamParameter, AdamSettings, DType, Engine, Operations, Tensor, Variable } from './engine.ts';
import { Scopes } from './scopes.ts';
import { plainProduct, wasmProduct } from './tfjs-matmul.ts';

type Native = tfjs.Tensor;

class TfjsTensor implements Tensor {
  readonly native: Native;
  readonly shape: readonly number[];
  readonly dtype: DType;
  constructor(native: Native) {
    this.native = native;
    this.shape = native.shape;
    this.dtype = native.dtype as DType;
  }
}

/** Holds one tensor at a time; an update replaces it. */
class TfjsVariable implements Variable {
  readonly shape: readonly number[];
  readonly #wrap: (native: Native) => Tensor;
  #native: Native;

  constructor(native: Native, wrap: (native: Native) => Tensor) {
    this.shape = native.shape;
    this.#native = native;
    this.#wrap = wrap;
  }
  read(): Tensor {
    return this.#wrap(this.#native.clone());
  }
  assign(value: Tensor): void {
    const next = native(value).clone();
    this.#native.dispose();
    this.#native = next;
  }
  dispose(): void {
    this.#native.dispose();
  }
}

/**
 * The backends of TensorFlow.js, `webgpu` (see webgpu-engine.ts), `wasm` (works everywhere) and `cpu` (plain JavaScript, the reference of the
 * tests), behind the engine's interface. Only one of them can be active in a process. Left aside on purpose: `addN`, which is wrong on webgpu
 * for many tensors, `dataSync`, which webgpu cannot do, and `gather`'s and `tile`'s gradients, which miss kernels on wasm and webgpu.
 */
export class TfjsEngine extends Scopes<TfjsTensor> implements Engine {
  readonly lanes = 1;
  readonly name: string;
  readonly version: string;
  readonly #tf: typeof tfjs;

  /** @param device what the backend computes on, where that is not the processor */
  constructor(tf: typeof tfjs, name: 'webgpu' | 'wasm' | 'cpu', device?: string) {
    super();
    this.#tf = tf;
    this.name = name;
    this.version = [`TensorFlow.js ${tf.version.tfjs}`, device].filter(Boolean).join(', ');
  }

  tensor(values: Float32Array | Int32Array, shape: readonly number[]): Tensor {
    const dtype = values instanceof Float32Array ? 'float32' : 'int32';
    return this.#wrap(this.#tf.tensor(values, [...shape], dtype));
  }

  frozenMatrix(values: Float32Array, shape: readonly number[]): Tensor {
    return this.tensor(values, shape);
  }

  async read(tensor: Tensor): Promise<Float32Array | Int32Array> {
    return (await native(tensor).data()) as Float32Array | Int32Array;
  }

  variable(initial: Tensor): Variable {
    return new TfjsVariable(native(initial).clone(), (value) => this.#wrap(value));
  }

  liveTensors(): number {
    return this.#tf.memory().numTensors;
  }

  reshape(x: Tensor, shape: readonly number[]): Tensor {
    return this.#wrap(this.#tf.reshape(native(x), [...shape]));
  }

  transpose(x: Tensor, permutation: readonly number[]): Tensor {
    return this.#wrap(this.#tf.transpose(native(x), [...permutation]));
  }

  slice(x: Tensor, begin: readonly number[], size: readonly number[]): Tensor {
    return this.#wrap(this.#tf.slice(native(x), [...begin], [...size]));
  }

  concat(xs: readonly Tensor[], axis: number): Tensor {
    return this.#wrap(this.#tf.concat(xs.map(native), axis));
  }

  roll(x: Tensor, shift: number, axis: number): Tensor {
    const length = x.shape[axis]!;
    const places = ((shift % length) + length) % length;
    if (places === 0) return this.#wrap(this.#tf.clone(native(x)));
    return this.#wrap(
      this.#tf.tidy(() => {
        const [head, tail] = this.#tf.split(native(x), [length - places, places], axis);
        return this.#tf.concat([tail!, head!], axis);
      }),
    );
  }

  /** Nothing is compiled: a body is carried out operation by operation. */
  run<Inputs, Results>(_: string, inputs: Inputs, body: (operations: Operations, inputs: Inputs) => Results): Results {
    return this.scope(() => body(this, inputs));
  }

  ones(shape: readonly number[]): Tensor {
    return this.#wrap(this.#tf.ones([...shape]));
  }

  zeros(shape: readonly number[]): Tensor {
    return this.#wrap(this.#tf.zeros([...shape]));
  }

  add(a: Tensor, b: Tensor): Tensor {
    return this.#wrap(this.#tf.add(native(a), native(b)));
  }

  subtract(a: Tensor, b: Tensor): Tensor {
    return this.#wrap(this.#tf.sub(native(a), native(b)));
  }

  multiply(a: Tensor, b: Tensor): Tensor {
    return this.#wrap(this.#tf.mul(native(a), native(b)));
  }

  scale(x: Tensor, factor: number): Tensor {
    return this.#wrap(this.#tf.mul(native(x), factor));
  }

  square(x: Tensor): Tensor {
    return this.#wrap(this.#tf.square(native(x)));
  }

  exp(x: Tensor): Tensor {
    return this.#wrap(this.#tf.exp(native(x)));
  }

  sigmoid(x: Tensor): Tensor {
    return this.#wrap(this.#tf.sigmoid(native(x)));
  }

  rsqrt(x: Tensor, offset: number): Tensor {
    return this.#wrap(this.#tf.tidy(() => this.#tf.rsqrt(this.#tf.add(native(x), offset))));
  }

  matmul(a: Tensor, b: Tensor, options: { transposeA?: boolean; transposeB?: boolean } = {}): Tensor {
    const product = this.name === 'wasm' ? wasmProduct : plainProduct;
    return this.#wrap(product(this.#tf, native(a), native(b), options.transposeA ?? false, options.transposeB ?? false));
  }

  sum(x: Tensor, axis: number, keepAxis = false): Tensor {
    return this.#wrap(this.#tf.sum(native(x), axis, keepAxis));
  }

  softmax(x: Tensor): Tensor {
    return this.#wrap(this.#tf.softmax(native(x)));
  }

  logSoftmax(x: Tensor): Tensor {
    return this.#wrap(this.#tf.logSoftmax(native(x)));
  }

  gatherRows(table: Tensor, ids: Tensor): Tensor {
    return this.#wrap(this.#tf.gather(native(table), native(ids) as tfjs.Tensor1D));
  }

  scatterAddRows(table: Tensor, updates: Tensor, ids: Tensor): Tensor {
    return this.#wrap(
      this.#tf.tidy(() => {
        const indices = this.#tf.reshape(native(ids), [ids.shape[0]!, 1]);
        return this.#tf.add(native(table), this.#tf.scatterND(indices, native(updates), [...table.shape]));
      }),
    );
  }

  crossEntropy(logits: Tensor, labels: Tensor): Tensor {
    return this.scope(() => this.scale(this.pick(this.logSoftmax(logits), labels), -1));
  }

  log(x: Tensor, offset: number): Tensor {
    return this.#wrap(this.#tf.tidy(() => this.#tf.log(this.#tf.add(native(x), offset))));
  }

  rankOfTop(x: Tensor, ranking: Tensor): Tensor {
    return this.scope(() => {
      const top = this.#wrap(this.#tf.argMax(native(x), 1));
      const value = this.reshape(this.pick(ranking, top), [x.shape[0]!, 1]);
      const larger = this.#wrap(this.#tf.tidy(() => this.#tf.cast(this.#tf.greater(native(ranking), native(value)), 'float32')));
      return this.#wrap(this.#tf.tidy(() => this.#tf.add(this.#tf.sum(native(larger), 1), 1)));
    });
  }

  sumOfSquares(x: Tensor): Tensor {
    return this.#wrap(this.#tf.tidy(() => this.#tf.sum(this.#tf.square(native(x)))));
  }

  /** By a product with one-hot rows: the backends' own gather takes the ids out to JavaScript to check them. */
  pick(x: Tensor, ids: Tensor): Tensor {
    const picked = this.#tf.tidy(() => {
      const target = this.#tf.cast(this.#tf.oneHot(native(ids) as tfjs.Tensor1D, x.shape[1]!), 'float32');
      return this.#tf.sum(this.#tf.mul(target, native(x)), 1);
    });
    return this.#wrap(picked);
  }

  adamW(parameters: readonly AdamParameter[], settings: AdamSettings): void {
    const tf = this.#tf;
    const { learningRate, beta1, beta2, epsilon, step } = settings;
    const stepSize = learningRate / (1 - beta1 ** step);
    const secondCorrection = Math.sqrt(1 - beta2 ** step);
    for (const { variable, firstMoment, secondMoment, gradient, weightDecay } of parameters) {
      this.scope(() => {
        const g = native(gradient);
        const [m, v, w] = tf.tidy(() => {
          const first = tf.add(tf.mul(native(firstMoment.read()), beta1), tf.mul(g, 1 - beta1));
          const second = tf.add(tf.mul(native(secondMoment.read()), beta2), tf.mul(tf.square(g), 1 - beta2));
          const denominator = tf.add(tf.div(tf.sqrt(second), secondCorrection), epsilon);
          const decayed = tf.mul(native(variable.read()), 1 - learningRate * weightDecay);
          return [first, second, tf.sub(decayed, tf.mul(tf.div(first, denominator), stepSize))] as const;
        });
        firstMoment.assign(this.#wrap(m));
        secondMoment.assign(this.#wrap(v));
        variable.assign(this.#wrap(w));
      });
    }
  }

  protected free(tensor: TfjsTensor): void {
    tensor.native.dispose();
  }

  #wrap(value: Native): Tensor {
    return this.track(new TfjsTensor(value));
  }
}

function native(tensor: Tensor): Native {
  return (tensor as TfjsTensor).native;
}
