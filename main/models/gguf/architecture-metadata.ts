import type { LlamaConfig, RopeScaling } from '../../../shared/domain/llama-config.ts';
import { StrataError } from '../../../shared/errors.ts';
import type { GgufExportType } from './quantise.ts';
import type { GgufMetadata } from './write-gguf.ts';

/** `general.file_type`: what most of the file's matrices are stored as (`llama_ftype` of llama.cpp). */
const FILE_TYPES: Readonly<Record<GgufExportType, number>> = { F32: 0, F16: 1, BF16: 32, Q8_0: 7, Q4_0: 2 };
/** The version of the quantised blocks' layout (`GGML_QNT_VERSION`). */
const QUANTISATION_VERSION = 2;
/** YaRN's two limits, in rotations, which llama.cpp takes for this architecture whatever a file says. */
const YARN_BETAS = { fast: 32, slow: 1 };

/**
 * What llama.cpp has to know to compute a model as its `llama` architecture does, and what it cannot be told, in words.
 * @throws StrataError UNSUPPORTED when llama.cpp would compute something else.
 */
export function architectureMetadata(
  config: LlamaConfig,
  name: string,
  dtype: GgufExportType,
): { metadata: Map<string, GgufMetadata>; notes: string[] } {
  refuseWindow(config);
  const uint32 = (value: number): GgufMetadata => ({ type: 'uint32', value });
  const float32 = (value: number): GgufMetadata => ({ type: 'float32', value });
  const text = (value: string): GgufMetadata => ({ type: 'string', value });
  const metadata = new Map<string, GgufMetadata>([
    ['general.architecture', text('llama')],
    ['general.type', text('model')],
    ['general.name', text(name)],
    ['general.file_type', uint32(FILE_TYPES[dtype])],
    ['general.quantization_version', uint32(QUANTISATION_VERSION)],
    ['llama.vocab_size', uint32(config.vocabularySize)],
    ['llama.context_length', uint32(config.contextLength)],
    ['llama.embedding_length', uint32(config.hiddenSize)],
    ['llama.block_count', uint32(config.blocks)],
    ['llama.feed_forward_length', uint32(config.intermediateSize)],
    ['llama.attention.head_count', uint32(config.heads)],
    ['llama.attention.head_count_kv', uint32(config.keyValueHeads)],
    ['llama.attention.key_length', uint32(config.headSize)],
    ['llama.attention.value_length', uint32(config.headSize)],
    ['llama.attention.layer_norm_rms_epsilon', float32(config.normEpsilon)],
    ['llama.rope.dimension_count', uint32(config.headSize)],
    ['llama.rope.freq_base', float32(config.ropeTheta)],
  ]);
  const notes: string[] = [];
  const scaling = config.ropeScaling;
  if (scaling?.type === 'linear') {
    metadata.set('llama.rope.scaling.type', text('linear')).set('llama.rope.scaling.factor', float32(scaling.factor));
  } else if (scaling?.type === 'yarn') {
    refuseOtherYarn(scaling);
    metadata
      .set('llama.rope.scaling.type', text('yarn'))
      .set('llama.rope.scaling.factor', float32(scaling.factor))
      .set('llama.rope.scaling.original_context_length', uint32(scaling.originalContextLength))
      // llama.cpp multiplies the tables with the paper's own factor; this is what remains to the model's.
      .set('llama.rope.scaling.attn_factor', float32(scaling.attentionFactor / (1 + 0.1 * Math.log(Math.max(1, scaling.factor)))));
  } else if (scaling?.type === 'dynamic') {
    notes.push(
      `Its rotary positions are stretched dynamically beyond ${config.contextLength} tokens, which GGUF cannot say: up to there the exported model computes the same, and longer texts are not for it.`,
    );
  }
  return { metadata, notes };
}

/** A window at least as long as the context hides nothing; llama.cpp's `llama` architecture has no shorter one. */
function refuseWindow({ slidingWindow, contextLength }: LlamaConfig): void {
  if (slidingWindow === null || slidingWindow >= contextLength) return;
  throw new StrataError('UNSUPPORTED', 'llama.cpp has no sliding window for this architecture: it would compute something else.', {
    found: `a window of ${slidingWindow} tokens in a context of ${contextLength}`,
    allowed: 'no window, or one as long as the context',
    hint: `With max_position_embeddings ${slidingWindow} in config.json the model can be exported, for texts up to that length.`,
  });
}

function refuseOtherYarn({ betaFast, betaSlow, truncate }: RopeScaling & { type: 'yarn' }): void {
  if (betaFast === YARN_BETAS.fast && betaSlow === YARN_BETAS.slow && truncate) return;
  throw new StrataError('UNSUPPORTED', 'llama.cpp computes these rotary positions in another way.', {
    found: `YaRN with beta_fast ${betaFast}, beta_slow ${betaSlow}, truncate ${truncate}`,
    allowed: `beta_fast ${YARN_BETAS.fast}, beta_slow ${YARN_BETAS.slow}, truncate true`,
    hint: 'Export it as a Hugging Face folder instead.',
  });
}
