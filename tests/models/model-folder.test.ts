import { createHash } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { derivedConfig } from '../../main/models/derived-config.ts';
import { modelFiles, modelHash, openModelFolder } from '../../main/models/model-folder.ts';
import { packTensors, type RawModel, rawModel, rawTensor, writeRawModel } from '../support/raw-models.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();

async function write(model: RawModel, options?: { shards?: number }): Promise<string> {
  await writeRawModel(folder.path, model, options);
  return folder.path;
}

/** Opens a model after a change, expecting a refusal. */
async function refusal(change: (model: RawModel) => void, options: Parameters<typeof rawModel>[0] = {}): Promise<unknown> {
  const model = rawModel(options);
  change(model);
  return openModelFolder(await write(model)).then(
    () => expect.fail('it was opened'),
    (error: unknown) => error,
  );
}

/** A plan for the three blocks of the tiny model that came of a base of two. */
const plan = { schemaVersion: 1, baseBlocks: 2, inserted: [{ after: 0, copies: 0, position: 1 }] };
const expansion = (changed: Record<string, unknown> = {}): string =>
  JSON.stringify({ schemaVersion: 1, base: { name: 'base', hash: 'abc' }, plan: { ...plan, ...changed }, training: null });

describe('a model folder', () => {
  it.each([{ shards: 1 }, { shards: 3 }])('in $shards files gives every tensor its bytes', async ({ shards }) => {
    const model = rawModel({ dtype: 'BF16' });
    const opened = await openModelFolder(await write(model, { shards }));
    for (const [name, { bytes, dtype }] of model.tensors) {
      expect(Buffer.from(await opened.readBytes(name)), name).toEqual(bytes);
      expect(opened.dtypeOf(name)).toBe(dtype);
    }
    expect(opened.configJson).toEqual(model.config);
    expect([opened.architecture, opened.plan, opened.config.blocks]).toEqual(['LlamaForCausalLM', null, 3]);
    await opened.close();
  });

  it('gives the values of a tensor as floats', async () => {
    const model = rawModel();
    const opened = await openModelFolder(await write(model));
    const expected = new Float32Array(model.tensors.get('model.norm.weight')!.bytes.buffer.slice(0));
    expect(await opened.readTensor('model.norm.weight')).toEqual(expected);
    await opened.close();
  });

  it.each(['model.embed_tokens.weight', 'lm_head.weight'])(
    'that is tied answers to both names of its table, stored as %s',
    async (stored) => {
      const model = rawModel({ isTied: true });
      const table = model.tensors.get('model.embed_tokens.weight')!;
      model.tensors.delete('model.embed_tokens.weight');
      model.tensors.set(stored, table);
      const opened = await openModelFolder(await write(model));
      for (const name of ['model.embed_tokens.weight', 'lm_head.weight']) {
        expect(Buffer.from(await opened.readBytes(name)), name).toEqual(table.bytes);
        expect(opened.dtypeOf(name)).toBe('F32');
      }
      await opened.close();
    },
  );

  it('that is tied may store its table twice: the embedding counts', async () => {
    const model = rawModel({ isTied: true });
    model.tensors.set('lm_head.weight', rawTensor('another', [23, 12], 'F32'));
    const opened = await openModelFolder(await write(model));
    expect(Buffer.from(await opened.readBytes('model.embed_tokens.weight'))).toEqual(model.tensors.get('model.embed_tokens.weight')!.bytes);
    await opened.close();
  });

  it('may hold the rotary tables that some exporters store', async () => {
    const model = rawModel();
    model.tensors.set('model.layers.0.self_attn.rotary_emb.inv_freq', rawTensor('rotary', [2], 'F32'));
    await (await openModelFolder(await write(model))).close();
  });

  it('may have an index with another total_size than its tensors, which nothing is read by', async () => {
    await write(rawModel(), { shards: 2 });
    const path = join(folder.path, 'model.safetensors.index.json');
    const index = JSON.parse(await readFile(path, 'utf8')) as object;
    await writeFile(path, JSON.stringify({ ...index, metadata: { total_size: 7 } }));
    await (await openModelFolder(folder.path)).close();
  });

  it('has the type of its tensors, whatever its config.json says; 8-bit tensors are refused', async () => {
    const model = rawModel({ dtype: 'BF16' });
    Object.assign(model.config, { torch_dtype: 'float8_e4m3fn', dtype: 'float8_e4m3fn' });
    const opened = await openModelFolder(await write(model));
    expect(opened.isBfloat16).toBe(true);
    expect(derivedConfig(opened, opened.config, {})).toMatchObject({ torch_dtype: 'bfloat16', dtype: 'bfloat16' });
    await opened.close();
    const name = 'model.layers.0.mlp.up_proj.weight';
    model.tensors.set(name, { dtype: 'F8_E4M3', shape: [20, 12], bytes: Buffer.alloc(240) });
    await expect(openModelFolder(await write(model))).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining(name) as string,
      found: 'F8_E4M3',
    });
  });

  it('may mix its types', async () => {
    const model = rawModel({ dtype: 'BF16' });
    model.tensors.set('model.norm.weight', rawTensor('wide', [12], 'F32'));
    const opened = await openModelFolder(await write(model));
    expect([opened.dtypeOf('model.norm.weight'), opened.dtypeOf('lm_head.weight')]).toEqual(['F32', 'BF16']);
    await opened.close();
  });

  it('carries the plan that made it', async () => {
    await write(rawModel());
    await folder.write('expansion.json', expansion());
    const opened = await openModelFolder(folder.path);
    expect(opened.plan).toEqual(plan);
    await opened.close();
  });

  it.runIf(process.platform === 'linux')('is closed again, after use and after a refusal', async () => {
    await write(rawModel(), { shards: 3 });
    const openFiles = async (): Promise<number> => (await readdir('/proc/self/fd')).length;
    const before = await openFiles();
    for (let round = 0; round < 5; round++) {
      await (await openModelFolder(folder.path)).close();
      await folder.write('config.json', JSON.stringify({ ...rawModel().config, num_hidden_layers: 4 }));
      await expect(openModelFolder(folder.path)).rejects.toThrow('tensors are missing');
      await folder.write('config.json', JSON.stringify(rawModel().config));
    }
    expect(await openFiles()).toBeLessThanOrEqual(before);
  });
});

describe('tensors that are not those of the configuration are refused:', () => {
  it('one is missing', async () => {
    expect(await refusal(({ tensors }) => tensors.delete('model.layers.1.mlp.up_proj.weight'))).toMatchObject({
      code: 'CORRUPT',
      message: 'The model is not complete: tensors are missing.',
      found: 'no model.layers.1.mlp.up_proj.weight',
      allowed: 'the 30 tensors of a 3-block LlamaForCausalLM',
      hint: `Download the weights in ${folder.path} again.`,
    });
  });

  it('many are missing', async () => {
    expect(await refusal(({ config }) => (config.num_hidden_layers = 5))).toMatchObject({
      code: 'CORRUPT',
      found:
        'no model.layers.3.input_layernorm.weight, model.layers.3.self_attn.q_proj.weight, model.layers.3.self_attn.k_proj.weight and 15 more',
      hint: expect.stringContaining('Is num_hidden_layers (5) in config.json right? The weights hold 3 blocks.') as string,
    });
  });

  it('the head of an untied model is missing', async () => {
    expect(await refusal(({ tensors }) => tensors.delete('lm_head.weight'))).toMatchObject({
      code: 'CORRUPT',
      found: 'no lm_head.weight',
      hint: expect.stringContaining('Is tie_word_embeddings (false) in config.json right?') as string,
    });
  });

  it.each([
    [{ attention_bias: true }, 'Is attention_bias (true) in config.json right?'],
    [{ mlp_bias: true }, 'Is mlp_bias (true) in config.json right?'],
    [{ attention_bias: true, mlp_bias: true }, 'Is attention_bias and mlp_bias (true) in config.json right?'],
  ])('the biases that %j promises are missing', async (fields, hint) => {
    expect(await refusal(({ config }) => Object.assign(config, fields))).toMatchObject({
      code: 'CORRUPT',
      found: expect.stringMatching(/^no model\.layers\.0\..*_proj\.bias/) as string,
      hint: expect.stringContaining(hint) as string,
    });
  });

  it('some of its biases are missing: then the configuration is not suspected', async () => {
    const one = 'model.layers.0.self_attn.q_proj.bias';
    const change = ({ config, tensors }: RawModel): void => {
      config.attention_bias = true;
      tensors.set(one, rawTensor(one, [16], 'F32'));
    };
    expect(await refusal(change)).toMatchObject({ code: 'CORRUPT', hint: `Download the weights in ${folder.path} again.` });
  });

  it('the only table of a tied model is missing', async () => {
    expect(await refusal(({ tensors }) => tensors.delete('model.embed_tokens.weight'), { isTied: true })).toMatchObject({
      code: 'CORRUPT',
      found: 'no model.embed_tokens.weight',
    });
  });

  it('one is too many', async () => {
    expect(
      await refusal(({ tensors }) => tensors.set('model.layers.0.self_attn.q_proj.bias', rawTensor('bias', [16], 'F32'))),
    ).toMatchObject({
      code: 'CORRUPT',
      message: 'The model has tensors that its configuration does not explain.',
      found: 'model.layers.0.self_attn.q_proj.bias',
      allowed: 'the 30 tensors of a 3-block LlamaForCausalLM without biases',
      hint: expect.stringContaining('Is attention_bias (false) in config.json right?') as string,
    });
    expect(
      await refusal(({ tensors }) => tensors.set('model.layers.0.self_attn.q_norm.weight', rawTensor('norm', [16], 'F32'))),
    ).toMatchObject({
      code: 'UNSUPPORTED', // no LLaMA has it
      found: 'model.layers.0.self_attn.q_norm.weight',
      hint: expect.stringContaining('Is the architecture in config.json right?') as string,
    });
  });

  it('a block is too many', async () => {
    expect(await refusal(({ config }) => (config.num_hidden_layers = 2))).toMatchObject({
      code: 'CORRUPT',
      found: expect.stringMatching(/^model\.layers\.2\..* and 6 more$/) as string,
      hint: expect.stringContaining('Is num_hidden_layers (2) in config.json right? The weights hold more blocks.') as string,
    });
  });

  it('one has another shape', async () => {
    expect(
      await refusal(({ tensors }) => tensors.set('model.layers.2.mlp.down_proj.weight', rawTensor('turned', [20, 12], 'F32'))),
    ).toMatchObject({
      code: 'CORRUPT',
      message: 'Tensor model.layers.2.mlp.down_proj.weight has the wrong shape.',
      found: 'model.layers.2.mlp.down_proj.weight of shape [20, 12]',
      allowed: '[12, 20], as config.json says',
    });
  });

  it.each([{ isTied: true }, { isTied: false }])('the vocabulary has another size (tied: $isTied)', async ({ isTied }) => {
    expect(await refusal(({ config }) => (config.vocab_size = 24), { isTied })).toMatchObject({
      code: 'CORRUPT',
      message: 'The vocabulary size in config.json is not that of the weights.',
      found: 'model.embed_tokens.weight of shape [23, 12]',
      allowed: '[24, 12], as config.json says',
    });
  });

  it('the head has another vocabulary than the embedding', async () => {
    expect(await refusal(({ tensors }) => tensors.set('lm_head.weight', rawTensor('head', [25, 12], 'F32')))).toMatchObject({
      message: 'The vocabulary size in config.json is not that of the weights.',
      found: 'lm_head.weight of shape [25, 12]',
    });
  });

  it('the width is another, which is not said of the vocabulary', async () => {
    expect(await refusal(({ config }) => (config.hidden_size = 16))).toMatchObject({
      code: 'CORRUPT',
      message: 'Tensor model.embed_tokens.weight has the wrong shape.',
    });
  });

  it('one is stored in a type that is not computed with', async () => {
    const wide = { dtype: 'F64', shape: [12], bytes: Buffer.alloc(96) };
    expect(await refusal(({ tensors }) => tensors.set('model.norm.weight', wide))).toMatchObject({
      code: 'UNSUPPORTED',
      found: 'F64',
      allowed: 'F32, F16, BF16',
    });
  });

  it('one stands in two files', async () => {
    await write(rawModel(), { shards: 2 });
    const [first, second] = (await readdir(folder.path)).filter((name) => /^model-.*safetensors$/.test(name));
    await writeFile(join(folder.path, second!), await readFile(join(folder.path, first!)));
    await expect(openModelFolder(folder.path)).rejects.toMatchObject({
      code: 'CORRUPT',
      message: `Tensor model.embed_tokens.weight stands in two files of ${folder.path}.`,
    });
  });
});

describe('a folder that holds no whole model is refused:', () => {
  it('one that is not there', async () => {
    const missing = join(folder.path, 'none');
    await expect(openModelFolder(missing)).rejects.toMatchObject({ code: 'NOT_FOUND', message: `There is no folder ${missing}.` });
  });

  it('an empty one', async () => {
    await expect(openModelFolder(folder.path)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'This folder holds no model.',
      found: 'an empty folder',
    });
  });

  it('one of other files', async () => {
    await folder.write('notes.txt', 'x');
    await folder.write('picture.png', 'x');
    await expect(openModelFolder(folder.path)).rejects.toMatchObject({ code: 'NOT_FOUND', found: 'notes.txt, picture.png' });
  });

  it.each([
    ['cut short', '{"architectures": ["Llama'],
    ['empty', ''],
  ])('with a config.json that is %s', async (_what, content) => {
    await write(rawModel());
    await folder.write('config.json', content);
    await expect(openModelFolder(folder.path)).rejects.toMatchObject({
      code: 'CORRUPT',
      message: `${join(folder.path, 'config.json')} is not JSON.`,
    });
  });

  it.each(['[]', '"text"', '7', 'null'])('with a config.json that is no object: %s', async (content) => {
    await write(rawModel());
    await folder.write('config.json', content);
    await expect(openModelFolder(folder.path)).rejects.toMatchObject({
      code: 'CORRUPT',
      message: 'config.json does not describe a model.',
      found: content,
      allowed: 'a JSON object',
    });
  });

  it.each(['config.json', 'model.safetensors.index.json'])('with a byte order mark in %s, which is named', async (name) => {
    await write(rawModel(), { shards: 2 });
    const path = join(folder.path, name);
    await writeFile(path, `\uFEFF${await readFile(path, 'utf8')}`);
    await expect(openModelFolder(folder.path)).rejects.toMatchObject({
      code: 'CORRUPT',
      message: `${path} begins with a byte order mark, which JSON does not have.`,
      found: expect.stringContaining('EF BB BF') as string,
      hint: expect.stringContaining(`Save ${name} again as UTF-8 without BOM`) as string,
    });
  });

  it('with a config.json that is too large to be one', async () => {
    await folder.write('config.json', ' '.repeat(1_000_001));
    await expect(openModelFolder(folder.path)).rejects.toMatchObject({ code: 'CORRUPT', found: '1000001 bytes' });
  });

  it('without weights, naming those it does not read', async () => {
    await write(rawModel());
    await rm(join(folder.path, 'model.safetensors'));
    await expect(openModelFolder(folder.path)).rejects.toMatchObject({ code: 'NOT_FOUND', found: 'no weight files' });
    await folder.write('pytorch_model.bin', 'x');
    await expect(openModelFolder(folder.path)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      found: 'pytorch_model.bin',
      allowed: 'model.safetensors, or model.safetensors.index.json with its shards',
    });
  });

  it('with weights that are cut short', async () => {
    const model = rawModel();
    await write(model);
    await folder.write('model.safetensors', packTensors(model.tensors).subarray(0, -1));
    await expect(openModelFolder(folder.path)).rejects.toMatchObject({
      code: 'CORRUPT',
      found: expect.stringContaining('the file is truncated') as string,
    });
  });

  it('without one of its shards', async () => {
    await write(rawModel(), { shards: 3 });
    await rm(join(folder.path, 'model-00002-of-00003.safetensors'));
    await expect(openModelFolder(folder.path)).rejects.toMatchObject({
      code: 'CORRUPT',
      message: 'Part of the model is missing.',
      found: 'no model-00002-of-00003.safetensors',
      allowed: 'all 3 files that model.safetensors.index.json names',
    });
  });

  it.each([
    ['a file of another folder', { a: '../secret.safetensors' }, '"../secret.safetensors"'],
    ['a file by its absolute path', { a: '/etc/secret.safetensors' }, '"/etc/secret.safetensors"'],
    ['another kind of file', { a: 'config.json' }, '"config.json"'],
    ['a file of another folder, as Windows writes it', { a: '..\\secret.safetensors' }, '"..\\\\secret.safetensors"'],
    ['a file with a zero in its name', { a: 'secret\0.safetensors' }, '"secret\\u0000.safetensors"'],
    ['a folder of its own', { a: 'shards/one.safetensors' }, '"shards/one.safetensors"'],
    ['a name of megabytes', { a: 'x'.repeat(1_000_000) }, `"${'x'.repeat(199)}`],
    ['a list', { a: [] }, '[]'],
    ['no name', { a: 7 }, '7'],
    ['nothing', {}, '0 files'],
    [
      'more files than any model has',
      Object.fromEntries(Array.from({ length: 2001 }, (_, id) => [`t${id}`, `${id}.safetensors`])),
      '2001 files',
    ],
  ])('with an index that names %s', async (_what, weightMap, found) => {
    await write(rawModel(), { shards: 2 });
    await folder.write('model.safetensors.index.json', JSON.stringify({ weight_map: weightMap }));
    await expect(openModelFolder(folder.path)).rejects.toMatchObject({
      code: 'CORRUPT',
      message: "model.safetensors.index.json does not list the model's files.",
      found,
    });
  });

  it('with an index that names a file in the way of addresses, which is a name like others', async () => {
    await write(rawModel(), { shards: 2 });
    await folder.write('model.safetensors.index.json', JSON.stringify({ weight_map: { a: '%2e%2e%2fsecret.safetensors' } }));
    await expect(openModelFolder(folder.path)).rejects.toMatchObject({ code: 'CORRUPT', found: 'no %2e%2e%2fsecret.safetensors' });
  });

  const moved = 'model.layers.0.input_layernorm.weight';
  it.each<[string, (map: Record<string, string>) => void, string]>([
    [
      'in another shard',
      (map) => (map[moved] = 'model-00001-of-00002.safetensors'),
      `${moved}: the index says model-00001-of-00002.safetensors, but it is in model-00002-of-00002.safetensors`,
    ],
    [
      'that is nowhere',
      (map) => (map['model.layers.9.input_layernorm.weight'] = 'model-00001-of-00002.safetensors'),
      'model.layers.9.input_layernorm.weight: the index says model-00001-of-00002.safetensors, but neither that file nor another shard has it',
    ],
    ['no more', (map) => delete map[moved], `${moved}: it is in model-00002-of-00002.safetensors, but not in the index`],
  ])('with an index that says of a tensor that it is %s', async (_what, change, found) => {
    await write(rawModel(), { shards: 2 });
    const path = join(folder.path, 'model.safetensors.index.json');
    const index = JSON.parse(await readFile(path, 'utf8')) as { weight_map: Record<string, string> };
    change(index.weight_map);
    await writeFile(path, JSON.stringify(index));
    await expect(openModelFolder(folder.path)).rejects.toMatchObject({
      code: 'CORRUPT',
      message: 'model.safetensors.index.json and the shards disagree.',
      found,
      allowed: 'every tensor in the shard that weight_map names for it, and no others',
      hint:
        'Download model.safetensors.index.json and the shards that it names (model-00001-of-00002.safetensors, ' +
        'model-00002-of-00002.safetensors) again, from one version of the model.',
    });
  });

  it('with an index that has no weight_map', async () => {
    await write(rawModel(), { shards: 2 });
    await folder.write('model.safetensors.index.json', '{"metadata": {"total_size": 7}}');
    await expect(openModelFolder(folder.path)).rejects.toMatchObject({
      code: 'CORRUPT',
      found: 'no weight_map',
      allowed: expect.stringContaining('a weight_map that gives each tensor its file') as string,
    });
  });

  it('with an index that says two things of a tensor', async () => {
    await write(rawModel(), { shards: 2 });
    const path = join(folder.path, 'model.safetensors.index.json');
    const index = await readFile(path, 'utf8');
    await writeFile(
      path,
      index.replace('{"weight_map":{', '{').replace(`"${moved}":`, `"${moved}":"model-00001-of-00002.safetensors","${moved}":`),
    );
    await expect(openModelFolder(folder.path)).rejects.toMatchObject({ code: 'CORRUPT', found: `"${moved}" is there twice` });
  });

  it.each([
    ['config.json', { a: 1 }, 32],
    ['model.safetensors.index.json', {}, 8],
  ])('with a %s that is nested without end', async (name, value, depth) => {
    await write(rawModel(), { shards: 2 });
    await folder.write(name, JSON.stringify({ ...value, deep: 0 }).replace('0}', `${'['.repeat(100_000)}${']'.repeat(100_000)}}`));
    await expect(openModelFolder(folder.path)).rejects.toMatchObject({
      code: 'CORRUPT',
      found: `it is nested deeper than ${depth} levels`,
    });
  });

  it.each([
    ['{"weight_map":', 'is not JSON', 'a JSON object'],
    ['', 'is not JSON', 'a JSON object'],
    ['null', 'does not list the model', 'names of .safetensors files'],
  ])('with an index that is not one: %s', async (content, message, allowed) => {
    await write(rawModel(), { shards: 2 });
    await folder.write('model.safetensors.index.json', content);
    await expect(openModelFolder(folder.path)).rejects.toMatchObject({
      code: 'CORRUPT',
      message: expect.stringContaining(`model.safetensors.index.json ${message}`) as string,
      allowed: expect.stringContaining(allowed) as string,
    });
  });
});

describe('a plan that does not fit the model is refused:', () => {
  it.each([
    ['for more blocks', { baseBlocks: 3 }, '3 blocks in config.json', '3 of the base and 1 inserted, as expansion.json says'],
    ['for fewer blocks', { inserted: [] }, '3 blocks in config.json', '2 of the base and 0 inserted, as expansion.json says'],
    [
      'after a block that is not there',
      { inserted: [{ after: 2, copies: 1, position: 1 }] },
      'a copy of block 1 after block 2, at position 1',
      expect.anything(),
    ],
    [
      'of a block that is not there',
      { inserted: [{ after: 0, copies: 2, position: 1 }] },
      'a copy of block 2 after block 0, at position 1',
      expect.anything(),
    ],
    [
      'at another position',
      { inserted: [{ after: 0, copies: 0, position: 2 }] },
      'a copy of block 0 after block 0, at position 2',
      expect.anything(),
    ],
  ])('%s', async (_what, changed, found, allowed) => {
    await write(rawModel());
    await folder.write('expansion.json', expansion(changed));
    await expect(openModelFolder(folder.path)).rejects.toMatchObject({ code: 'CORRUPT', found, allowed: allowed as string });
  });

  it('one with an enormous number of blocks, at once', async () => {
    await write(rawModel());
    await folder.write('expansion.json', expansion({ baseBlocks: 2 ** 52 }));
    await expect(openModelFolder(folder.path)).rejects.toMatchObject({ code: 'CORRUPT' });
  });
});

describe('the identity of a model', () => {
  it('is the hash of its configuration and weights', async () => {
    await write(rawModel());
    const hash = createHash('sha256');
    for (const name of ['config.json', 'model.safetensors']) hash.update(name).update(await readFile(join(folder.path, name)));
    expect(await modelHash(folder.path)).toBe(hash.digest('hex'));
  });

  it('changes with any weight, and not with what lies beside them', async () => {
    const model = rawModel();
    await write(model);
    const hash = await modelHash(folder.path);
    await folder.write('README.md', 'a card');
    expect(await modelHash(folder.path)).toBe(hash);
    model.tensors.get('lm_head.weight')!.bytes[0]! ^= 1;
    await write(model);
    expect(await modelHash(folder.path)).not.toBe(hash);
  });

  it('of shards is that of all of them', async () => {
    await write(rawModel(), { shards: 3 });
    const hash = await modelHash(folder.path);
    const last = join(folder.path, 'model-00003-of-00003.safetensors');
    const bytes = await readFile(last);
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(last, bytes);
    expect(await modelHash(folder.path)).not.toBe(hash);
  });
});

it('the files of a model are its configuration, its weights and their index', async () => {
  await write(rawModel(), { shards: 2 });
  await folder.write('other.safetensors', 'x');
  expect(await modelFiles(folder.path)).toEqual([
    'config.json',
    'model.safetensors.index.json',
    'model-00001-of-00002.safetensors',
    'model-00002-of-00002.safetensors',
  ]);
  await write(rawModel());
  expect(await modelFiles(folder.path)).toEqual(['config.json', 'model.safetensors']);
});
