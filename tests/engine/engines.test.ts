import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import type { Engine } from '../../main/engine/engine.ts';
import { loadEngine, parseEngineName } from '../../main/engine/load-engine.ts';
import { selfTest } from '../../main/engine/self-test.ts';
import { engineNames } from '../support/engines.ts';

describe.each(engineNames)('engine %s', (name) => {
  let real: Engine;
  let before = 0;
  beforeAll(async () => {
    real = await loadEngine(name, engineDirectory());
  });
  afterEach(() => expect(real.liveTensors()).toBe(before));

  it('passes its self-test', async () => {
    before = real.liveTensors();
    const result = await selfTest(real);
    expect(result).toMatchObject({ passed: true });
  });

  it('a self-test fails when an operation is wrong', async () => {
    before = real.liveTensors();
    const broken = Object.create(real, { softmax: { value: (x: never) => real.scale(x, 1) } }) as typeof real;
    const proxied = new Proxy(real, {
      get: (target, key) => (key === 'softmax' ? broken.softmax : bind(target, key)),
    });
    expect((await selfTest(proxied)).passed).toBe(false);
  });

  it('frees what a scope made except what it returns, also when its body throws', async () => {
    before = real.liveTensors();
    const kept = real.scope(() => {
      const a = real.tensor(Float32Array.of(1, 2), [2]);
      return { deep: [real.add(a, real.scale(a, 2))] };
    });
    expect([...(await real.read(kept.deep[0]!))]).toEqual([3, 6]);
    expect(real.liveTensors()).toBe(before + 1);
    expect(() =>
      real.scope(() => {
        real.tensor(Float32Array.of(1), [1]);
        throw new Error('stop');
      }),
    ).toThrow('stop');
    real.dispose(...kept.deep);
  });

  it('updates parameters as PyTorch 2.13 AdamW does', async () => {
    before = real.liveTensors();
    // torch.optim.AdamW([w], lr=0.1, betas=(0.9, 0.95), eps=1e-3, weight_decay=0.2), gradients below, three steps.
    const gradients = [
      [0.5, -0.25, 2],
      [0.1, 0.3, -1],
      [-0.4, 0.05, 0.001],
    ];
    const wanted = [0.7565451264381409, -1.8198384046554565, 0.3272947371006012];
    const make = (values: number[]): ReturnType<typeof real.variable> =>
      real.scope(() => real.variable(real.tensor(Float32Array.from(values), [3])));
    const [variable, firstMoment, secondMoment] = [make([1, -2, 0.5]), make([0, 0, 0]), make([0, 0, 0])];
    for (const [index, values] of gradients.entries()) {
      real.scope(() => {
        const gradient = real.tensor(Float32Array.from(values), [3]);
        real.adamW([{ variable, firstMoment, secondMoment, gradient, weightDecay: 0.2 }], {
          learningRate: 0.1,
          beta1: 0.9,
          beta2: 0.95,
          epsilon: 1e-3,
          step: index + 1,
        });
      });
    }
    const result = real.scope(() => variable.read());
    for (const [index, value] of (await real.read(result)).entries()) expect(value).toBeCloseTo(wanted[index]!, 5);
    real.dispose(result);
    for (const each of [variable, firstMoment, secondMoment]) each.dispose();
  });
});

function bind<T extends object>(target: T, key: string | symbol): unknown {
  const value: unknown = Reflect.get(target, key);
  return typeof value === 'function' ? value.bind(target) : value;
}

describe('parseEngineName', () => {
  it('knows the engines and refuses others by name', () => {
    expect(parseEngineName('auto')).toBe('auto');
    expect(parseEngineName('wasm')).toBe('wasm');
    expect(() => parseEngineName('cuda')).toThrow(/no engine called "cuda"/);
  });
});
