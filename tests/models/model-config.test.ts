import { describe, expect, it } from 'vitest';
import { parseModelConfig, toHuggingFaceConfig } from '../../main/models/model-config.ts';
import type { LlamaConfig } from '../../shared/domain/llama-config.ts';

/** The least that says what to compute. */
const least = {
  architectures: ['LlamaForCausalLM'],
  hidden_size: 64,
  intermediate_size: 172,
  num_hidden_layers: 5,
  num_attention_heads: 8,
  vocab_size: 512,
};

const configOf = (fields: Record<string, unknown>): LlamaConfig => parseModelConfig({ ...least, ...fields }).config;

describe('parseModelConfig', () => {
  it('takes what the file says', () => {
    const fields = {
      num_key_value_heads: 4,
      head_dim: 16,
      max_position_embeddings: 1024,
      rms_norm_eps: 1e-5,
      rope_theta: 500_000,
      tie_word_embeddings: true,
      bos_token_id: 7,
      eos_token_id: 8,
    };
    expect(parseModelConfig({ ...least, ...fields })).toEqual({
      architecture: 'LlamaForCausalLM',
      config: {
        hiddenSize: 64,
        intermediateSize: 172,
        blocks: 5,
        heads: 8,
        keyValueHeads: 4,
        headSize: 16,
        vocabularySize: 512,
        contextLength: 1024,
        normEpsilon: 1e-5,
        ropeTheta: 500_000,
        ropeScaling: null,
        slidingWindow: null,
        attentionBias: false,
        mlpBias: false,
        tiedEmbeddings: true,
        bosTokenId: 7,
        eosTokenId: 8,
      },
    });
  });

  it.each([
    {},
    { num_key_value_heads: null, head_dim: null, rope_theta: null, rope_scaling: null, rope_parameters: null, bos_token_id: null },
  ])('has the defaults of transformers for what the file leaves out: %j', (fields) => {
    expect(configOf(fields)).toMatchObject({
      keyValueHeads: 8, // as many as query heads
      headSize: 8, // width by query heads
      contextLength: 2048,
      normEpsilon: 1e-6,
      ropeTheta: 10_000,
      tiedEmbeddings: false,
      bosTokenId: null,
      eosTokenId: null,
    });
  });

  it('knows the architecture by its model type where it is not named', () => {
    expect(parseModelConfig({ ...least, architectures: undefined, model_type: 'llama' }).architecture).toBe('LlamaForCausalLM');
    expect(parseModelConfig({ ...least, architectures: [], model_type: 'llama' }).architecture).toBe('LlamaForCausalLM');
  });

  it('takes the first of several end tokens', () => {
    expect(configOf({ eos_token_id: [128_001, 128_008] }).eosTokenId).toBe(128_001);
  });

  it.each([
    [{ rope_parameters: { rope_theta: 130_000, rope_type: 'default' } }, 130_000],
    [{ rope_parameters: { rope_theta: 130_000 }, rope_theta: 10_000 }, 130_000],
    [{ rope_parameters: { rope_type: 'default' }, rope_theta: 250_000 }, 250_000],
    [{ rope_scaling: { type: 'default', rope_theta: 42_000 } }, 42_000],
    [{ rope_scaling: null, rope_theta: 42_000 }, 42_000],
  ])('finds the rotary base in the newer form and the older one: %j', (fields, expected) => {
    expect(configOf(fields).ropeTheta).toBe(expected);
  });

  it('allows heads that do not make up the width', () => {
    expect(configOf({ head_dim: 32 })).toMatchObject({ heads: 8, headSize: 32, hiddenSize: 64 });
  });
});

describe('variants:', () => {
  it('biases, of attention and of the MLP', () => {
    expect(configOf({ attention_bias: true })).toMatchObject({ attentionBias: true, mlpBias: false });
    expect(configOf({ mlp_bias: true })).toMatchObject({ attentionBias: false, mlpBias: true });
  });

  it.each([
    [
      { type: 'linear', factor: 2 },
      { type: 'linear', factor: 2 },
    ],
    [
      { rope_type: 'dynamic', factor: 4 },
      { type: 'dynamic', factor: 4 },
    ],
    [
      { rope_type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 },
      { type: 'llama3', factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContextLength: 8192 },
    ],
    [
      { rope_type: 'yarn', factor: 4 },
      {
        type: 'yarn',
        factor: 4,
        originalContextLength: 1024,
        betaFast: 32,
        betaSlow: 1,
        attentionFactor: 0.1 * Math.log(4) + 1,
        truncate: true,
      },
    ],
    [
      {
        type: 'yarn',
        factor: 4,
        original_max_position_embeddings: 256,
        beta_fast: 16,
        beta_slow: 2,
        attention_factor: 1.5,
        truncate: false,
      },
      { type: 'yarn', factor: 4, originalContextLength: 256, betaFast: 16, betaSlow: 2, attentionFactor: 1.5, truncate: false },
    ],
  ])('stretched rotary positions in both forms, and written again: %j', (rope, ropeScaling) => {
    const fields = { max_position_embeddings: 1024 };
    expect(configOf({ ...fields, rope_scaling: rope })).toMatchObject({ ropeTheta: 10_000, ropeScaling });
    const newer = configOf({ ...fields, rope_parameters: { ...rope, rope_theta: 7 }, rope_scaling: { type: 'linear', factor: 99 } });
    expect(newer).toMatchObject({ ropeTheta: 7, ropeScaling });
    expect(parseModelConfig(toHuggingFaceConfig(newer)).config).toEqual(newer);
  });

  it.each([
    [{ type: 'linear' }, 'factor', 'factor: a number of at least 1'],
    [{ rope_type: 'dynamic' }, 'factor', 'factor: a number of at least 1'],
    [{ rope_type: 'yarn' }, 'factor', 'factor: a number of at least 1'],
    [
      { rope_type: 'llama3', factor: 8, high_freq_factor: 4 },
      'low_freq_factor, original_max_position_embeddings',
      'low_freq_factor: a number above 0; original_max_position_embeddings: a whole number of at least 1',
    ],
  ])('a scaling without a number that it needs is refused: %j', (rope, fields, allowed) => {
    for (const named of ['rope_scaling', 'rope_parameters']) {
      expect(() => configOf({ [named]: rope })).toThrow(
        expect.objectContaining({
          code: 'CORRUPT',
          found: `${named} without ${fields}`,
          allowed,
          hint: expect.stringContaining(`add ${fields} to ${named}`) as string,
        }),
      );
    }
  });

  it.each([
    [{ factor: 2 }, 'rope_scaling with factor 2 and no rope_type'],
    [{ type: 'default', factor: 4 }, 'rope_scaling with factor 4 and rope_type "default"'],
  ])('a factor that nothing says how to use is refused: %j', (rope, found) => {
    expect(() => configOf({ rope_scaling: rope })).toThrow(
      expect.objectContaining({ code: 'CORRUPT', found, allowed: 'rope_type: linear, dynamic, llama3, yarn; or no factor' }),
    );
  });

  it('Mistral, with its sliding window, has the defaults of transformers, which are not those of LLaMA', () => {
    const mistral = { architectures: ['MistralForCausalLM'] };
    expect(configOf({ ...mistral, num_key_value_heads: undefined })).toMatchObject({
      keyValueHeads: 8,
      contextLength: 131_072,
      slidingWindow: 4096,
    });
    expect(configOf({ ...mistral, sliding_window: null }).slidingWindow).toBeNull();
    const windowed = parseModelConfig({ ...least, ...mistral, sliding_window: 16 });
    expect(windowed).toMatchObject({ architecture: 'MistralForCausalLM', config: { slidingWindow: 16 } });
    expect(parseModelConfig(toHuggingFaceConfig(windowed.config))).toEqual(windowed);
    expect(parseModelConfig({ ...least, architectures: undefined, model_type: 'mistral' }).architecture).toBe('MistralForCausalLM');
  });

  it('LlamaForCausalLM has no sliding window, whatever its file says', () => {
    expect(configOf({ sliding_window: 16 }).slidingWindow).toBeNull();
  });
});

const ALLOWED = 'LlamaForCausalLM, MistralForCausalLM';
const ROPES = 'default, linear, dynamic, llama3, yarn';

describe('what Strata does not compute is refused by name:', () => {
  it.each([
    [{ architectures: ['Qwen2ForCausalLM'] }, 'Qwen2ForCausalLM', ALLOWED],
    [{ architectures: ['MixtralForCausalLM'], model_type: 'mixtral' }, 'MixtralForCausalLM', ALLOWED],
    [{ architectures: ['LlamaForSequenceClassification'], model_type: 'llama' }, 'LlamaForSequenceClassification', ALLOWED],
    [{ architectures: undefined, model_type: 'qwen2' }, 'model_type "qwen2"', ALLOWED],
    [{ architectures: undefined }, 'model_type null', ALLOWED],
    [{ rope_scaling: { type: 'longrope', factor: 2 } }, 'rotary positions of type "longrope"', ROPES],
    [{ rope_parameters: { rope_type: 'su', rope_theta: 10_000 } }, 'rotary positions of type "su"', ROPES],
    [{ partial_rotary_factor: 0.5 }, 'rotary positions on a part of each head (0.5)', 'the whole head'],
    [{ rope_parameters: { partial_rotary_factor: 0.25 } }, 'rotary positions on a part of each head (0.25)', 'the whole head'],
    [{ quantization_config: { quant_method: 'gptq', bits: 4 } }, 'weights quantised by gptq', 'F32, F16 or BF16'],
    [{ hidden_act: 'gelu' }, 'activation gelu', 'silu'],
    [{ use_qk_norm: true }, 'norms of queries and keys (use_qk_norm)', 'none'],
    [{ qk_layernorm: true }, 'norms of queries and keys (qk_layernorm)', 'none'],
  ])('%j', (fields, found, allowed) => {
    expect(() => configOf(fields)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED', found, allowed }));
  });

  it('and what says that it is as usual is not', () => {
    const usual = {
      attention_bias: false,
      mlp_bias: false,
      sliding_window: null,
      hidden_act: 'silu',
      rope_scaling: { type: 'default' },
      quantization_config: null,
      use_qk_norm: false,
      partial_rotary_factor: 1,
    };
    expect(configOf(usual)).toEqual(configOf({}));
  });
});

describe('impossible numbers are refused, with their field:', () => {
  it.each([
    [{ hidden_size: undefined }, 'hidden_size'],
    [{ vocab_size: undefined }, 'vocab_size'],
    [{ num_hidden_layers: undefined }, 'num_hidden_layers'],
    [{ vocab_size: 0 }, 'vocab_size'],
    [{ vocab_size: -1 }, 'vocab_size'],
    [{ vocab_size: 1e12 }, 'vocab_size'],
    [{ vocab_size: '512' }, 'vocab_size'],
    [{ hidden_size: 64.5 }, 'hidden_size'],
    [{ hidden_size: 10_000_000 }, 'hidden_size'],
    [{ num_hidden_layers: 0 }, 'num_hidden_layers'],
    [{ num_hidden_layers: 100_000 }, 'num_hidden_layers'],
    [{ intermediate_size: 0 }, 'intermediate_size'],
    [{ num_key_value_heads: 0 }, 'num_key_value_heads'],
    [{ head_dim: -8 }, 'head_dim'],
    [{ max_position_embeddings: 0 }, 'max_position_embeddings'],
    [{ rms_norm_eps: 0 }, 'rms_norm_eps'],
    [{ rms_norm_eps: null }, 'rms_norm_eps'],
    [{ rope_theta: -1 }, 'rope_theta'],
    [{ rope_parameters: { rope_theta: '10000' } }, 'rope_parameters.rope_theta'],
    [{ rope_scaling: 'linear' }, 'rope_scaling'],
    [{ tie_word_embeddings: 'yes' }, 'tie_word_embeddings'],
    [{ bos_token_id: -2 }, 'bos_token_id'],
    [{ eos_token_id: [] }, 'eos_token_id'],
  ])('%j', (fields, field) => {
    expect(() => configOf(fields)).toThrow(
      expect.objectContaining({
        code: 'CORRUPT',
        message: 'config.json has missing or impossible values.',
        found: expect.stringMatching(new RegExp(`^${field.replace('.', '\\.')}: `)) as string,
        allowed: expect.stringMatching(new RegExp(`^${field.replace('.', '\\.')}: (at|more|a|an|true) `)) as string,
      }),
    );
  });

  it.each([
    [{ vocab_size: 0 }, 'vocab_size: 0', 'vocab_size: at least 1'],
    [{ num_hidden_layers: undefined }, 'num_hidden_layers: nothing', 'num_hidden_layers: a number'],
    [{ hidden_size: 64.5 }, 'hidden_size: 64.5', 'hidden_size: a whole number'],
    [{ rms_norm_eps: 0 }, 'rms_norm_eps: 0', 'rms_norm_eps: more than 0'],
    [{ tie_word_embeddings: 'yes' }, 'tie_word_embeddings: "yes"', 'tie_word_embeddings: true or false'],
    [{ eos_token_id: [] }, 'eos_token_id: []', 'eos_token_id: a list of at least 1'],
    [{ eos_token_id: '2' }, 'eos_token_id: "2"', 'eos_token_id: an id such as 2, a list of them, or null'],
  ])('with what was found and what is allowed, in plain words: %j', (fields, found, allowed) => {
    expect(() => configOf(fields)).toThrow(expect.objectContaining({ found, allowed }));
  });

  it('all of them at once', () => {
    expect(() => configOf({ vocab_size: 0, hidden_size: undefined })).toThrow(
      expect.objectContaining({ found: expect.stringMatching(/^hidden_size: .*; vocab_size: /) as string }),
    );
  });

  it.each([
    [{ num_key_value_heads: 3 }, 'width 64, 8 query heads, 3 key/value heads, head size 8'],
    [{ num_key_value_heads: 16 }, 'width 64, 8 query heads, 16 key/value heads, head size 8'],
    [{ num_attention_heads: 7 }, `width 64, 7 query heads, 7 key/value heads, head size ${64 / 7}`],
    [{ head_dim: 9 }, 'width 64, 8 query heads, 8 key/value heads, head size 9'],
  ])('heads that do not fit together: %j', (fields, found) => {
    expect(() => configOf(fields)).toThrow(expect.objectContaining({ code: 'CORRUPT', found }));
  });

  it.each([null, 'text', 7, undefined, [], [least]])('no object at all: %j', (json) => {
    expect(() => parseModelConfig(json)).toThrow(expect.objectContaining({ code: 'CORRUPT', allowed: 'a JSON object' }));
  });
});

describe('toHuggingFaceConfig', () => {
  const everything = {
    ...least,
    num_key_value_heads: 2,
    head_dim: 32,
    max_position_embeddings: 777,
    rms_norm_eps: 2e-5,
    tie_word_embeddings: true,
    bos_token_id: 3,
    eos_token_id: [4, 5],
  };

  it.each([
    ['the older form', { ...everything, rope_theta: 77_000 }],
    ['the newer form', { ...everything, rope_parameters: { rope_type: 'default', rope_theta: 77_000 } }],
    ['the least', least],
  ])('gives what is read as the same model: %s', (_what, json) => {
    const { config } = parseModelConfig(json);
    const written = JSON.parse(JSON.stringify(toHuggingFaceConfig(config, json))) as Record<string, unknown>;
    expect(parseModelConfig(written).config).toEqual(config);
    expect(written).toMatchObject({ model_type: 'llama', hidden_act: 'silu', attention_bias: false, mlp_bias: false });
  });

  it('names the rotary base as older versions of transformers look for it, too', () => {
    const json = { ...everything, rope_parameters: { rope_type: 'default', rope_theta: 77_000 } };
    const written = toHuggingFaceConfig(parseModelConfig(json).config, json);
    expect(written).toMatchObject({ rope_theta: 77_000, rope_parameters: json.rope_parameters });
  });

  it('keeps what it does not touch, all end tokens, and says the type of the weights in the words of the original', () => {
    const json = { ...everything, initializer_range: 0.02, custom: { a: 1 }, dtype: 'float32' };
    const written = toHuggingFaceConfig({ ...parseModelConfig(json).config, blocks: 9 }, json, 'bfloat16');
    expect(written).toMatchObject({
      initializer_range: 0.02,
      custom: { a: 1 },
      num_hidden_layers: 9,
      eos_token_id: [4, 5],
      dtype: 'bfloat16',
      torch_dtype: 'bfloat16',
    });
  });
});
