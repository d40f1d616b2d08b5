import type { RunConfiguration } from '../../shared/domain/run.ts';
import { StrataError } from '../../shared/errors.ts';
import type { Engine, Tensor } from '../engine/engine.ts';
import type { Gradients } from '../llama/gradients.ts';
import { type Llama, parametersOf } from '../llama/parameters.ts';

/** What usually makes a loss or a gradient infinite or undefined, and what helps. */
export const DIVERGENCE_HINT =
  'Usual causes, the likeliest first: a learning rate that is too high (start again with a tenth of it), a warm-up that is too short, gradients that are not clipped, a base or data that are damaged.';

/**
 * Says how values stopped being finite.
 * @returns for instance "NaN in 12 of 512 values, the first at [0, 7]"; null when all are finite.
 */
export function describeNonFinite(values: ArrayLike<number>, shape: readonly number[]): string | null {
  let first = -1;
  let count = 0;
  for (let index = 0; index < values.length; index++) {
    if (Number.isFinite(values[index])) continue;
    if (count++ === 0) first = index;
  }
  if (count === 0) return null;
  const place: number[] = [];
  for (let axis = shape.length - 1, rest = first; axis >= 0; axis--) {
    place.unshift(rest % shape[axis]!);
    rest = Math.floor(rest / shape[axis]!);
  }
  return `${values[first]} in ${count} of ${values.length} values, the first at [${place.join(', ')}]`;
}

/**
 * Why a step or a measurement gave something infinite or undefined: looks through every weight, then through the gradients by name,
 * and says which tensor is to blame, or that none is. Only read; slow on a large model, which no longer matters then.
 * @param message what happened, a sentence.
 * @param found the figure that was noticed, such as "a loss of NaN".
 * @param gradients those of the step; null when there are none. They stay the caller's.
 */
export async function explainDivergence(
  engine: Engine,
  model: Llama,
  { message, found, gradients }: { message: string; found: string; gradients: Gradients | null },
  { learningRate, clipNorm }: Pick<RunConfiguration, 'learningRate' | 'clipNorm'>,
): Promise<StrataError> {
  const settings = `This run's learning rate is ${learningRate}${clipNorm > 0 ? '' : ', and its gradients are not clipped'}.`;
  for (const { name, variable, value } of parametersOf(model)) {
    const held = await nonFiniteIn(engine, value);
    if (held === null) continue;
    return new StrataError('DIVERGED', message, {
      found: `${found}; the weight ${name} holds ${held}`,
      hint:
        variable === null
          ? 'The base itself holds that value and no training can mend it: import it again from an undamaged copy, or choose another base.'
          : `An update made the weight so, or it was so in the base. ${DIVERGENCE_HINT} ${settings}`,
    });
  }
  const byName = [...(gradients ?? [])].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
  for (const [name, gradient] of byName) {
    const held = await nonFiniteIn(engine, () => gradient);
    if (held === null) continue;
    return new StrataError('DIVERGED', message, {
      found: `${found}; the gradient of ${name} holds ${held}; every weight is finite`,
      hint: `${DIVERGENCE_HINT} ${settings}`,
    });
  }
  return new StrataError('DIVERGED', message, {
    found: `${found}; every weight${gradients === null ? '' : ' and every gradient'} is finite, so values in between became too large`,
    hint: `${DIVERGENCE_HINT} ${settings}`,
  });
}

/** @param value gives a tensor of the innermost scope or of somebody else: it is copied, and only the copy freed. */
async function nonFiniteIn(engine: Engine, value: () => Tensor): Promise<string | null> {
  const copy = engine.keep(engine.scope(() => engine.scale(value(), 1)));
  try {
    return describeNonFinite(await engine.read(copy), copy.shape);
  } finally {
    engine.dispose(copy);
  }
}
