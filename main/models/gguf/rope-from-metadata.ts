import type { RopeScaling } from '../../../shared/domain/llama-config.ts';
import { StrataError } from '../../../shared/errors.ts';
import { type GgufFields, shortest } from './metadata-fields.ts';
import { ROPE_FACTORS_TENSOR } from './tensor-names.ts';

/**
 * Rotary positions of a GGUF file: a base, a scaling in its metadata, and for Llama 3 the factors themselves in a tensor, by which llama.cpp divides
 * each pair's frequency.
 */

const SCALING = 'llama.rope.scaling';
const ALLOWED = 'none, linear, yarn, or the factors of Llama 3';
/** What llama.cpp takes where the file says nothing, as YaRN's authors do. */
const [BETA_FAST, BETA_SLOW] = [32, 1];

export interface GgufRope {
  theta: number;
  scaling: RopeScaling | null;
  contextLength: number;
}

/**
 * @param factors The values of {@link ROPE_FACTORS_TENSOR}, where the file has it: one for each pair of a head.
 * @throws StrataError UNSUPPORTED for a scaling that Strata does not compute.
 */
export function ropeOf(fields: GgufFields, headSize: number, factors: Float32Array | null): GgufRope {
  const theta = fields.number('llama.rope.freq_base') ?? 10_000;
  const contextLength = fields.count('llama.context_length');
  const given = fields.number(`${SCALING}.factor`) ?? fields.number('llama.rope.scale_linear') ?? 0;
  // As llama.cpp reads it: without a type a factor stretches linearly, and 0 is no factor.
  const type = fields.text(`${SCALING}.type`) ?? 'linear';
  const factor = given === 0 ? 1 : given;
  const isScaled = type !== 'none' && !(type === 'linear' && factor === 1);
  if (!(theta > 0)) throw unsupported(`a base of ${theta}`, 'a base above 0');
  if (factors !== null) {
    if (isScaled) throw unsupported(`${SCALING}.type ${type} together with ${ROPE_FACTORS_TENSOR}`, 'one of the two');
    return { theta, scaling: llama3Of(fields, theta, headSize, factors), contextLength };
  }
  if (!isScaled) return { theta, scaling: null, contextLength };
  if (!(factor >= 1)) throw unsupported(`${SCALING}.factor ${factor}`, 'a factor of at least 1');
  if (type === 'linear') return { theta, scaling: { type, factor }, contextLength };
  if (type === 'yarn') return yarnOf(fields, theta, factor, contextLength);
  throw unsupported(`${SCALING}.type ${JSON.stringify(type)}`, ALLOWED);
}

function yarnOf(fields: GgufFields, theta: number, factor: number, contextLength: number): GgufRope {
  for (const [key, neutral] of [
    ['yarn_log_multiplier', 0],
    ['yarn_ext_factor', 1],
  ] as const) {
    const value = fields.number(`${SCALING}.${key}`);
    if (value !== null && value !== neutral) throw unsupported(`${SCALING}.${key} ${value}`, `${neutral}, or none`);
  }
  const originalContextLength = fields.count(`${SCALING}.original_context_length`, contextLength);
  const stretched = factor * originalContextLength;
  // config.json states the factor by two contexts: a context that disagrees with it would compute something else.
  if (!Number.isInteger(stretched)) throw unsupported(`${originalContextLength} tokens stretched by ${factor}`, 'a whole number of tokens');
  // `yarn_attn_factor` is config.json's own number, `attn_factor` comes on top of the paper's.
  const attentionFactor =
    fields.number(`${SCALING}.yarn_attn_factor`) ?? (fields.number(`${SCALING}.attn_factor`) ?? 1) * (0.1 * Math.log(factor) + 1);
  if (!(attentionFactor > 0)) throw unsupported(`an attention factor of ${attentionFactor}`, 'a factor above 0');
  return {
    theta,
    contextLength: stretched,
    scaling: {
      type: 'yarn',
      factor,
      originalContextLength,
      betaFast: fields.number(`${SCALING}.yarn_beta_fast`) ?? BETA_FAST,
      betaSlow: fields.number(`${SCALING}.yarn_beta_slow`) ?? BETA_SLOW,
      attentionFactor,
      truncate: true, // llama.cpp rounds the ends of the mix to whole pairs
    },
  };
}

type Llama3 = Extract<RopeScaling, { type: 'llama3' }>;

/** How far a factor may be from the formula's: they were computed and stored in 32 bits. */
const TOLERANCE = 2e-5;

/**
 * The numbers of Llama 3's formula that give these factors. Several give the same ones (a context with its two frequency factors, all doubled), so
 * those of the published models are tried first, then the numbers are solved for; what is returned was compared with every factor.
 */
function llama3Of(fields: GgufFields, theta: number, headSize: number, factors: Float32Array): Llama3 | null {
  if (factors.length !== headSize / 2)
    throw unsupported(`${factors.length} factors in ${ROPE_FACTORS_TENSOR}`, `${headSize / 2}, one for each pair`);
  if (factors.every((factor) => factor === 1)) return null;
  const factor = shortest(factors.at(-1)!);
  const frequencies = Array.from(factors, (_, pair) => theta ** ((-2 * pair) / headSize));
  const fits = (candidate: Llama3): boolean =>
    factors.every((found, pair) => Math.abs(found / llama3Factor(candidate, frequencies[pair]!) - 1) < TOLERANCE);
  const contexts = [fields.whole(`${SCALING}.original_context_length`, 1) ?? 8192, 8192, ...POWERS_OF_TWO];
  const solved = solve(factor, frequencies, factors);
  const candidates = [...contexts.map((context) => llama3(factor, 4, context)), ...(solved ? [solved] : [])];
  const found = factor > 1 && candidates.find(fits);
  if (found) return found;
  throw unsupported(
    `${ROPE_FACTORS_TENSOR}: ${Array.from(factors.subarray(0, 40), shortest).join(', ')}${factors.length > 40 ? ', ...' : ''}`,
    'the factors of a Llama 3 stretch',
  );
}

/** Contexts that models are trained with. */
const POWERS_OF_TWO = Array.from({ length: 17 }, (_, exponent) => 2 ** (exponent + 4));

function llama3(factor: number, highFrequencyFactor: number, originalContextLength: number): Llama3 {
  return { type: 'llama3', factor, lowFrequencyFactor: 1, highFrequencyFactor, originalContextLength };
}

/** By what the frequency (radians per token) of a pair is divided. */
function llama3Factor({ factor, lowFrequencyFactor, highFrequencyFactor, originalContextLength }: Llama3, frequency: number): number {
  const turns = (originalContextLength * frequency) / (2 * Math.PI); // within the original context
  if (turns > highFrequencyFactor) return 1;
  if (turns < lowFrequencyFactor) return factor;
  const smooth = (turns - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
  return 1 / ((1 - smooth) / factor + smooth);
}

/**
 * The formula's line through the two mixed factors that lie farthest apart, for a low frequency factor of 1: the mix grows evenly with the
 * frequency, from 0 at one turn within the original context to 1 at `highFrequencyFactor` turns.
 */
function solve(factor: number, frequencies: readonly number[], factors: Float32Array): Llama3 | null {
  const mixed = frequencies
    .map((frequency, pair) => ({ turns: frequency / (2 * Math.PI), smooth: (1 / factors[pair]! - 1 / factor) / (1 - 1 / factor) }))
    .filter(({ smooth }) => smooth > TOLERANCE && smooth < 1 - TOLERANCE);
  if (mixed.length < 2) return null;
  const [first, last] = [mixed[0]!, mixed.at(-1)!];
  const slope = (first.smooth - last.smooth) / (first.turns - last.turns);
  const start = first.turns - first.smooth / slope; // turns for each token of context where the mix begins
  const context = Math.round(1 / start);
  const high = Math.round((start + 1 / slope) * context * 1000) / 1000;
  return Number.isSafeInteger(context) && context > 0 && high > 1 ? llama3(factor, high, context) : null;
}

function unsupported(found: string, allowed: string): StrataError {
  return new StrataError('UNSUPPORTED', 'Strata does not compute the rotary positions of this model.', {
    found,
    allowed,
    hint: 'Take the original model as a Hugging Face folder instead, or choose another one.',
  });
}
