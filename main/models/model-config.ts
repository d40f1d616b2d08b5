import { z } from 'zod';
import { type LlamaConfig, MAX_BLOCKS } from '../../shared/domain/llama-config.ts';
import { StrataError } from '../../shared/errors.ts';
import { ropeFields, ropeOf, ropeSchema } from './rope-config.ts';
import { schemaRefusal } from './schema-refusal.ts';
import { shownValue } from './shown-value.ts';

/** Architectures that Strata computes exactly as their makers do, with their `model_type`. Others are refused by name. */
const MODEL_TYPES: Readonly<Record<string, string>> = { LlamaForCausalLM: 'llama', MistralForCausalLM: 'mistral' };
export const SUPPORTED_ARCHITECTURES = Object.keys(MODEL_TYPES);

/** Sizes above these are surely wrong and would only end in a failed allocation: twice the largest LLaMA. */
const LARGEST = {
  hiddenSize: 32_768,
  intermediateSize: 131_072,
  blocks: MAX_BLOCKS,
  heads: 512,
  vocabularySize: 1_048_576,
  contextLength: 16_777_216,
};

const size = (largest: number): z.ZodNumber => z.number().int().min(1).max(largest);
/** -1 stands for none, as old files of LLaMA have it. */
const anyId = z.number().int().min(-1);
const tokenId = z.union([anyId, z.array(anyId).min(1), z.null()], 'an id such as 2, a list of them, or null').optional();

const CONFIG_HINT = 'Download config.json again: it must be the one that was saved with the weights.';

/** config.json as Hugging Face writes it, as far as it says how to compute. */
const configSchema = z.object({
  hidden_size: size(LARGEST.hiddenSize),
  intermediate_size: size(LARGEST.intermediateSize),
  num_hidden_layers: size(LARGEST.blocks),
  num_attention_heads: size(LARGEST.heads),
  num_key_value_heads: size(LARGEST.heads).nullish(),
  head_dim: size(LARGEST.hiddenSize).nullish(),
  vocab_size: size(LARGEST.vocabularySize),
  max_position_embeddings: size(LARGEST.contextLength).optional(),
  rms_norm_eps: z.number().positive().default(1e-6),
  rope_theta: z.number().positive().nullish(),
  rope_parameters: ropeSchema,
  rope_scaling: ropeSchema,
  sliding_window: size(LARGEST.contextLength).nullish(),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  tie_word_embeddings: z.boolean().default(false),
  bos_token_id: tokenId,
  eos_token_id: tokenId,
});

/** What transformers' LlamaConfig and MistralConfig take where the file says nothing. */
const DEFAULTS: Readonly<Record<string, { contextLength: number; keyValueHeads: number | null; slidingWindow: number | null }>> = {
  LlamaForCausalLM: { contextLength: 2048, keyValueHeads: null, slidingWindow: null },
  MistralForCausalLM: { contextLength: 131_072, keyValueHeads: 8, slidingWindow: 4096 },
};

/**
 * Reads config.json.
 * @throws StrataError UNSUPPORTED for another architecture or a variant that is not implemented, by name; CORRUPT when it is no object, or a
 * number is missing or impossible.
 */
export function parseModelConfig(json: unknown): { config: LlamaConfig; architecture: string } {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new StrataError('CORRUPT', 'config.json does not describe a model.', {
      found: shownValue(json),
      allowed: 'a JSON object',
      hint: CONFIG_HINT,
    });
  }
  const fields = json as Record<string, unknown>;
  const architecture = architectureOf(fields);
  refuseVariants(fields);
  const parsed = configSchema.safeParse(json);
  if (!parsed.success) {
    throw new StrataError('CORRUPT', 'config.json has missing or impossible values.', {
      ...schemaRefusal(parsed.error, json),
      hint: CONFIG_HINT,
    });
  }
  const values = parsed.data;
  const heads = values.num_attention_heads;
  const defaults = DEFAULTS[architecture]!;
  const contextLength = values.max_position_embeddings ?? defaults.contextLength;
  const isMistral = architecture === 'MistralForCausalLM';
  const config: LlamaConfig = {
    hiddenSize: values.hidden_size,
    intermediateSize: values.intermediate_size,
    blocks: values.num_hidden_layers,
    heads,
    // Without the field, Mistral's default; with null, as many as query heads.
    keyValueHeads: values.num_key_value_heads ?? (values.num_key_value_heads === undefined ? defaults.keyValueHeads : null) ?? heads,
    headSize: values.head_dim ?? values.hidden_size / heads,
    vocabularySize: values.vocab_size,
    contextLength,
    normEpsilon: values.rms_norm_eps,
    ...ropeOf(values, contextLength),
    // LlamaForCausalLM ignores the field; Mistral has a window unless the file says null.
    slidingWindow: isMistral ? (values.sliding_window === undefined ? defaults.slidingWindow : values.sliding_window) : null,
    attentionBias: !isMistral && values.attention_bias,
    mlpBias: !isMistral && values.mlp_bias,
    tiedEmbeddings: values.tie_word_embeddings,
    bosTokenId: firstId(values.bos_token_id),
    eosTokenId: firstId(values.eos_token_id),
  };
  checkHeads(config);
  return { config, architecture };
}

function architectureOf(fields: Record<string, unknown>): string {
  const named = Array.isArray(fields.architectures) ? fields.architectures.map(String) : [];
  const architecture = named[0] ?? SUPPORTED_ARCHITECTURES.find((known) => MODEL_TYPES[known] === fields.model_type);
  if (architecture === undefined || !SUPPORTED_ARCHITECTURES.includes(architecture)) {
    throw new StrataError('UNSUPPORTED', 'Strata does not know this architecture.', {
      found: architecture ?? `model_type ${JSON.stringify(fields.model_type ?? null)}`,
      allowed: SUPPORTED_ARCHITECTURES.join(', '),
      hint: 'Choose a LLaMA or Mistral model: Strata computes no others.',
    });
  }
  checkModelType(architecture, fields.model_type);
  return architecture;
}

/** Programs differ in which of the two they go by: transformers takes the model type, vLLM and llama.cpp the architecture. */
function checkModelType(architecture: string, modelType: unknown): void {
  if (modelType === undefined || modelType === null || modelType === MODEL_TYPES[architecture]) return;
  throw new StrataError('CORRUPT', 'The architecture and the model type in config.json disagree.', {
    found: `architectures ["${architecture}"] with model_type ${JSON.stringify(modelType)}`,
    allowed: Object.entries(MODEL_TYPES)
      .map(([name, type]) => `["${name}"] with "${type}"`)
      .join(', '),
    hint: `Download config.json again. If the weights are those of a ${architecture}, set model_type to "${MODEL_TYPES[architecture]}" in it.`,
  });
}

/** Variants that would be computed wrongly are refused, not ignored. */
function refuseVariants(fields: Record<string, unknown>): void {
  const ropes = [fields.rope_parameters, fields.rope_scaling].map((rope) => (rope ?? {}) as Record<string, unknown>);
  const rotated = [fields, ...ropes].map((rope) => rope.partial_rotary_factor ?? 1).find((factor) => factor !== 1);
  const quantization = fields.quantization_config as { quant_method?: unknown } | null | undefined;
  const variants: [boolean, string, string][] = [
    [rotated !== undefined, `rotary positions on a part of each head (${String(rotated)})`, 'the whole head'],
    [quantization !== undefined && quantization !== null, `weights quantised by ${String(quantization?.quant_method)}`, 'F32, F16 or BF16'],
    ...QUERY_KEY_NORMS.map((name): [boolean, string, string] => [isOn(fields[name]), `norms of queries and keys (${name})`, 'none']),
    [fields.hidden_act !== undefined && fields.hidden_act !== 'silu', `activation ${String(fields.hidden_act)}`, 'silu'],
  ];
  for (const [isMet, found, allowed] of variants) {
    if (isMet)
      throw new StrataError('UNSUPPORTED', 'Strata does not compute this variant of LLaMA yet.', {
        found,
        allowed,
        hint: 'Choose a model without it: leaving it out would give other results.',
      });
  }
}

/** What files call norms of queries and keys, which no LLaMA has. */
const QUERY_KEY_NORMS = ['use_qk_norm', 'qk_norm', 'qk_layernorm'];

function isOn(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false;
}

function checkHeads({ hiddenSize, heads, keyValueHeads, headSize }: LlamaConfig): void {
  if (!Number.isInteger(headSize) || headSize % 2 !== 0 || heads % keyValueHeads !== 0) {
    throw new StrataError('CORRUPT', 'The numbers of heads in config.json do not fit together.', {
      found: `width ${hiddenSize}, ${heads} query heads, ${keyValueHeads} key/value heads, head size ${headSize}`,
      allowed: 'an even head size, and query heads that are a multiple of key/value heads',
      hint: CONFIG_HINT,
    });
  }
}

function firstId(id: number | number[] | null | undefined): number | null {
  const first = (Array.isArray(id) ? id[0] : id) ?? null;
  return first === -1 ? null : first;
}

/** config.json for a model: fields of the original that Strata does not touch are kept, the architecture's numbers are ours. */
export function toHuggingFaceConfig(
  config: LlamaConfig,
  original: Record<string, unknown> = {},
  dtype: 'float32' | 'float16' | 'bfloat16' = 'float32',
): Record<string, unknown> {
  const named = Array.isArray(original.architectures) ? String(original.architectures[0]) : undefined;
  const isMistral = config.slidingWindow !== null || named === 'MistralForCausalLM' || original.model_type === 'mistral';
  const architecture = isMistral ? 'MistralForCausalLM' : 'LlamaForCausalLM';
  const json: Record<string, unknown> = {
    ...original,
    architectures: [architecture],
    model_type: MODEL_TYPES[architecture],
    hidden_act: 'silu',
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.blocks,
    num_attention_heads: config.heads,
    num_key_value_heads: config.keyValueHeads,
    head_dim: config.headSize,
    vocab_size: config.vocabularySize,
    max_position_embeddings: config.contextLength,
    rms_norm_eps: config.normEpsilon,
    ...ropeFields(config, original),
    tie_word_embeddings: config.tiedEmbeddings,
    bos_token_id: original.bos_token_id ?? config.bosTokenId,
    eos_token_id: original.eos_token_id ?? config.eosTokenId,
    ...(isMistral ? { sliding_window: config.slidingWindow } : { attention_bias: config.attentionBias, mlp_bias: config.mlpBias }),
    torch_dtype: dtype,
  };
  if (original.dtype !== undefined) json.dtype = dtype;
  return json;
}
