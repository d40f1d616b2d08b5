import { describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import type { Variable } from '../../main/engine/engine.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { Optimizer } from '../../main/llama/optimizer.ts';
import type { Parameter } from '../../main/llama/parameters.ts';
import { normalStream, randomStream } from '../../shared/domain/random.ts';
import { fastEngine } from '../support/engines.ts';

const engine = await loadEngine(fastEngine, engineDirectory());
const normal = normalStream(randomStream(3));
const SETTINGS = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1 };
const FACTORS: Record<string, number> = {
  'model.embed_tokens.weight': 0.5,
  'model.layers.0.mlp.up_proj.weight': 2,
  'model.norm.weight': 0,
};
const SHAPES: Record<string, number[]> = {
  'model.embed_tokens.weight': [4, 3],
  'model.layers.0.self_attn.q_proj.weight': [3, 3],
  'model.layers.0.mlp.up_proj.weight': [5, 3],
  'model.layers.1.input_layernorm.weight': [3],
  'model.norm.weight': [3],
};

function parameter(name: string, values: Float32Array): Parameter & { variable: Variable } {
  const shape = SHAPES[name]!;
  const variable = engine.scope(() => engine.variable(engine.tensor(values, shape)));
  return { name, shape, variable, value: () => variable.read(), dispose: () => variable.dispose() };
}

describe('the optimizer', () => {
  it('gives each group its own learning rate, clips all by one norm, and decays matrices only: as AdamW is written down', async () => {
    const weights = new Map(
      Object.entries(SHAPES).map(([name, shape]) => [name, Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => normal())]),
    );
    const parameters = [...weights].map(([name, values]) => parameter(name, values.slice()));
    const optimizer = new Optimizer(engine, parameters, { ...SETTINGS, learningRateFactor: (name) => FACTORS[name] ?? 1 });
    const expected = new Map(
      [...weights].map(([name, values]) => [name, { w: Float64Array.from(values), m: values.map(() => 0), v: values.map(() => 0) }]),
    );

    for (let step = 1; step <= 3; step++) {
      const scale = step === 2 ? 0.01 : 2; // of three steps, one is not clipped
      const gradients = new Map([...weights].map(([name, { length }]) => [name, Float32Array.from({ length }, () => scale * normal())]));
      const tensors = new Map([...gradients].map(([name, values]) => [name, engine.keep(engine.tensor(values.slice(), SHAPES[name]!))]));
      const norm = await optimizer.update(tensors, 0.1, step);
      engine.dispose(...tensors.values());

      const wanted = Math.hypot(...[...gradients.values()].flatMap((values) => [...values]));
      expect(norm).toBeCloseTo(wanted, 4);
      for (const [name, state] of expected) update(name, state, gradients.get(name)!, Math.min(1, 1 / wanted), step);
    }
    for (const { name, variable } of parameters) {
      const value = engine.keep(variable.read());
      const values = await engine.read(value);
      engine.dispose(value);
      for (const [index, each] of values.entries()) expect(each, name).toBeCloseTo(expected.get(name)!.w[index]!, 5);
    }
    expect(expected.get('model.norm.weight')!.w).toEqual(Float64Array.from(weights.get('model.norm.weight')!));
    optimizer.dispose();
    for (const each of parameters) each.dispose();
  });
});

/** Loshchilov & Hutter, arXiv 1711.05101, element by element. */
function update(
  name: string,
  { w, m, v }: { w: Float64Array; m: Float32Array; v: Float32Array },
  gradient: Float32Array,
  clip: number,
  step: number,
): void {
  const rate = 0.1 * (FACTORS[name] ?? 1);
  for (const [index, raw] of gradient.entries()) {
    const g = raw * clip;
    m[index] = 0.9 * m[index]! + 0.1 * g;
    v[index] = 0.95 * v[index]! + 0.05 * g * g;
    const [mHat, vHat] = [m[index]! / (1 - 0.9 ** step), v[index]! / (1 - 0.95 ** step)];
    const decay = SHAPES[name]!.length > 1 ? 0.1 : 0;
    w[index] = w[index]! * (1 - rate * decay) - (rate * mHat) / (Math.sqrt(vHat) + 1e-8);
  }
}
