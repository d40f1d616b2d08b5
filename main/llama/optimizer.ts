import { blockOfTensor } from '../../shared/domain/llama-tensors.ts';
import { StrataError } from '../../shared/errors.ts';
import type { AdamSettings, Engine, Tensor, Variable } from '../engine/engine.ts';
import type { Gradients } from './gradients.ts';
import type { Parameter } from './parameters.ts';

export interface OptimizerSettings extends Omit<AdamSettings, 'step' | 'learningRate'> {
  /** Decoupled weight decay of matrices; norms get none. */
  weightDecay: number;
  /** Gradients are scaled down to this global norm; 0 switches it off. */
  clipNorm: number;
  /** What the learning rate is multiplied with for a parameter, by its name; 1 for all when absent. */
  learningRateFactor?: (name: string) => number;
}

interface Moments {
  parameter: Parameter;
  first: Variable;
  second: Variable;
  learningRateFactor: number;
}

/** AdamW over the trainable parameters. Moments are kept by the tensors' names, so they survive any change of order. */
export class Optimizer {
  readonly #engine: Engine;
  readonly #settings: OptimizerSettings;
  readonly #moments = new Map<string, Moments>();

  constructor(engine: Engine, parameters: readonly Parameter[], settings: OptimizerSettings) {
    this.#engine = engine;
    this.#settings = settings;
    for (const parameter of parameters) {
      if (parameter.variable === null) continue;
      const zeros = (): Variable => engine.scope(() => engine.variable(engine.zeros(parameter.shape)));
      const learningRateFactor = settings.learningRateFactor?.(parameter.name) ?? 1;
      this.#moments.set(parameter.name, { parameter, first: zeros(), second: zeros(), learningRateFactor });
    }
  }

  /**
   * Updates every trainable parameter once. `step` is 1 for the first update.
   * @returns the global norm of the gradients before clipping.
   * @throws StrataError DIVERGED when the gradients are no longer finite; nothing is updated then.
   */
  async update(gradients: Gradients, learningRate: number, step: number): Promise<number> {
    const engine = this.#engine;
    const norm = await this.#globalNorm(gradients);
    if (!Number.isFinite(norm)) {
      throw new StrataError('DIVERGED', `Training diverged at step ${step}: the gradients are not finite.`, {
        found: `a gradient norm of ${norm}`,
        hint: 'To resume would end the same: start again with a lower learning rate.',
      });
    }
    const { clipNorm, weightDecay, beta1, beta2, epsilon } = this.#settings;
    const isClipped = clipNorm > 0 && norm > clipNorm;
    for (const group of this.#groups()) {
      // Clipped gradients are copies: one group's at a time.
      engine.scope(() => {
        const own = group.map(({ parameter }) => gradientOf(gradients, parameter.name));
        const clipped = isClipped ? scaled(engine, own, clipNorm / norm) : own;
        const updates = group.map(({ parameter, first, second }, index) => ({
          variable: parameter.variable!,
          firstMoment: first,
          secondMoment: second,
          gradient: clipped[index]!,
          weightDecay: parameter.shape.length > 1 ? weightDecay : 0,
        }));
        engine.adamW(updates, { learningRate: learningRate * group[0]!.learningRateFactor, beta1, beta2, epsilon, step });
      });
    }
    return norm;
  }

  /** Every variable with a name of its own, for a checkpoint: the weights, then `.first` and `.second` moments. */
  state(): { name: string; variable: Variable }[] {
    return [...this.#moments.values()].flatMap(({ parameter, first, second }) => [
      { name: parameter.name, variable: parameter.variable! },
      { name: `${parameter.name}.first`, variable: first },
      { name: `${parameter.name}.second`, variable: second },
    ]);
  }

  dispose(): void {
    for (const { first, second } of this.#moments.values()) {
      first.dispose();
      second.dispose();
    }
  }

  /** Parameters of one block and one learning rate together. */
  #groups(): Moments[][] {
    const groups = new Map<string, Moments[]>();
    for (const moments of this.#moments.values()) {
      const key = `${blockOfTensor(moments.parameter.name)} ${moments.learningRateFactor}`;
      groups.set(key, [...(groups.get(key) ?? []), moments]);
    }
    return [...groups.values()];
  }

  async #globalNorm(gradients: Gradients): Promise<number> {
    const engine = this.#engine;
    const total = engine.run('norm', [...gradients.values()], (operations, each) => {
      const squares = each.map((gradient) => operations.reshape(operations.sumOfSquares(gradient), [1]));
      return operations.sum(operations.concat(squares, 0), 0);
    });
    const [sum] = await engine.read(total);
    engine.dispose(total);
    return Math.sqrt(sum!);
  }
}

function gradientOf(gradients: Gradients, name: string): Tensor {
  const gradient = gradients.get(name);
  if (!gradient) throw new StrataError('INTERNAL', `No gradient for ${name}.`);
  return gradient;
}

/** Copies of tensors, each times the same factor; they belong to the innermost scope. */
function scaled(engine: Engine, tensors: readonly Tensor[], factor: number): readonly Tensor[] {
  const inputs = { tensors, factor: engine.tensor(Float32Array.of(factor), []) };
  return engine.run('scaled', inputs, (operations, each) => each.tensors.map((tensor) => operations.multiply(tensor, each.factor)));
}
