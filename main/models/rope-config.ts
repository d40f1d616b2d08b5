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

const FACTOR = 'a number of at least 1';
const ROPE_TYPES = ['default', 'linear', 'dynamic', 'llama3', 'yarn'];

/**
 * The base and the scaling of a configuration's rotary angles.
 * @throws StrataError UNSUPPORTED for a type that Strata does not compute, CORRUPT when a field that the type needs is missing.
 */
export function ropeOf(
  fields: { rope_parameters?: RopeFields; rope_scaling?: RopeFields; rope_theta?: number | null | undefined },
  contextLength: number,
): Pick<LlamaConfig, 'ropeTheta' | 'ropeScaling'> {
  const named = fields.rope_parameters ? 'rope_parameters' : 'rope_scaling';
  const rope = fields[named] ?? {};
  const ropeTheta = fields.rope_parameters?.rope_theta ?? fields.rope_scaling?.rope_theta ?? fields.rope_theta ?? 10_000;
  return { ropeTheta, ropeScaling: scalingOf(rope, named, contextLength) };
}

/** Fields that a type cannot do without, and what they may be. */
const NEEDED: Readonly<Record<string, Partial<Record<keyof NonNullable<RopeFields>, string>>>> = {
  linear: { factor: FACTOR },
  dynamic: { factor: FACTOR },
  llama3: {
    factor: FACTOR,
    low_freq_factor: 'a number above 0',
    high_freq_factor: 'a number above 0',
    original_max_position_embeddings: 'a whole number of at least 1',
  },
  yarn: { factor: FACTOR },
};

function scalingOf(rope: NonNullable<RopeFields>, named: string, contextLength: number): RopeScaling | null {
  const type = rope.rope_type ?? rope.type ?? 'default';
  if (type === 'default' && (rope.factor ?? 1) !== 1) throw withoutType(rope, named);
  checkNeeded(rope, named, type);
  switch (type) {
    case 'default':
      return null;
    case 'linear':
    case 'dynamic':
      return { type, factor: rope.factor! };
    case 'llama3':
      return {
        type,
        factor: rope.factor!,
        lowFrequencyFactor: rope.low_freq_factor!,
        highFrequencyFactor: rope.high_freq_factor!,
        originalContextLength: rope.original_max_position_embeddings!,
      };
    case 'yarn':
      return yarnOf(rope, rope.factor!, contextLength);
    default:
      throw new StrataError('UNSUPPORTED', 'Strata does not compute this variant of LLaMA yet.', {
        found: `rotary positions of type "${type}"`,
        allowed: ROPE_TYPES.join(', '),
        hint: 'Choose a model without it: leaving it out would give other results.',
      });
  }
}

/** Without a type the factor would not be used, and the model would compute something else than its maker meant. */
function withoutType({ rope_type, type, factor }: NonNullable<RopeFields>, named: string): StrataError {
  const found = rope_type ?? type;
  return new StrataError('CORRUPT', 'Rotary positions are stretched, but config.json does not say how.', {
    found: `${named} with factor ${factor} and ${found === undefined ? 'no rope_type' : `rope_type "${found}"`}`,
    allowed: `rope_type: ${ROPE_TYPES.filter((each) => each !== 'default').join(', ')}; or no factor`,
    hint: `Download config.json again, or add rope_type to ${named} in it, as the model's maker gives it.`,
  });
}

function checkNeeded(rope: NonNullable<RopeFields>, named: string, type: string): void {
  const needed = Object.hasOwn(NEEDED, type) ? Object.entries(NEEDED[type]!) : [];
  const missing = needed.filter(([field]) => rope[field as keyof typeof rope] === undefined);
  if (missing.length === 0) return;
  const fields = missing.map(([field]) => field).join(', ');
  throw new StrataError('CORRUPT', `Rotary positions of type "${type}" need ${fields}.`, {
    found: `${named} without ${fields}`,
    allowed: missing.map(([field, allowed]) => `${field}: ${allowed}`).join('; '),
    hint: `Download config.json again, or add ${fields} to ${named} in it, as the model's maker gives it.`,
  });
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
