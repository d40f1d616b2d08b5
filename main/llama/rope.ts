import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import type { Engine, Operations, Tensor } from '../engine/engine.ts';

/** Cosines and signed sines of the rotary angles of positions [first, first + T), each [D, T]. */
export interface RotaryTable {
  cosine: Tensor;
  /** Negative in the first half of the rows. */
  sine: Tensor;
}

type RotaryConfig = Pick<LlamaConfig, 'headSize' | 'ropeTheta' | 'ropeScaling'>;

/**
 * Angles of rotary positions (Su et al., arXiv 2104.09864): position t turns pair i by `t * theta^(-2i/D)`, or what the model's scaling makes
 * of that. `factor` multiplies the table: the softmax's 1/sqrt(D) costs nothing there.
 */
export function rotaryTable(engine: Engine, first: number, length: number, config: RotaryConfig, factor = 1): RotaryTable {
  const { headSize } = config;
  const pairs = headSize / 2;
  const cosine = new Float32Array(headSize * length);
  const sine = new Float32Array(headSize * length);
  const { frequencies, amplitude } = rotaryFrequencies(config);
  for (const [pair, frequency] of frequencies.entries()) {
    for (let time = 0; time < length; time++) {
      const angle = Math.fround((first + time) * frequency);
      const [upper, lower] = [pair * length + time, (pair + pairs) * length + time];
      cosine[upper] = cosine[lower] = amplitude * factor * Math.cos(angle);
      sine[lower] = amplitude * factor * Math.sin(angle);
      sine[upper] = -sine[lower]!;
    }
  }
  return { cosine: engine.tensor(cosine, [headSize, length]), sine: engine.tensor(sine, [headSize, length]) };
}

/**
 * The turn of each pair from one position to the next, in radians [D/2], and what cosines and sines are multiplied with. Frequencies are rounded
 * to 32 bits before they meet a position, as the implementations that models were trained with do.
 */
export function rotaryFrequencies({ headSize, ropeTheta, ropeScaling: scaling }: RotaryConfig): {
  frequencies: Float32Array;
  amplitude: number;
} {
  const plain = Float32Array.from({ length: headSize / 2 }, (_, pair) => 1 / ropeTheta ** ((2 * pair) / headSize));
  switch (scaling?.type) {
    case undefined:
    case 'dynamic': // Its base grows with sequences longer than the model's context, and there are none here.
      return { frequencies: plain, amplitude: 1 };
    case 'linear':
      return { frequencies: plain.map((frequency) => frequency / scaling.factor), amplitude: 1 };
    case 'llama3':
      return { frequencies: plain.map((frequency) => llama3Frequency(frequency, scaling)), amplitude: 1 };
    case 'yarn': {
      const kept = keptByYarn(headSize, ropeTheta, scaling);
      return {
        frequencies: plain.map((frequency, pair) => kept[pair]! * frequency + (1 - kept[pair]!) * (frequency / scaling.factor)),
        amplitude: scaling.attentionFactor,
      };
    }
  }
}

type Scaling<Type> = Extract<NonNullable<LlamaConfig['ropeScaling']>, { type: Type }>;

/** Llama 3.1: waves that turn often within the original context are kept, those that turn rarely are stretched, those between are mixed. */
function llama3Frequency(
  frequency: number,
  { factor, lowFrequencyFactor, highFrequencyFactor, originalContextLength }: Scaling<'llama3'>,
): number {
  const turns = (originalContextLength * frequency) / (2 * Math.PI);
  if (turns > highFrequencyFactor) return frequency;
  if (turns < lowFrequencyFactor) return frequency / factor;
  const kept = (turns - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
  return (1 - kept) * (frequency / factor) + kept * frequency;
}

/**
 * How much of each pair's plain frequency stays (YaRN, Peng et al., arXiv 2309.00071, section 3.2): all above `betaFast` turns within the
 * original context, nothing below `betaSlow`, and in between a ramp over the pairs.
 */
function keptByYarn(headSize: number, theta: number, { originalContextLength, betaFast, betaSlow, truncate }: Scaling<'yarn'>): number[] {
  const pairWithTurns = (turns: number): number =>
    (headSize * Math.log(originalContextLength / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [fast, slow] = [pairWithTurns(betaFast), pairWithTurns(betaSlow)];
  const low = Math.max(truncate ? Math.floor(fast) : fast, 0);
  const high = Math.min(truncate ? Math.ceil(slow) : slow, headSize - 1);
  const width = high === low ? 0.001 : high - low; // the reference keeps the division finite in this way
  return Array.from({ length: headSize / 2 }, (_, pair) => 1 - Math.min(1, Math.max(0, (pair - low) / width)));
}

/**
 * Turns heads [..., D, T] by their positions. Pairs are (i, i + D/2), the half-split layout of Hugging Face's LLaMA: rolled by D/2, each
 * element meets its partner. The transpose of a rotation is the rotation back, so the backward pass is the same with `direction` -1.
 */
export function rotate(operations: Operations, x: Tensor, { cosine, sine }: RotaryTable, direction: 1 | -1): Tensor {
  const axis = x.shape.length - 2;
  const partner = operations.multiply(operations.roll(x, x.shape[axis]! / 2, axis), sine);
  const own = operations.multiply(x, cosine);
  return direction === 1 ? operations.add(own, partner) : operations.subtract(own, partner);
}
