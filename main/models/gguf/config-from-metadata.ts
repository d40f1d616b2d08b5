import type { LlamaConfig } from '../../../shared/domain/llama-config.ts';
import { StrataError } from '../../../shared/errors.ts';
import { GgufFields } from './metadata-fields.ts';
import { ropeOf } from './rope-from-metadata.ts';
import { EMBEDDING, HEAD, hasBiases, ROPE_FACTORS_TENSOR } from './tensor-names.ts';
import type { GgufFile } from './read-gguf.ts';

/** What llama.cpp calls the models that Strata computes: LLaMA's, and Mistral's, which are the same. */
export const GGUF_ARCHITECTURES = ['llama'];

/**
 * The architecture's numbers, from a file's metadata and the tensors that it has.
 * @throws StrataError UNSUPPORTED for another architecture or a variant that is not computed, by name; CORRUPT where a number is missing or wrong.
 */
export async function ggufConfig(file: GgufFile): Promise<LlamaConfig> {
  const fields = new GgufFields(file);
  refuseOthers(fields);
  refuseVariants(fields);
  const hiddenSize = fields.count('llama.embedding_length');
  const heads = fields.evenCount('llama.attention.head_count');
  const keyValueHeads = fields.evenCount('llama.attention.head_count_kv', heads);
  const headSize = headSizeOf(fields, hiddenSize, heads);
  const blocks = fields.count('llama.block_count');
  if (blocks > file.tensors.size || heads % keyValueHeads !== 0) {
    throw new StrataError('CORRUPT', `The metadata of ${file.path} is not that of a model.`, {
      found: `${blocks} blocks in ${file.tensors.size} tensors, ${heads} query heads, ${keyValueHeads} key/value heads`,
      allowed: 'a block in the tensors that there are, and query heads that are a multiple of key/value heads',
      hint: 'Download the file again, or convert the original model again with a current program.',
    });
  }
  const factors = file.tensors.has(ROPE_FACTORS_TENSOR) ? await readFactors(file, headSize) : null;
  const { theta, scaling, contextLength } = ropeOf(fields, headSize, factors);
  const slidingWindow = fields.whole('llama.attention.sliding_window') ?? 0;
  const config: LlamaConfig = {
    hiddenSize,
    intermediateSize: fields.evenCount('llama.feed_forward_length'),
    blocks,
    heads,
    keyValueHeads,
    headSize,
    vocabularySize: rowsOf(file, EMBEDDING),
    contextLength,
    normEpsilon: epsilonOf(fields, file.path),
    ropeTheta: theta,
    ropeScaling: scaling,
    slidingWindow: slidingWindow === 0 ? null : slidingWindow,
    attentionBias: hasBiases(file, 'attention'),
    mlpBias: hasBiases(file, 'mlp'),
    tiedEmbeddings: !file.tensors.has(HEAD),
    bosTokenId: fields.whole('tokenizer.ggml.bos_token_id'),
    eosTokenId: fields.whole('tokenizer.ggml.eos_token_id'),
  };
  if (config.slidingWindow !== null && (config.attentionBias || config.mlpBias)) {
    throw unsupported(`a sliding window of ${slidingWindow} tokens together with biases`, 'one of the two');
  }
  return config;
}

function refuseOthers(fields: GgufFields): void {
  const architecture = fields.text('general.architecture');
  if (architecture === null || !GGUF_ARCHITECTURES.includes(architecture)) {
    throw new StrataError('UNSUPPORTED', 'Strata does not know this architecture.', {
      found: architecture ?? 'a GGUF file without general.architecture',
      allowed: `${GGUF_ARCHITECTURES.join(', ')} (LLaMA and Mistral models)`,
      hint: 'Choose a LLaMA or Mistral model: Strata computes no others.',
    });
  }
  const type = fields.text('general.type') ?? 'model';
  if (type !== 'model') throw unsupported(`a file of type ${JSON.stringify(type)}`, 'a whole model');
}

/** Variants that would be computed wrongly are refused, not ignored. */
function refuseVariants(fields: GgufFields): void {
  const experts = fields.whole('llama.expert_count') ?? 0;
  if (experts > 0) throw unsupported(`a mixture of ${experts} experts`, 'one feed-forward layer in each block');
  /** Values of other architectures that llama.cpp adds to this one, with the number that changes nothing. */
  const neutral = {
    'llama.logit_scale': [0, 1],
    'llama.residual_scale': [0, 1],
    'llama.embedding_scale': [0, 1],
    'llama.attention.scale': [0],
    'llama.attention.clamp_kqv': [0],
    'llama.attention.max_alibi_bias': [0],
    'llama.attn_logit_softcapping': [0],
    'llama.final_logit_softcapping': [0],
    'llama.pooling_type': [0],
  };
  for (const [key, allowed] of Object.entries(neutral)) {
    const value = fields.number(key);
    if (value !== null && !allowed.includes(value)) throw unsupported(`${key} ${value}`, `${allowed.join(' or ')}, or none`);
  }
  if (fields.flag('llama.attention.causal') === false) throw unsupported('attention to later tokens', 'attention to earlier ones only');
  if (fields.flag('llama.use_parallel_residual') === true) throw unsupported('attention and MLP side by side', 'one after the other');
}

function headSizeOf(fields: GgufFields, hiddenSize: number, heads: number): number {
  const headSize = fields.count('llama.attention.key_length', Number.isInteger(hiddenSize / heads) ? hiddenSize / heads : null);
  const valueSize = fields.count('llama.attention.value_length', headSize);
  const rotated = fields.count('llama.rope.dimension_count', headSize);
  if (headSize % 2 !== 0 || valueSize !== headSize || rotated !== headSize) {
    throw unsupported(
      `heads of ${headSize} (keys) and ${valueSize} (values), of which ${rotated} turn with the position`,
      'an even head size, the same for both, all of which turns',
    );
  }
  return headSize;
}

async function readFactors(file: GgufFile, headSize: number): Promise<Float32Array> {
  const { shape, type } = file.tensors.get(ROPE_FACTORS_TENSOR)!;
  if (shape.length !== 1 || shape[0] !== headSize / 2 || type !== 'F32') {
    throw unsupported(
      `${ROPE_FACTORS_TENSOR} of shape [${shape.join(', ')}] ${type}`,
      `[${headSize / 2}] F32, one number for each pair of a head`,
    );
  }
  return file.readFloat32(ROPE_FACTORS_TENSOR);
}

function rowsOf({ path, tensors }: GgufFile, name: string): number {
  const shape = tensors.get(name)?.shape;
  if (shape?.length === 2) return shape[0]!;
  throw new StrataError('CORRUPT', 'The model is not complete: tensors are missing.', {
    found: shape ? `${name} of shape [${shape.join(', ')}]` : `no ${name} in ${path}`,
    allowed: 'a table with a row for each token',
    hint: 'Download or copy the file again and compare its size with the original.',
  });
}

function epsilonOf(fields: GgufFields, path: string): number {
  const key = 'llama.attention.layer_norm_rms_epsilon';
  const epsilon = fields.number(key);
  if (epsilon !== null && epsilon > 0) return epsilon;
  throw new StrataError('CORRUPT', `The metadata of ${path} is not that of a model.`, {
    found: `${key}: ${epsilon ?? 'nothing'}`,
    allowed: 'a number above 0',
    hint: 'Download the file again, or convert the original model again with a current program.',
  });
}

function unsupported(found: string, allowed: string): StrataError {
  return new StrataError('UNSUPPORTED', 'Strata does not compute this variant of LLaMA yet.', {
    found,
    allowed,
    hint: 'Choose a model without it: leaving it out would give other results.',
  });
}
