import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exportGguf, type GgufExportType } from '../../../main/models/gguf/export-gguf.ts';
import { quantise } from '../../../main/models/gguf/quantise.ts';
import { checkGguf } from '../../../main/models/gguf/check-gguf.ts';
import { ggufTensors } from '../../../main/models/gguf/export-tensors.ts';
import { writeGguf } from '../../../main/models/gguf/write-gguf.ts';
import { openModelFolder } from '../../../main/models/model-folder.ts';
import type { LlamaConfig } from '../../../shared/domain/llama-config.ts';
import { blockyConfig, writeGgufSource } from '../../support/gguf-folders.ts';
import { errorWithFullDisk } from '../../support/limited-process.ts';
import { type RawGguf, readRawGguf } from '../../support/raw-gguf.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const folder = useTemporaryFolder();
const source = (): string => join(folder.path, 'model');
const destination = (): string => join(folder.path, 'out/exported.gguf');

async function exported(
  dtype: GgufExportType,
  config: LlamaConfig = blockyConfig,
  weights?: Map<string, Float32Array>,
): Promise<RawGguf & { bytes: (name: string, length: number) => Buffer }> {
  await writeGgufSource(source(), { config, ...(weights && { weights }) });
  await exportGguf(source(), destination(), { dtype });
  const file = await readFile(destination());
  const raw = readRawGguf(file);
  const bytes = (name: string, length: number): Buffer => {
    const begin = raw.dataStart + raw.tensors.get(name)!.offset;
    return file.subarray(begin, begin + length);
  };
  return { ...raw, bytes };
}

const valueOf = ({ metadata }: RawGguf, key: string): unknown => metadata.get(key)?.value;

describe('an export as GGUF', () => {
  it.each([
    { dtype: 'F32', matrix: 0, table: 0, fileType: 0 },
    { dtype: 'F16', matrix: 1, table: 1, fileType: 1 },
    { dtype: 'BF16', matrix: 30, table: 30, fileType: 32 },
    { dtype: 'Q8_0', matrix: 8, table: 8, fileType: 7 },
    { dtype: 'Q4_0', matrix: 2, table: 8, fileType: 2 },
  ] as const)('stores matrices as $dtype, norms and biases as F32', async ({ dtype, matrix, table, fileType }) => {
    const raw = await exported(dtype, { ...blockyConfig, attentionBias: true, mlpBias: true });
    const types = Object.fromEntries([...raw.tensors].map(([name, { type }]) => [name, type]));
    expect(types).toMatchObject({
      'token_embd.weight': table,
      'output.weight': table,
      'output_norm.weight': 0,
      'blk.0.attn_norm.weight': 0,
      'blk.1.attn_q.weight': matrix,
      'blk.1.attn_q.bias': 0,
      'blk.2.attn_output.bias': 0,
      'blk.2.ffn_down.weight': matrix,
      'blk.2.ffn_gate.bias': 0,
    });
    expect(raw.tensors.size).toBe(3 + 3 * 16);
    expect(raw.tensors.get('blk.0.attn_k.weight')!.axes).toEqual([64, 32]);
    expect(valueOf(raw, 'general.file_type')).toBe(fileType);
  });

  it('says what llama.cpp has to know', async () => {
    const raw = await exported('F16', { ...blockyConfig, headSize: 32, ropeTheta: 500_000, tiedEmbeddings: true });
    const metadata = Object.fromEntries(
      [...raw.metadata].filter(([key]) => !key.startsWith('tokenizer')).map(([key, { value }]) => [key, value]),
    );
    expect(metadata).toEqual({
      'general.architecture': 'llama',
      'general.type': 'model',
      'general.name': 'exported',
      'general.file_type': 1,
      'general.quantization_version': 2,
      'llama.vocab_size': 288,
      'llama.context_length': 32,
      'llama.embedding_length': 64,
      'llama.block_count': 3,
      'llama.feed_forward_length': 96,
      'llama.attention.head_count': 4,
      'llama.attention.head_count_kv': 2,
      'llama.attention.key_length': 32,
      'llama.attention.value_length': 32,
      'llama.attention.layer_norm_rms_epsilon': Math.fround(1e-5),
      'llama.rope.dimension_count': 32,
      'llama.rope.freq_base': 500_000,
    });
    expect(raw.tensors.has('output.weight')).toBe(false);
  });

  it('has the rows of query and key, and their biases, in pairs: 2i is row i of a head, 2i + 1 row i + D/2', async () => {
    const numbered = (rows: number, width: number): Float32Array =>
      Float32Array.from({ length: rows * width }, (_, index) => Math.floor(index / width));
    const raw = await exported(
      'F32',
      { ...blockyConfig, attentionBias: true },
      new Map([
        ['model.layers.1.self_attn.q_proj.weight', numbered(64, 64)],
        ['model.layers.1.self_attn.q_proj.bias', numbered(64, 1)],
        ['model.layers.1.self_attn.k_proj.weight', numbered(32, 64)],
        ['model.layers.1.self_attn.k_proj.bias', numbered(32, 1)],
        ['model.layers.1.self_attn.v_proj.weight', numbered(32, 64)],
      ]),
    );
    const rowsOf = (name: string, rows: number, width: number): number[] =>
      Array.from({ length: rows }, (_, row) => raw.bytes(name, rows * width * 4).readFloatLE(row * width * 4));
    const paired = (rows: number): number[] =>
      Array.from({ length: rows }, (_, row) => {
        const [head, within] = [Math.floor(row / 16), row % 16];
        return head * 16 + (within % 2) * 8 + Math.floor(within / 2);
      });
    expect(rowsOf('blk.1.attn_q.weight', 64, 64)).toEqual(paired(64));
    expect(rowsOf('blk.1.attn_q.bias', 64, 1)).toEqual(paired(64));
    expect(rowsOf('blk.1.attn_k.weight', 32, 64)).toEqual(paired(32));
    expect(rowsOf('blk.1.attn_k.bias', 32, 1)).toEqual(paired(32));
    expect(rowsOf('blk.1.attn_v.weight', 32, 64)).toEqual(Array.from({ length: 32 }, (_, row) => row));
  });

  it('has the other tensors in their order, in the type', async () => {
    const weights = await writeGgufSource(source());
    const result = await exportGguf(source(), destination(), { dtype: 'Q4_0', name: 'a name' });
    const file = await readFile(destination());
    expect(result).toEqual({
      path: destination(),
      format: 'gguf',
      dtype: 'Q4_0',
      bytes: file.length,
      verified: true,
      storedAsF16: [],
      notes: [],
    });
    const raw = readRawGguf(file);
    expect(valueOf(raw, 'general.name')).toBe('a name');
    const begin = raw.dataStart + raw.tensors.get('blk.2.ffn_up.weight')!.offset;
    const wanted = quantise(weights.get('model.layers.2.mlp.up_proj.weight')!, 'Q4_0');
    expect(file.subarray(begin, begin + wanted.length).equals(wanted)).toBe(true);
  });

  it('stores F16 where rows are no whole blocks, and says so', async () => {
    await writeGgufSource(source(), { config: { ...blockyConfig, intermediateSize: 80 } });
    const { storedAsF16 } = await exportGguf(source(), destination(), { dtype: 'Q8_0' });
    expect(storedAsF16).toEqual(['blk.0.ffn_down.weight', 'blk.1.ffn_down.weight', 'blk.2.ffn_down.weight']);
    expect(readRawGguf(await readFile(destination())).tensors.get('blk.1.ffn_down.weight')).toMatchObject({ type: 1, axes: [80, 64] });
  });

  it('writes stretched rotary positions in the ways of llama.cpp', async () => {
    const linear = await exported('F16', { ...blockyConfig, ropeScaling: { type: 'linear', factor: 4 } });
    expect([valueOf(linear, 'llama.rope.scaling.type'), valueOf(linear, 'llama.rope.scaling.factor')]).toEqual(['linear', 4]);
  });

  it('writes YaRN with what its factor is beside the usual one', async () => {
    const ropeScaling = {
      type: 'yarn',
      factor: 4,
      originalContextLength: 8,
      betaFast: 32,
      betaSlow: 1,
      attentionFactor: 0.5,
      truncate: true,
    } as const;
    const raw = await exported('F16', { ...blockyConfig, ropeScaling });
    expect(valueOf(raw, 'llama.rope.scaling.original_context_length')).toBe(8);
    expect(valueOf(raw, 'llama.rope.scaling.attn_factor')).toBeCloseTo(0.5 / (1 + 0.1 * Math.log(4)), 6);
  });

  it("writes Llama 3.1's as factors of wavelengths: short ones kept, long ones stretched, those between mixed", async () => {
    const ropeScaling = { type: 'llama3', factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContextLength: 64 } as const;
    const raw = await exported('Q8_0', { ...blockyConfig, ropeScaling });
    expect(raw.tensors.get('rope_freqs.weight')).toMatchObject({ type: 0, axes: [8] });
    const factors = new Float32Array(Uint8Array.from(raw.bytes('rope_freqs.weight', 32)).buffer);
    // Wavelengths 2 pi 10000^(i/8): 6.3, 19.9, 62.8, 199, ...; 64/4 = 16 and 64/1 = 64 are the limits.
    expect(factors[0]).toBe(1);
    const [share1, share2] = [19.869_176, 62.831_853].map((wavelength) => (64 / wavelength - 1) / 3) as [number, number];
    expect(factors[1]).toBeCloseTo(1 / ((1 - share1) / 8 + share1), 4);
    expect(factors[2]).toBeCloseTo(1 / ((1 - share2) / 8 + share2), 4);
    expect([...factors.subarray(3)]).toEqual([8, 8, 8, 8, 8]);
  });

  it('writes a model that stretches dynamically as it is up to its context, and says so', async () => {
    await writeGgufSource(source(), { config: { ...blockyConfig, ropeScaling: { type: 'dynamic', factor: 2 } } });
    const { notes } = await exportGguf(source(), destination(), { dtype: 'F16' });
    expect(notes).toEqual([expect.stringContaining('stretched dynamically beyond 32 tokens')]);
    expect(readRawGguf(await readFile(destination())).metadata.has('llama.rope.scaling.type')).toBe(false);
  });

  it('takes a window that hides nothing', async () => {
    const raw = await exported('F16', { ...blockyConfig, slidingWindow: 32 });
    expect(valueOf(raw, 'llama.context_length')).toBe(32);
  });
});

describe('an export as GGUF is refused, and nothing is left, when', () => {
  async function refused(
    config: Partial<LlamaConfig> = {},
    dtype: GgufExportType = 'F16',
    weights = new Map<string, Float32Array>(),
  ): Promise<unknown> {
    await writeGgufSource(source(), { config: { ...blockyConfig, ...config }, weights });
    const before = await folder.list();
    const error: unknown = await exportGguf(source(), destination(), { dtype }).then(
      () => expect.fail('it was exported'),
      (reason: unknown) => reason,
    );
    expect(await folder.list()).toEqual(before);
    return error;
  }

  it('a window is shorter than the context', async () => {
    expect(await refused({ slidingWindow: 31 })).toMatchObject({ code: 'UNSUPPORTED', found: 'a window of 31 tokens in a context of 32' });
  });

  it('YaRN has other limits than those of llama.cpp', async () => {
    const ropeScaling = {
      type: 'yarn',
      factor: 4,
      originalContextLength: 8,
      betaFast: 16,
      betaSlow: 1,
      attentionFactor: 1,
      truncate: true,
    } as const;
    expect(await refused({ ropeScaling })).toMatchObject({
      code: 'UNSUPPORTED',
      found: 'YaRN with beta_fast 16, beta_slow 1, truncate true',
    });
  });

  it.each([
    [NaN, 'F32', 'is damaged'],
    [Infinity, 'BF16', 'is damaged'],
    [65_520, 'F16', 'has numbers too large for F16'],
    [-9e6, 'Q8_0', 'has numbers too large for Q8_0'],
    [6e5, 'Q4_0', 'has numbers too large for Q4_0'],
  ] as const)('a weight is %d in %s', async (value, dtype, message) => {
    const weight = new Float32Array(96 * 64);
    weight[777] = value;
    const error = await refused({}, dtype, new Map([['model.layers.2.mlp.up_proj.weight', weight]]));
    expect(error).toMatchObject({ code: 'BAD_INPUT', message: `Tensor model.layers.2.mlp.up_proj.weight ${message}.` });
  });

  it('something is at the destination', async () => {
    await folder.write('out/exported.gguf', 'mine');
    expect(await refused()).toMatchObject({ code: 'BAD_INPUT', found: `a file at ${destination()}` });
    expect(await readFile(destination(), 'utf8')).toBe('mine');
  });

  it('a folder is at the destination', async () => {
    await folder.write('out/exported.gguf/mine', 'mine');
    expect(await refused()).toMatchObject({ code: 'BAD_INPUT', found: `a folder at ${destination()}` });
  });

  it('the destination is below a file', async () => {
    await folder.write('out', 'mine');
    await refused();
  });

  it.runIf(process.platform === 'linux')('the disk fills up', async () => {
    await writeGgufSource(source());
    const before = await folder.list();
    const module = join(import.meta.dirname, '../../../main/models/gguf/export-gguf.ts');
    expect(errorWithFullDisk(64, module, 'exportGguf', [source(), destination(), { dtype: 'F32' }])).toBe('EFBIG');
    expect(await folder.list()).toEqual(before);
  });
});

describe('the check after writing', () => {
  it.each([
    ['a byte of a tensor', 'numbers of tensor token_embd.weight', -1],
    ['a byte that changes little', 'bytes of tensor token_embd.weight', -2],
    ['a letter of the metadata', 'metadata general.name', 0],
  ])('finds %s that is not as it was meant', async (_, found, place) => {
    await writeGgufSource(source());
    const model = await openModelFolder(source());
    const tensors = ggufTensors(model, 'F32').slice(0, 1);
    const path = join(folder.path, 'model.gguf');
    const metadata = new Map([['general.name', { type: 'string', value: 'a model' } as const]]);
    // Sixteen-bit numbers: what differs from them in a low bit is within their error, but not the bytes that were written.
    if (place === -2) tensors[0] = ggufTensors(model, 'F16')[0]!;
    const hashes = await writeGguf(path, metadata, tensors);
    await checkGguf(path, metadata, tensors, hashes);
    const { size } = await stat(path);
    const file = await open(path, 'r+');
    const content = await readFile(path);
    const at = place === 0 ? content.indexOf('a model') : place === -1 ? size - 1 : content.length - 2;
    await file.write(Buffer.of(content[at]! ^ (place === -1 ? 0x40 : 1)), 0, 1, at);
    await file.close();
    await expect(checkGguf(path, metadata, tensors, hashes)).rejects.toMatchObject({ code: 'CORRUPT', found: `a difference in ${found}` });
    await model.close();
  });
});
