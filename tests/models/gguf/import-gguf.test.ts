import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeGgufFolder } from '../../../main/models/gguf/import-gguf.ts';
import { openModelFolder } from '../../../main/models/model-folder.ts';
import { loadTokenizer } from '../../../main/models/tokenizer.ts';
import {
  flag,
  ggufBytes,
  type RawGguf,
  type RawValue,
  raw,
  real,
  realList,
  rawArray,
  tinyGguf,
  TINY_TOKENS,
  uint64,
  whole,
  wholeList,
  wordList,
  words,
} from '../../support/gguf-bytes.ts';
import { readRawModel } from '../../support/raw-models.ts';
import { sharedData } from '../../support/shared-data.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const folder = useTemporaryFolder();
const fixtures = join(import.meta.dirname, '../../fixtures/gguf');

async function imported(source: string | Buffer): Promise<string> {
  const path = typeof source === 'string' ? source : await folder.write('in/model.gguf', source);
  const out = join(folder.path, 'out');
  await mkdir(out, { recursive: true });
  await writeGgufFolder(path, out);
  return out;
}

type Change = (file: RawGguf) => void;
const changed = (change: Change): Buffer => {
  const file = tinyGguf();
  change(file);
  return ggufBytes(file);
};
const set =
  (values: Record<string, RawValue | null>): Change =>
  ({ metadata }) => {
    for (const [key, value] of Object.entries(values)) {
      if (value === null) metadata.delete(key);
      else metadata.set(key, value);
    }
  };
const add =
  (name: string, shape: number[], values: readonly number[]): Change =>
  ({ tensors }) => {
    tensors.push({ name, shape, bytes: Buffer.from(Float32Array.from(values).buffer) });
  };
const json = async (directory: string, name: string): Promise<Record<string, unknown>> =>
  JSON.parse(await readFile(join(directory, name), 'utf8')) as Record<string, unknown>;
const floats = (bytes: Buffer): Float32Array => new Float32Array(new Uint8Array(bytes).buffer);

describe('a model that the Python package wrote', () => {
  it('has the tensors that transformers reads from it, byte for byte', async () => {
    const expected = JSON.parse(await readFile(join(fixtures, 'tiny.json'), 'utf8')) as Record<string, string>;
    const { tensors } = await readRawModel(await imported(join(fixtures, 'tiny.gguf')));
    const hashes = [...tensors].map(([name, { bytes }]) => [name, createHash('sha256').update(bytes).digest('hex')] as const);
    expect(Object.fromEntries(hashes)).toEqual(expected);
    expect(tensors.get('model.layers.1.self_attn.k_proj.weight')!.dtype).toBe('F16');
    expect(tensors.get('model.norm.weight')!.dtype).toBe('F32');
  });

  it('becomes a folder that opens, with configuration, tokenizer, template, ends and licence', async () => {
    const directory = await imported(join(fixtures, 'tiny.gguf'));
    const model = await openModelFolder(directory);
    expect(model.config).toMatchObject({
      hiddenSize: 16,
      intermediateSize: 32,
      blocks: 2,
      heads: 2,
      keyValueHeads: 1,
      headSize: 8,
      vocabularySize: 264,
      contextLength: 64,
      normEpsilon: 1e-5,
      ropeTheta: 10_000,
      ropeScaling: null,
      tiedEmbeddings: true,
      bosTokenId: 256,
      eosTokenId: 257,
    });
    await model.close();
    expect(await json(directory, 'config.json')).toMatchObject({ torch_dtype: 'float16', rms_norm_eps: 1e-5 });
    expect(await json(directory, 'tokenizer_config.json')).toMatchObject({
      bos_token: '<s>',
      eos_token: '</s>',
      add_bos_token: true,
      chat_template: '{{ messages }}',
      model_max_length: 64,
    });
    expect(await json(directory, 'generation_config.json')).toEqual({ bos_token_id: 256, eos_token_id: 257 });
    expect(await readFile(join(directory, 'README.md'), 'utf8')).toBe(
      '---\nlicense: "cc0-1.0"\n---\n\n# Small random LLaMA\n\nImported from the GGUF file tiny.gguf.\n',
    );
    const tokenizer = await loadTokenizer(directory);
    const ids = [256, 259, 32, 258, 195, 169, 260, 32, 261]; // <tool> is the user's own token, </s> a sign
    expect(tokenizer.encode('the thé the <tool>')).toEqual(ids);
    expect(tokenizer.encode('the thé the <tool></s>', { interpretSpecialTokens: true })).toEqual([...ids, 257]);
    expect(tokenizer.decode(tokenizer.encode('the thé'))).toBe('the thé');
  });
});

describe('weights', () => {
  it('have the rows of queries and keys in the order of Hugging Face, biases too', async () => {
    const { tensors } = await readRawModel(
      await imported(
        changed((file) => {
          add('blk.1.attn_q.bias', [8], [0, 1, 2, 3, 4, 5, 6, 7])(file);
          add('blk.0.attn_k.bias', [4], [0, 1, 2, 3])(file);
        }),
      ),
    );
    const source = new Map(tinyGguf().tensors.map(({ name, bytes }) => [name, floats(bytes)]));
    const rows = (values: Float32Array, order: readonly number[]): number[] =>
      order.flatMap((row) => [...values.subarray(row * 8, row * 8 + 8)]);
    const at = (name: string): number[] => [...floats(tensors.get(`model.layers.${name}`)!.bytes)];
    expect(at('0.self_attn.q_proj.weight')).toEqual(rows(source.get('blk.0.attn_q.weight')!, [0, 2, 1, 3, 4, 6, 5, 7]));
    expect(at('0.self_attn.k_proj.weight')).toEqual(rows(source.get('blk.0.attn_k.weight')!, [0, 2, 1, 3]));
    expect(at('0.self_attn.v_proj.weight')).toEqual([...source.get('blk.0.attn_v.weight')!]);
    expect(at('1.self_attn.q_proj.bias')).toEqual([0, 2, 1, 3, 4, 6, 5, 7]);
    expect(at('0.self_attn.k_proj.bias')).toEqual([0, 2, 1, 3]);
    // A bias that is not there adds nothing.
    expect(at('0.self_attn.q_proj.bias')).toEqual(Array(8).fill(0));
    expect(at('1.self_attn.o_proj.bias')).toEqual(Array(8).fill(0));
    expect(tensors.has('model.layers.0.mlp.up_proj.bias')).toBe(false);
  });

  it('larger than a piece come out whole', async () => {
    const rows = 200_000; // of 32 bytes are 6.4 MB
    const values = Float32Array.from({ length: rows * 8 }, (_, index) => index % 65_521);
    const bytes = changed((file) => {
      add('output.weight', [rows, 8], [...values])(file);
      file.tensors[0] = { name: 'token_embd.weight', shape: [rows, 8], bytes: Buffer.from(values.buffer) };
      // 512 heads of 400: the projection of the queries is larger than a piece too.
      const sizes = { 'llama.attention.key_length': 400, 'llama.attention.value_length': 400, 'llama.rope.dimension_count': 400 };
      set({
        'llama.attention.head_count': whole(512),
        ...Object.fromEntries(Object.entries(sizes).map(([key, size]) => [key, whole(size)])),
      })(file);
      const wide = Float32Array.from({ length: 204_800 * 8 }, (_, index) => Math.floor(index / 8));
      for (const block of [0, 1]) {
        for (const [role, shape] of [
          ['q', [204_800, 8]],
          ['k', [400, 8]],
          ['v', [400, 8]],
          ['output', [8, 204_800]],
        ] as const) {
          const tensor = file.tensors.find(({ name }) => name === `blk.${block}.attn_${role}.weight`)!;
          Object.assign(tensor, { shape, bytes: Buffer.from(wide.buffer, 0, shape[0] * shape[1] * 4) });
        }
      }
    });
    const { tensors } = await readRawModel(await imported(bytes));
    expect(Buffer.from(values.buffer).equals(tensors.get('lm_head.weight')!.bytes)).toBe(true);
    const query = floats(tensors.get('model.layers.1.self_attn.q_proj.weight')!.bytes);
    const rowsFound = [0, 1, 200, 400, 601, 200_000, 200_001].map((row) => query[row * 8]);
    expect(rowsFound).toEqual([0, 2, 1, 400, 403, 200_000, 200_002]);
  });

  it.each([
    ['infinite', Infinity],
    ['not a number', NaN],
  ])('that are %s are refused', async (_what, value) => {
    const bytes = changed(({ tensors }) => {
      tensors.find(({ name }) => name === 'blk.1.ffn_up.weight')!.bytes.writeFloatLE(value, 40);
    });
    await expect(imported(bytes)).rejects.toMatchObject({
      code: 'CORRUPT',
      message: 'Tensor blk.1.ffn_up.weight is damaged.',
      found: 'weights that are not finite',
    });
  });

  it.each<[string, Change, object]>([
    [
      'of which some are missing',
      ({ tensors }) => tensors.splice(3, 2),
      { code: 'CORRUPT', found: expect.stringMatching(/^no blk\.0\.attn_k\.weight, blk\.0\.attn_v\.weight in /) as string },
    ],
    [
      'without an embedding',
      ({ tensors }) => tensors.shift(),
      { code: 'CORRUPT', found: expect.stringMatching(/^no token_embd\.weight in /) as string },
    ],
    [
      'in another shape',
      set({ 'llama.feed_forward_length': whole(16) }),
      {
        code: 'CORRUPT',
        message: 'Tensor blk.0.ffn_gate.weight has the wrong shape.',
        allowed: '[16, 8], as the metadata says',
      },
    ],
    [
      'that LLaMA has not',
      add('blk.0.attn_q_norm.weight', [4], [1, 1, 1, 1]),
      { code: 'UNSUPPORTED', message: 'The model has tensors that Strata does not know in a LLaMA.', found: 'blk.0.attn_q_norm.weight' },
    ],
    [
      'of more blocks than it says',
      set({ 'llama.block_count': whole(1) }),
      {
        code: 'CORRUPT', // as with too many, below: the file contradicts itself
        message: 'The model has more blocks than its metadata says.',
        found: expect.stringMatching(/^blk\.1\..* and 6 more$/) as string,
      },
    ],
    [
      'of fewer blocks than it says',
      set({ 'llama.block_count': whole(3) }),
      { code: 'CORRUPT', found: expect.stringMatching(/^no blk\.2\./) as string },
    ],
    [
      'of billions of blocks',
      set({ 'llama.block_count': whole(4_000_000_000) }),
      { code: 'CORRUPT', found: expect.stringMatching(/^4000000000 blocks in 20 tensors/) as string },
    ],
  ])('%s are refused', async (_what, change, expected) => {
    await expect(imported(changed(change))).rejects.toMatchObject(expected);
  });
});

describe('architectures', () => {
  it.each(['qwen2', 'gemma', 'phi3', 'llama4', 'mistral3', 'deepseek2'])('%s is refused by name', async (name) => {
    await expect(imported(changed(set({ 'general.architecture': words(name) })))).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: 'Strata does not know this architecture.',
      found: name,
      allowed: 'llama (LLaMA and Mistral models)',
    });
  });

  it.each<[string, Record<string, RawValue | null>, string]>([
    ['nothing said', { 'general.architecture': null }, 'a GGUF file without general.architecture'],
    ['experts', { 'llama.expert_count': whole(8) }, 'a mixture of 8 experts'],
    ['an adapter', { 'general.type': words('adapter') }, 'a file of type "adapter"'],
    ['key/value heads that differ', { 'llama.attention.head_count_kv': wholeList([1, 2]) }, 'llama.attention.head_count_kv [1, 2]'],
    [
      'a part of the head turned',
      { 'llama.rope.dimension_count': whole(2) },
      'heads of 4 (keys) and 4 (values), of which 2 turn with the position',
    ],
    [
      'values of another size',
      { 'llama.attention.value_length': whole(8) },
      'heads of 4 (keys) and 8 (values), of which 4 turn with the position',
    ],
    ['scaled logits', { 'llama.logit_scale': real(0.5) }, 'llama.logit_scale 0.5'],
    ['attention to later tokens', { 'llama.attention.causal': flag(false) }, 'attention to later tokens'],
    ['a parallel MLP', { 'llama.use_parallel_residual': flag(true) }, 'attention and MLP side by side'],
  ])('with %s are refused', async (_what, change, found) => {
    await expect(imported(changed(set(change)))).rejects.toMatchObject({ code: 'UNSUPPORTED', found });
  });

  it.each<[string, Record<string, RawValue | null>, string]>([
    ['no context', { 'llama.context_length': null }, 'llama.context_length: nothing'],
    ['a context in words', { 'llama.context_length': words('long') }, 'llama.context_length: "long"'],
    ['a negative width', { 'llama.embedding_length': raw('int64', uint64(2n ** 64n - 8n)) }, 'llama.embedding_length: -8'],
    ['no epsilon', { 'llama.attention.layer_norm_rms_epsilon': null }, 'llama.attention.layer_norm_rms_epsilon: nothing'],
    [
      'an endless epsilon',
      { 'llama.attention.layer_norm_rms_epsilon': real(Infinity) },
      'llama.attention.layer_norm_rms_epsilon: Infinity',
    ],
  ])('with %s in their metadata are refused', async (_what, change, found) => {
    await expect(imported(changed(set(change)))).rejects.toMatchObject({ code: 'CORRUPT', found });
  });

  it('with the same number for every block, and a sliding window, are taken', async () => {
    const change = set({ 'llama.attention.head_count_kv': wholeList([1, 1]), 'llama.attention.sliding_window': whole(16) });
    expect(await json(await imported(changed(change)), 'config.json')).toMatchObject({
      architectures: ['MistralForCausalLM'],
      num_key_value_heads: 1,
      sliding_window: 16,
    });
  });
});

describe('rotary positions', () => {
  const scaled = (values: Record<string, RawValue>, tensor: Change = () => undefined): Buffer =>
    changed((file) => {
      set({ 'llama.context_length': whole(8192), ...values })(file);
      tensor(file);
    });
  const scalingOf = async (bytes: Buffer): Promise<unknown> => (await json(await imported(bytes), 'config.json')).rope_scaling;

  it('keep base and factors as their maker wrote them', async () => {
    expect(
      await json(
        await imported(
          scaled({
            'llama.rope.freq_base': real(500_000),
            'llama.rope.scaling.type': words('linear'),
            'llama.rope.scaling.factor': real(1.1),
          }),
        ),
        'config.json',
      ),
    ).toMatchObject({ rope_theta: 500_000, rope_scaling: { rope_type: 'linear', factor: 1.1 }, max_position_embeddings: 8192 });
    expect(await scalingOf(scaled({ 'llama.rope.scale_linear': real(4) }))).toEqual({ rope_type: 'linear', factor: 4 });
    expect(await scalingOf(scaled({ 'llama.rope.scaling.type': words('none'), 'llama.rope.scaling.factor': real(4) }))).toBeUndefined();
    expect(await scalingOf(scaled({ 'llama.rope.scaling.factor': real(0) }))).toBeUndefined();
  });

  it('of YaRN have all its numbers, and the context that they make', async () => {
    const yarn = {
      'llama.rope.scaling.type': words('yarn'),
      'llama.rope.scaling.factor': real(4),
      'llama.rope.scaling.original_context_length': whole(4096),
      'llama.rope.scaling.attn_factor': real(0.5),
      'llama.rope.scaling.yarn_beta_fast': real(16),
    };
    const config = await json(await imported(scaled(yarn)), 'config.json');
    expect(config.max_position_embeddings).toBe(16_384);
    expect(config.rope_scaling).toEqual({
      rope_type: 'yarn',
      factor: 4,
      original_max_position_embeddings: 4096,
      beta_fast: 16,
      beta_slow: 1,
      attention_factor: 0.5 * (0.1 * Math.log(4) + 1),
      truncate: true,
    });
  });

  /** Llama 3's formula, written another way: by wavelengths, as its authors did. */
  const factors = (factor: number, low: number, high: number, context: number, theta = 10_000): number[] =>
    [0, 2].map((power) => {
      const wavelength = 2 * Math.PI * theta ** (power / 4);
      if (wavelength < context / high) return 1;
      if (wavelength > context / low) return factor;
      const smooth = (context / wavelength - low) / (high - low);
      return 1 / ((1 - smooth) / factor + smooth);
    });

  it.each([
    [8, 1, 4, 8192, 1e8],
    [32, 1, 4, 256, 1e4],
    [2.5, 1, 4, 1024, 1e5],
  ])('of Llama 3 are found by their factors (%d, %d, %d, %d)', async (factor, low, high, context, theta) => {
    const values = factors(factor, low, high, context, theta);
    expect(values).toContain(factor);
    const found = await scalingOf(
      scaled(
        { 'llama.rope.freq_base': real(theta), 'llama.rope.scaling.original_context_length': whole(context) },
        add('rope_freqs.weight', [2], values),
      ),
    );
    expect(found).toEqual({
      rope_type: 'llama3',
      factor,
      low_freq_factor: low,
      high_freq_factor: high,
      original_max_position_embeddings: context,
    });
  });

  it('whose factors are all one are plain', async () => {
    expect(await scalingOf(scaled({}, add('rope_freqs.weight', [2], [1, 1])))).toBeUndefined();
  });

  it.each<[string, Record<string, RawValue>, Change, string | RegExp]>([
    ['of another kind', { 'llama.rope.scaling.type': words('longrope') }, () => undefined, 'llama.rope.scaling.type "longrope"'],
    ['that shrink', { 'llama.rope.scaling.factor': real(0.5) }, () => undefined, 'llama.rope.scaling.factor 0.5'],
    ['with a base of 0', { 'llama.rope.freq_base': real(0) }, () => undefined, 'a base of 0'],
    [
      'of YaRN with a logarithmic multiplier',
      {
        'llama.rope.scaling.type': words('yarn'),
        'llama.rope.scaling.factor': real(4),
        'llama.rope.scaling.yarn_log_multiplier': real(0.1),
      },
      () => undefined,
      'llama.rope.scaling.yarn_log_multiplier 0.1',
    ],
    ['with factors of no formula', {}, add('rope_freqs.weight', [2], [3, 2]), 'rope_freqs.weight: 3, 2'],
    ['with factors below one', {}, add('rope_freqs.weight', [2], [1, 0.5]), 'rope_freqs.weight: 1, 0.5'],
    ['with too many factors', {}, add('rope_freqs.weight', [3], [1, 1, 8]), 'rope_freqs.weight of shape [3] F32'],
    [
      'with factors and a stretch',
      { 'llama.rope.scaling.factor': real(2) },
      add('rope_freqs.weight', [2], [1, 8]),
      /together with rope_freqs\.weight$/,
    ],
  ])('%s are refused', async (_what, values, tensor, found) => {
    await expect(imported(scaled(values, tensor))).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      found: typeof found === 'string' ? found : (expect.stringMatching(found) as string),
    });
  });
});

describe('a tokenizer of SentencePiece pieces', () => {
  it('merges the neighbours whose piece has the best score', async () => {
    const directory = await imported(ggufBytes(tinyGguf()));
    const tokenizer = await loadTokenizer(directory);
    expect(tokenizer.encode('ab a')).toEqual([1, 7, 3, 4]);
    expect(tokenizer.encode('</s>', { interpretSpecialTokens: true })).toEqual([1, 2]);
    expect([tokenizer.bosTokenId, tokenizer.eosTokenId, tokenizer.vocabularySize]).toEqual([1, 2, 8]);
    expect(await json(directory, 'tokenizer_config.json')).toMatchObject({ unk_token: '<unk>', pad_token: null, add_bos_token: true });
  });

  it('follows what the file says about start, end and blanks', async () => {
    const change = set({
      'tokenizer.ggml.add_bos_token': flag(false),
      'tokenizer.ggml.add_eos_token': flag(true),
      'tokenizer.ggml.add_space_prefix': flag(false),
      'tokenizer.ggml.eot_token_id': whole(6),
      'tokenizer.ggml.padding_token_id': whole(0),
    });
    const directory = await imported(changed(change));
    expect((await loadTokenizer(directory)).encode('ab')).toEqual([6, 2]);
    expect(await json(directory, 'generation_config.json')).toEqual({ bos_token_id: 1, eos_token_id: [2, 6], pad_token_id: 0 });
  });

  it.each<[string, Record<string, RawValue | null>, string]>([
    ['another kind', { 'tokenizer.ggml.model': words('bert') }, 'tokenizer.ggml.model "bert"'],
    ['no kind', { 'tokenizer.ggml.model': null }, 'no tokenizer.ggml.model'],
  ])('is refused when it is of %s', async (_what, change, found) => {
    await expect(imported(changed(set(change)))).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      found,
      allowed: 'llama (SentencePiece), gpt2 (byte-level merges)',
    });
  });

  it.each<[string, Record<string, RawValue | null>, string]>([
    ['no tokens', { 'tokenizer.ggml.tokens': null }, 'no tokens'],
    ['more tokens than rows', { 'tokenizer.ggml.tokens': wordList([...TINY_TOKENS, 'more']) }, '9 tokens'],
    ['a token twice', { 'tokenizer.ggml.tokens': wordList([...TINY_TOKENS.slice(0, -1), TINY_TOKENS.at(-2)!]) }, 'as token 6 and token 7'],
    ['too few scores', { 'tokenizer.ggml.scores': realList([1]) }, '1 scores'],
    ['scores that are no numbers', { 'tokenizer.ggml.scores': realList(Array<number>(8).fill(NaN)) }, '8 scores'],
    ['too few types', { 'tokenizer.ggml.token_type': wholeList([1]) }, '1 token types'],
    ['an unknown type', { 'tokenizer.ggml.token_type': wholeList([2, 3, 3, 1, 1, 1, 1, 9]) }, 'token 7 of type 9'],
    ['a start beyond its tokens', { 'tokenizer.ggml.bos_token_id': whole(8) }, 'tokenizer.ggml.bos_token_id 8'],
  ])('is refused with %s', async (_what, change, found) => {
    await expect(imported(changed(set(change)))).rejects.toMatchObject({
      code: 'CORRUPT',
      found: expect.stringContaining(found) as string,
    });
  });

  it('may have unused pieces with one text', async () => {
    const tokens = [...TINY_TOKENS.slice(0, 6), '[PAD]', '[PAD]'];
    const types = wholeList([2, 3, 3, 1, 1, 1, 5, 5]);
    await imported(changed(set({ 'tokenizer.ggml.tokens': wordList(tokens), 'tokenizer.ggml.token_type': types })));
  });
});

describe('a tokenizer of byte-level merges', () => {
  const merges = (change: Record<string, RawValue | null> = {}): Change =>
    set({
      'tokenizer.ggml.model': words('gpt2'),
      'tokenizer.ggml.pre': words('gpt-2'),
      'tokenizer.ggml.scores': null,
      'tokenizer.ggml.tokens': wordList(['a', 'b', 'ab', 'Ġ', 'Ġab', '<s>', '</s>']),
      'tokenizer.ggml.token_type': wholeList([1, 1, 1, 1, 1, 3, 3]),
      'tokenizer.ggml.merges': wordList(['a b', 'Ġ ab']),
      'tokenizer.ggml.bos_token_id': whole(5),
      'tokenizer.ggml.eos_token_id': whole(6),
      ...change,
    });

  it('may have fewer tokens than the model has rows', async () => {
    const tokenizer = await loadTokenizer(await imported(changed(merges())));
    expect(tokenizer.encode('ab ab')).toEqual([2, 4]);
    expect(tokenizer.vocabularySize).toBe(7);
  });

  it('adds the start token where its kind does, unless the file says otherwise', async () => {
    const llama3 = { 'tokenizer.ggml.pre': words('llama-bpe') };
    expect((await loadTokenizer(await imported(changed(merges(llama3))))).encode('ab')).toEqual([5, 2]);
    const without = { ...llama3, 'tokenizer.ggml.add_bos_token': flag(false) };
    expect((await loadTokenizer(await imported(changed(merges(without))))).encode('ab')).toEqual([2]);
  });

  it('that cuts words in an unknown way is refused by name', async () => {
    await expect(imported(changed(merges({ 'tokenizer.ggml.pre': words('klingon') })))).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      found: 'tokenizer.ggml.pre "klingon"',
      allowed: expect.stringContaining('llama-bpe') as string,
    });
  });

  it.each<[string, Record<string, RawValue | null>, string]>([
    ['no merges', { 'tokenizer.ggml.merges': null }, 'no tokenizer.ggml.merges'],
    ['a merge of one part', { 'tokenizer.ggml.merges': wordList(['a b', 'ab']) }, 'merge 1: "ab"'],
    ['a merge that makes no token', { 'tokenizer.ggml.merges': wordList(['b a']) }, 'merge 0: "b a"'],
    ['a merge of what is no token', { 'tokenizer.ggml.merges': wordList(['x b']) }, 'merge 0: "x b"'],
    ['a token twice', { 'tokenizer.ggml.tokens': wordList(['a', 'b', 'ab', 'a', 'Ġab', '<s>', '</s>']) }, '"a" as token 0 and token 3'],
  ])('is refused with %s', async (_what, change, found) => {
    await expect(imported(changed(merges(change)))).rejects.toMatchObject({ code: 'CORRUPT', found });
  });

  it('may have tokens with names that JavaScript uses', async () => {
    const tokens = ['a', 'b', 'ab', '__proto__', 'constructor', '<s>', '</s>'];
    const change = { 'tokenizer.ggml.tokens': wordList(tokens), 'tokenizer.ggml.merges': wordList(['a b']) };
    const { model } = (await json(await imported(changed(merges(change))), 'tokenizer.json')) as { model: { vocab: object } };
    expect(Object.entries(model.vocab)).toEqual(tokens.map((text, id) => [text, id]));
  });
});

it('nested metadata that nothing asks for does no harm', async () => {
  await imported(changed(set({ 'some.list': rawArray('array', 0, Buffer.alloc(0)) })));
});

describe.skipIf(!sharedData)('a random LLaMA 2 with 32,000 tokens', () => {
  it('opens, with a tokenizer that goes there and back', async () => {
    const directory = await imported(join(sharedData!, 'models/llama2-tiny-random-gguf/llama-2-tiny-random.gguf'));
    const model = await openModelFolder(directory);
    expect(model.config).toMatchObject({
      hiddenSize: 8,
      blocks: 1,
      heads: 2,
      keyValueHeads: 2,
      vocabularySize: 32_000,
      tiedEmbeddings: false,
    });
    await model.close();
    const tokenizer = await loadTokenizer(directory);
    // As LLaMA 2's own tokenizer has it.
    expect(tokenizer.encode('Hello, world!')).toEqual([1, 15043, 29892, 3186, 29991]);
    for (const text of ['Über  die Straße\n', '中文 😀', 'x = 1;\t// y']) expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  });
});
