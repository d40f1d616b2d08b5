import { z } from 'zod';
import type { LlamaConfig, RopeScaling } from '../../shared/domain/llama-config.ts';
import { StrataError } from '../../shared/errors.ts';

/**
 * Rotary positions in config.json: `rope_parameters` of newer files, `rope_scaling` with `rope_theta` beside it of older ones. Where both
 * forms are given, transformers takes the newer one.
 */

const positive = z.number().positive();
const context = z.int().min(1);

/** One form as far as it says how to compute; which fields count depends on the type. */
export const ropeSchema = z
  .object({
    rope_theta: positive.nullish(),
    rope_type: z.string().optional(),
    type: z.string().optional(),
    factor: z.number().min(1).optional(),
    original_max_position_embeddings: context.optional(),
    low_freq_factor: positive.optional(),
    high_freq_factor: positive.optional(),
    beta_fast: positive.nullish(),
    beta_slow: positive.nullish(),
    attention_factor: positive.nullish(),
    mscale: z.number().nullish(),
    mscale_all_dim: z.number().nullish(),
    truncate: z.boolean().nullish(),
  })
  .nullish();
type RopeFields = z.output<typeof ropeSchema>;

const ROPE_TYPES = ['default', 'linear', 'dynamic', 'llama3', 'yarn'];

/**
 * The base and the scaling of a configuration's rotary angles.
 * @throws StrataError UNSUPPORTED for a type that Strata does not compute, BAD_INPUT when a field that the type needs is missing.
 */
export function ropeOf(
  fields: { rope_parameters?: RopeFields; rope_scaling?: RopeFields; rope_theta?: number | null | undefined },
  contextLength: number,
): Pick<LlamaConfig, 'ropeTheta' | 'ropeScaling'> {
  const rope = fields.rope_parameters ?? fields.rope_scaling ?? {};
  const ropeTheta = fields.rope_parameters?.rope_theta ?? fields.rope_scaling?.rope_theta ?? fields.rope_theta ?? 10_000;
  return { ropeTheta, ropeScaling: scalingOf(rope, contextLength) };
}

function scalingOf(rope: NonNullable<RopeFields>, contextLength: number): RopeScaling | null {
  const type = rope.rope_type ?? rope.type ?? 'default';
  const need = <Value>(value: Value | undefined, name: string): Value => {
    if (value !== undefined) return value;
    throw new StrataError('CORRUPT', `Rotary positions of type "${type}" need ${name}.`, {
      found: `rope_scaling without ${name}`,
      allowed: 'config.json as it was saved with the weights',
      hint: 'Download config.json again: it must be the one that was saved with the weights.',
    });
  };
  switch (type) {
    case 'default':
      return null;
    case 'linear':
    case 'dynamic':
      return { type, factor: need(rope.factor, 'factor') };
    case 'llama3':
      return {
        type,
        factor: need(rope.factor, 'factor'),
        lowFrequencyFactor: need(rope.low_freq_factor, 'low_freq_factor'),
        highFrequencyFactor: need(rope.high_freq_factor, 'high_freq_factor'),
        originalContextLength: need(rope.original_max_position_embeddings, 'original_max_position_embeddings'),
      };
    case 'yarn':
      return yarnOf(rope, need(rope.factor, 'factor'), contextLength);
    default:
      throw new StrataError('UNSUPPORTED', 'Strata does not compute this variant of LLaMA yet.', {
        found: `rotary positions of type "${type}"`,
        allowed: ROPE_TYPES.join(', '),
        hint: 'Choose a model without it: leaving it out would give other results.',
      });
  }
}

function yarnOf(rope: NonNullable<RopeFields>, factor: number, contextLength: number): RopeScaling {
  const scale = (mscale: number): number => (factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1);
  const ratio = rope.mscale && rope.mscale_all_dim ? scale(rope.mscale) / scale(rope.mscale_all_dim) : scale(1);
  return {
    type: 'yarn',
    factor,
    originalContextLength: rope.original_max_position_embeddings ?? contextLength,
    betaFast: rope.beta_fast ?? 32,
    betaSlow: rope.beta_slow ?? 1,
    attentionFactor: rope.attention_factor ?? ratio,
    truncate: rope.truncate ?? true,
  };
}

/** The fields of config.json for a model's rotary positions: those of the original where it has them, so that nothing is lost on the way. */
export function ropeFields(config: LlamaConfig, original: Record<string, unknown>): Record<string, unknown> {
  // Beside a newer file's `rope_parameters` too: older versions of transformers know only this one.
  const base = { rope_theta: config.ropeTheta };
  if (config.ropeScaling === null || original.rope_scaling || original.rope_parameters) return base;
  return { ...base, rope_scaling: scalingFields(config.ropeScaling) };
}

function scalingFields(scaling: RopeScaling): Record<string, unknown> {
  const { type: rope_type, factor } = scaling;
  switch (scaling.type) {
    case 'linear':
    case 'dynamic':
      return { rope_type, factor };
    case 'llama3':
      return {
        rope_type,
        factor,
        low_freq_factor: scaling.lowFrequencyFactor,
        high_freq_factor: scaling.highFrequencyFactor,
        original_max_position_embeddings: scaling.originalContextLength,
      };
    case 'yarn':
      return {
        rope_type,
        factor,
        original_max_position_embeddings: scaling.originalContextLength,
        beta_fast: scaling.betaFast,
        beta_slow: scaling.betaSlow,
        attention_factor: scaling.attentionFactor,
        truncate: scaling.truncate,
      };
  }
}
