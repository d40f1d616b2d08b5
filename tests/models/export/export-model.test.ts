import { mkdir, readdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { expandModelFolder } from '../../../main/models/expansion/expand-folder.ts';
import { folderBytes } from '../../../main/models/export/export-destination.ts';
import { exportHuggingFace } from '../../../main/models/export/export-model.ts';
import { openModelFolder } from '../../../main/models/model-folder.ts';
import { planExpansion } from '../../../shared/domain/plan.ts';
import { errorWithFullDisk } from '../../support/limited-process.ts';
import { type RawModel, rawModel, rawTensor, readRawModel, unpackTensors, writeRawModel } from '../../support/raw-models.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const folder = useTemporaryFolder();

const source = (): string => join(folder.path, 'model');
const destination = (): string => join(folder.path, 'out/exported');

describe('an export', () => {
  it.each([
    { dtype: 'F32' as const, isTied: false, shards: 1 },
    { dtype: 'BF16' as const, isTied: true, shards: 1 },
    { dtype: 'F16' as const, isTied: false, shards: 3 },
  ])('has every tensor byte for byte: %o', async ({ dtype, isTied, shards }) => {
    const model = rawModel({ dtype, isTied });
    await writeRawModel(source(), model, { shards });
    const result = await exportHuggingFace(source(), destination());
    const written = await readRawModel(destination());
    expect([...written.tensors.keys()]).toEqual([...model.tensors.keys()]);
    for (const [name, tensor] of model.tensors) expect(written.tensors.get(name), name).toEqual(tensor);
    expect(written.metadata).toEqual({ format: 'pt' });
    expect(written.config).toMatchObject(model.config);
    const files = await Promise.all((await readdir(destination())).map((name) => stat(join(destination(), name))));
    expect(result).toEqual({
      path: destination(),
      format: 'huggingface',
      dtype,
      bytes: files.reduce((sum, { size }) => sum + size, 0),
      verified: true,
    });
  });

  it('of a LLaMA leaves out the window that its attention does not have; a Mistral keeps its own', async () => {
    const model = rawModel();
    Object.assign(model.config, { sliding_window: 16, layer_types: ['full_attention', 'sliding_attention', 'full_attention'] });
    await writeRawModel(source(), model);
    await exportHuggingFace(source(), destination());
    const written = (await readRawModel(destination())).config;
    expect(written).toMatchObject({ architectures: ['LlamaForCausalLM'], num_hidden_layers: 3 });
    expect(Object.keys(written)).not.toContain('sliding_window');
    expect(Object.keys(written)).not.toContain('layer_types');
    Object.assign(model.config, { architectures: ['MistralForCausalLM'], model_type: 'mistral' });
    await writeRawModel(join(folder.path, 'mistral'), model);
    await exportHuggingFace(join(folder.path, 'mistral'), join(folder.path, 'out/mistral'));
    expect((await readRawModel(join(folder.path, 'out/mistral'))).config).toMatchObject({ sliding_window: 16 });
  });

  it('of mixed types is called by the widest', async () => {
    const model = rawModel({ dtype: 'BF16' });
    model.tensors.set('model.norm.weight', rawTensor('wide', [12], 'F32'));
    await writeRawModel(source(), model);
    expect((await exportHuggingFace(source(), destination())).dtype).toBe('BF16+F32');
    const written = await readRawModel(destination());
    expect(written.config.torch_dtype).toBe('float32');
    expect(written.tensors.get('model.norm.weight')).toEqual(model.tensors.get('model.norm.weight'));
  });

  it('has the tokenizer and the small files, as they are', async () => {
    await writeRawModel(source());
    await folder.write('model/generation_config.json', '{"a": 1}\n');
    await folder.write('model/optimizer.pt', 'x');
    await exportHuggingFace(source(), destination());
    expect((await readdir(destination())).sort()).toEqual([
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    for (const name of ['generation_config.json', 'tokenizer.json', 'tokenizer_config.json']) {
      expect(await readFile(join(destination(), name))).toEqual(await readFile(join(source(), name)));
    }
  });

  it('of an expanded model carries its plan, and opens', async () => {
    await writeRawModel(join(folder.path, 'base'));
    await expandModelFolder(join(folder.path, 'base'), source(), planExpansion(3, undefined, [1]), { name: 'base', hash: 'x' });
    await exportHuggingFace(source(), destination());
    expect(await readFile(join(destination(), 'expansion.json'))).toEqual(await readFile(join(source(), 'expansion.json')));
    const opened = await openModelFolder(destination());
    expect([opened.config.blocks, opened.plan?.inserted]).toEqual([4, [{ after: 1, copies: 1, position: 2 }]]);
    await opened.close();
  });

  it('fills an empty folder', async () => {
    await writeRawModel(source());
    await mkdir(destination(), { recursive: true });
    expect((await exportHuggingFace(source(), destination())).verified).toBe(true);
  });

  it('touches nothing beside its destination', async () => {
    await writeRawModel(source());
    await folder.write('out/exported.partial/precious', 'mine');
    await exportHuggingFace(source(), destination());
    expect((await folder.list()).filter((name) => name.startsWith('out/') && !name.startsWith('out/exported/'))).toEqual([
      'out/',
      'out/exported.partial/',
      'out/exported.partial/precious',
    ]);
  });
});

describe('an export in another element type', () => {
  /** Numbers between those that a type has: at ties, to both sides of them, at the ends of the ranges. */
  const hard = (): Float32Array => {
    const values = [
      1,
      1.00390625,
      1.01171875,
      1.00048828125,
      1.00146484375,
      1.0004883,
      1.0004882,
      65519.996,
      6e-8,
      2.9e-8,
      3e-8,
      -0,
      1e-30,
      1 / 3,
    ];
    return Float32Array.from({ length: 23 * 12 }, (_, index) => values[index % values.length]! * (index < 20 ? 1 : -1));
  };
  const hardModel = (): RawModel => {
    const model = rawModel();
    model.tensors.set('lm_head.weight', { dtype: 'F32', shape: [23, 12], bytes: Buffer.from(hard().buffer) });
    return model;
  };
  /** By the definition of "nearest": of all numbers of the type, the one whose distance is least, and even where two are. */
  function nearest(value: number, exponentBits: number): number {
    const fractionBits = 15 - exponentBits;
    const lowest = 2 - 2 ** (exponentBits - 1);
    const exponent = Math.max(lowest, Math.floor(Math.log2(Math.abs(value) || Number.MIN_VALUE)));
    const step = 2 ** (exponent - fractionBits);
    const [down, up] = [Math.floor(value / step), Math.ceil(value / step)];
    const [below, above] = [value - down * step, up * step - value];
    return (below < above || (below === above && down % 2 === 0) ? down : up) * step || value * 0;
  }

  it.each([
    {
      dtype: 'F16' as const,
      name: 'float16',
      exponentBits: 5,
      read: (bytes: Buffer) => Array.from(new Float16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))),
    },
    {
      dtype: 'BF16' as const,
      name: 'bfloat16',
      exponentBits: 8,
      read: (bytes: Buffer) =>
        Array.from({ length: bytes.length / 2 }, (_, index) => Buffer.from([0, 0, bytes[2 * index]!, bytes[2 * index + 1]!]).readFloatLE()),
    },
  ])('has the nearest numbers of $dtype, and says so', async ({ dtype, name, exponentBits, read }) => {
    await writeRawModel(source(), hardModel());
    expect(await exportHuggingFace(source(), destination(), { dtype })).toMatchObject({ dtype, verified: true });
    const written = await readRawModel(destination());
    expect(written.config.torch_dtype).toBe(name);
    expect([...written.tensors.values()].every((tensor) => tensor.dtype === dtype)).toBe(true);
    expect(read(written.tensors.get('lm_head.weight')!.bytes)).toEqual(Array.from(hard(), (value) => nearest(value, exponentBits)));
  });

  it('from halves to floats keeps every number', async () => {
    await writeRawModel(source(), rawModel({ dtype: 'BF16', isTied: true }));
    await exportHuggingFace(source(), destination(), { dtype: 'F32' });
    const [before, after] = [await readRawModel(source()), await readRawModel(destination())];
    for (const [name, { bytes }] of before.tensors) {
      const widened = Buffer.concat(
        Array.from({ length: bytes.length / 2 }, (_, index) => Buffer.from([0, 0, bytes[2 * index]!, bytes[2 * index + 1]!])),
      );
      expect(after.tensors.get(name)!.bytes.equals(widened), name).toBe(true);
    }
    expect(after.config.torch_dtype).toBe('float32');
  });

  it.each([
    { dtype: 'F16' as const, value: -65_520, allowed: 'numbers up to 65504 in size', hint: /BF16/ },
    { dtype: 'BF16' as const, value: 3.4e38, allowed: 'numbers up to 3.39e38 in size', hint: /F32/ },
  ])('is refused where a number would become infinite: $dtype', async ({ dtype, value, allowed, hint }) => {
    const model = hardModel();
    model.tensors.get('lm_head.weight')!.bytes.writeFloatLE(value, 40);
    await writeRawModel(source(), model);
    const before = await folder.list();
    await expect(exportHuggingFace(source(), destination(), { dtype })).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining('lm_head.weight') as string,
      found: String(Math.fround(value)),
      allowed,
      hint: expect.stringMatching(hint) as string,
    });
    expect(await folder.list()).toEqual(before);
  });
});

describe('an export in several files', () => {
  const shards = async (): Promise<string[]> => (await readdir(destination())).filter((name) => name.endsWith('.safetensors'));

  it('has an index that says where each tensor is, and how many bytes they have', async () => {
    const model = rawModel();
    await writeRawModel(source(), model);
    const result = await exportHuggingFace(source(), destination(), { shardBytes: 5000 });
    const names = await shards();
    expect(names.length).toBeGreaterThan(2);
    expect(names).toEqual(names.map((_, index) => `model-0000${index + 1}-of-0000${names.length}.safetensors`));
    const text = await readFile(join(destination(), 'model.safetensors.index.json'), 'utf8');
    const index = JSON.parse(text) as { metadata: unknown; weight_map: Record<string, string> };
    const bytes = [...model.tensors.values()].reduce((sum, tensor) => sum + tensor.bytes.length, 0);
    expect(index.metadata).toEqual({ total_parameters: bytes / 4, total_size: bytes });
    expect(Object.keys(index.weight_map)).toEqual([...model.tensors.keys()].sort());
    for (const name of names) {
      const { tensors, metadata } = unpackTensors(await readFile(join(destination(), name)));
      expect(metadata).toEqual({ format: 'pt' });
      const size = [...tensors.values()].reduce((sum, tensor) => sum + tensor.bytes.length, 0);
      expect(size).toBeLessThanOrEqual(5000);
      for (const [tensor, found] of tensors) {
        expect(index.weight_map[tensor]).toBe(name);
        expect(found).toEqual(model.tensors.get(tensor));
      }
    }
    expect(result.verified).toBe(true);
  });

  it('gives a tensor that is larger than a file a file of its own', async () => {
    await writeRawModel(source());
    const { notes } = await exportHuggingFace(source(), destination(), { shardBytes: 1 });
    expect(await shards()).toHaveLength(rawModel().tensors.size);
    expect(notes).toEqual([
      `${rawModel().tensors.size} tensors are larger than the size of files asked for (1 bytes), and each has a file of its own; the largest is model.embed_tokens.weight, 1104 bytes.`,
    ]);
  });

  it('say which tensor is larger than a file was to be', async () => {
    await writeRawModel(source(), rawModel({ isTied: true }));
    const { notes } = await exportHuggingFace(source(), destination(), { shardBytes: 1103 });
    expect(notes).toEqual([
      'model.embed_tokens.weight (1104 bytes) is larger than the size of files asked for (1103 bytes) and has a file of its own.',
    ]);
    expect(await exportHuggingFace(source(), `${destination()} 2`, { shardBytes: 1104 })).not.toHaveProperty('notes');
  });

  it('is one file where everything fits', async () => {
    await writeRawModel(source(), rawModel(), { shards: 3 });
    await exportHuggingFace(source(), destination(), { shardBytes: 10 ** 9 });
    expect((await readdir(destination())).filter((name) => name.startsWith('model'))).toEqual(['model.safetensors']);
  });

  it('is refused where it would be thousands', async () => {
    await writeRawModel(source(), rawModel({ blocks: 250 }));
    const before = await folder.list();
    await expect(exportHuggingFace(source(), destination(), { shardBytes: 1 })).rejects.toMatchObject({
      code: 'BAD_INPUT',
      found: expect.stringContaining('2253 files') as string,
      allowed: 'up to 2000 files',
    });
    expect(await folder.list()).toEqual(before);
  });
});

it('tells how far it is, and ends when it is cancelled, at any moment; nothing of it stays', async () => {
  await writeRawModel(source());
  const before = await folder.list();
  const steps: number[] = [];
  let last = [0, 0];
  await exportHuggingFace(source(), destination(), { onProgress: (done, total) => steps.push((last = [done, total])[0]!) });
  expect(last[0]).toBe(last[1]);
  expect(steps).toEqual([...steps].sort((a, b) => a - b));
  await rm(join(folder.path, 'out'), { recursive: true });
  for (const moment of [0, 3, steps.length / 2, steps.length - 2]) {
    const controller = new AbortController();
    let step = 0;
    const onProgress = (): void => {
      if (step++ >= moment) controller.abort();
    };
    await expect(exportHuggingFace(source(), destination(), { onProgress, signal: controller.signal })).rejects.toMatchObject({
      code: 'INTERRUPTED',
    });
    expect(await folder.list()).toEqual(before);
  }
});

describe('an export is refused, and nothing changes, when', () => {
  async function refused(): Promise<unknown> {
    const before = await folder.list();
    const error: unknown = await exportHuggingFace(source(), destination()).then(
      () => expect.fail('it was exported'),
      (reason: unknown) => reason,
    );
    expect(await folder.list()).toEqual(before);
    return error;
  }

  it('the destination has something in it', async () => {
    await writeRawModel(source());
    await folder.write('out/exported/precious', 'mine');
    expect(await refused()).toMatchObject({
      code: 'BAD_INPUT',
      message: 'The destination is not empty; nothing was overwritten.',
      found: `${destination()} with 1 entry`,
      allowed: 'a folder that does not exist yet, or an empty one',
    });
    expect(await readFile(join(destination(), 'precious'), 'utf8')).toBe('mine');
  });

  it('the destination is a file', async () => {
    await writeRawModel(source());
    await folder.write('out/exported', 'mine');
    expect(await refused()).toMatchObject({ code: 'BAD_INPUT', found: `a file at ${destination()}` });
    expect(await readFile(destination(), 'utf8')).toBe('mine');
  });

  it('the model is damaged', async () => {
    await writeRawModel(source(), rawModel(), { shards: 2 });
    await rm(join(source(), 'model-00002-of-00002.safetensors'));
    expect(await refused()).toMatchObject({ code: 'CORRUPT', message: 'Part of the model is missing.' });
  });

  it('a file of the model can no longer be read when its turn comes', async () => {
    await writeRawModel(source());
    await symlink('nowhere', join(source(), 'special_tokens_map.json'));
    await refused();
  });

  it.runIf(process.platform === 'linux')('the disk fills up', async () => {
    await writeRawModel(source());
    const before = await folder.list();
    const module = join(import.meta.dirname, '../../../main/models/export/export-model.ts');
    expect(errorWithFullDisk(16, module, 'exportHuggingFace', [source(), destination()])).toBe('EFBIG');
    expect(await folder.list()).toEqual(before);
  });

  it('the destination is below a file', async () => {
    await writeRawModel(source());
    await folder.write('out', 'mine');
    await refused();
    expect(await readFile(join(folder.path, 'out'), 'utf8')).toBe('mine');
  });
});

it('the bytes of a folder are those of the files directly in it', async () => {
  await folder.write('a', '12345');
  await folder.write('b', '123');
  await folder.write('c/d', '1234567');
  expect(await folderBytes(folder.path)).toBe(8);
});
