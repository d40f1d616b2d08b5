import { beforeAll, describe, expect, it } from 'vitest';
import { engineDirectory, readEngineManifest } from '../../main/engine/engine-directory.ts';
import type { Engine, Tensor } from '../../main/engine/engine.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { CONFORMANCE_CASES, errorOf } from '../support/conformance.ts';
import { describeConformance } from '../support/engine-conformance.ts';
import { missingSoftwareGpu, useSoftwareGpu } from '../support/software-gpu.ts';

/**
 * The same operations, gradients and training step on every engine of this machine. TensorFlow on a GPU has a file, and so a process, of its
 * own: conformance-gpu.test.ts.
 */

const hasTensorFlow = (await readEngineManifest(engineDirectory())) !== null;
describeConformance('tensorflow-cpu', hasTensorFlow ? null : 'it has not been set up ("npm run setup")');
if (missingSoftwareGpu === null) useSoftwareGpu();
describeConformance('webgpu', missingSoftwareGpu);
describeConformance('wasm', null);
describeConformance('cpu', null);

/** Every member of the interface: one that is added does not compile until it is listed, and fails until a case uses it. */
const MEMBERS: Record<keyof Engine, 'case' | 'not an operation'> = {
  name: 'not an operation',
  version: 'not an operation',
  lanes: 'not an operation',
  run: 'not an operation',
  read: 'not an operation',
  scope: 'not an operation',
  keep: 'not an operation',
  dispose: 'not an operation',
  liveTensors: 'not an operation',
  tensor: 'case',
  frozenMatrix: 'case',
  variable: 'case',
  reshape: 'case',
  transpose: 'case',
  slice: 'case',
  concat: 'case',
  roll: 'case',
  ones: 'case',
  zeros: 'case',
  add: 'case',
  subtract: 'case',
  multiply: 'case',
  scale: 'case',
  square: 'case',
  exp: 'case',
  sigmoid: 'case',
  rsqrt: 'case',
  matmul: 'case',
  sum: 'case',
  softmax: 'case',
  logSoftmax: 'case',
  gatherRows: 'case',
  scatterAddRows: 'case',
  crossEntropy: 'case',
  log: 'case',
  pick: 'case',
  rankOfTop: 'case',
  sumOfSquares: 'case',
  adamW: 'case',
};

describe('the suite itself', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await loadEngine('cpu', engineDirectory());
  });

  const operations = Object.entries(MEMBERS).flatMap(([member, kind]) => (kind === 'case' ? [member as keyof Engine] : []));
  it.each(operations)('fails when %s is wrong by a thousandth', async (member) => {
    const broken = withBroken(engine, member);
    let largest = 0;
    for (const each of CONFORMANCE_CASES) largest = Math.max(largest, await errorOf(broken, each));
    expect(largest).toBeGreaterThan(1e-4);
  });
});

/** The engine with one operation whose results (zeros: by so much, an update: whose step) are a thousandth too large. */
function withBroken(engine: Engine, broken: keyof Engine): Engine {
  const larger = (x: Tensor): Tensor =>
    broken === 'zeros' ? engine.add(x, engine.tensor(Float32Array.of(0.001), [])) : engine.scale(x, 1.001);
  const enlarge = (result: unknown): unknown => {
    if (typeof result !== 'object' || result === null) return result;
    if ('loss' in result && 'probabilities' in result) {
      return { loss: enlarge(result.loss), probabilities: enlarge(result.probabilities) };
    }
    if ('dtype' in result) return (result as Tensor).dtype === 'float32' ? larger(result as Tensor) : result;
    const variable = result as ReturnType<Engine['variable']>;
    engine.scope(() => variable.assign(engine.scale(variable.read(), 1.001)));
    return variable;
  };
  return new Proxy(engine, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== 'function') return value;
      if (key !== broken) return value.bind(target) as unknown;
      if (key === 'adamW') {
        return (parameters: Parameters<Engine['adamW']>[0], settings: Parameters<Engine['adamW']>[1]) =>
          target.adamW(parameters, { ...settings, learningRate: settings.learningRate * 1.01 });
      }
      return (...inputs: unknown[]) => enlarge(value.apply(target, inputs));
    },
  });
}
