import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { expandModelFolder } from '../../../main/models/expansion/expand-folder.ts';
import { modelHash, openModelFolder } from '../../../main/models/model-folder.ts';
import { blockOwners } from '../../../shared/domain/expansion.ts';
import { type Place, planExpansion } from '../../../shared/domain/plan.ts';
import { errorWithFullDisk } from '../../support/limited-process.ts';
import { type RawModel, rawModel, rawTensor, readRawModel, writeRawModel } from '../../support/raw-models.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const folder = useTemporaryFolder();

const source = (): string => join(folder.path, 'base');
const destination = (): string => join(folder.path, 'models/expanded');
const base = { name: 'the base', hash: 'its hash' };

async function expand(place: Place, count?: number): Promise<RawModel> {
  const opened = await openModelFolder(source());
  await opened.close();
  const hash = await expandModelFolder(source(), destination(), planExpansion(opened.config.blocks, count, place), base);
  expect(hash).toBe(await modelHash(destination()));
  return readRawModel(destination());
}

/** Where each block of the expanded model must come from; a copy is marked by a minus sign behind it. */
type Layout = string[];

/** Compares every tensor of an expanded model with the base's, by a layout that is written out. */
function expectLayout(expanded: RawModel, original: RawModel, layout: Layout): void {
  const expected = new Map<string, string>(); // name in the expanded model -> name in the base
  for (const name of original.tensors.keys()) if (!name.includes('.layers.')) expected.set(name, name);
  for (const [position, from] of layout.entries()) {
    const block = Number.parseInt(from, 10);
    for (const name of original.tensors.keys()) {
      if (name.startsWith(`model.layers.${block}.`)) expected.set(name.replace(`.${block}.`, `.${position}.`), name);
    }
  }
  expect([...expanded.tensors.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [name, from] of expected) {
    const [tensor, origin] = [expanded.tensors.get(name)!, original.tensors.get(from)!];
    const position = /layers\.(\d+)/.exec(name)?.[1];
    const isCopy = position !== undefined && layout[Number(position)]!.endsWith('-');
    const isZero = isCopy && /o_proj|down_proj/.test(name);
    expect(tensor.shape, name).toEqual(origin.shape);
    expect(tensor.dtype, name).toBe(origin.dtype);
    expect(tensor.bytes.equals(isZero ? Buffer.alloc(origin.bytes.length) : origin.bytes), `${name} from ${from}`).toBe(true);
  }
  expect(expanded.config.num_hidden_layers).toBe(layout.length);
}

describe('an expanded folder', () => {
  it.each<[Place, number | undefined, number, Layout]>([
    ['even', 2, 4, ['0', '1', '1-', '2', '3', '3-']],
    ['even', undefined, 4, ['0', '1', '2', '3', '3-']],
    ['top', 2, 3, ['0', '1', '2', '1-', '2-']],
    ['bottom', 1, 3, ['0', '0-', '1', '2']],
    ['bottom', 2, 3, ['0', '0-', '1-', '1', '2']],
    [{ groups: 2, copies: 2 }, undefined, 4, ['0', '1', '0-', '1-', '2', '3', '2-', '3-']],
    [[0, 2, 2], undefined, 3, ['0', '0-', '1', '2', '2-', '2-']],
    [[2, 0], undefined, 3, ['0', '0-', '1', '2', '2-']],
    ['even', 3, 1, ['0', '0-', '0-', '0-']],
  ])('has the old tensors byte for byte and copies that add nothing: %j, %j new in %d blocks', async (place, count, blocks, layout) => {
    const model = rawModel({ blocks });
    await writeRawModel(source(), model);
    expectLayout(await expand(place, count), model, layout);
  });

  it.each(['F32', 'F16', 'BF16'] as const)('keeps the type of its tensors: %s', async (dtype) => {
    const model = rawModel({ dtype });
    await writeRawModel(source(), model);
    const expanded = await expand([1]);
    expectLayout(expanded, model, ['0', '1', '1-', '2']);
    expect(expanded.config.torch_dtype).toBe({ F32: 'float32', F16: 'float16', BF16: 'bfloat16' }[dtype]);
  });

  it('of mixed types is called by the widest, so that nothing is rounded when it is loaded in one', async () => {
    const model = rawModel({ dtype: 'BF16' });
    const name = 'model.layers.1.mlp.up_proj.weight';
    model.tensors.set(name, rawTensor(name, [20, 12], 'F32'));
    await writeRawModel(source(), model);
    const expanded = await expand([1]);
    expectLayout(expanded, model, ['0', '1', '1-', '2']);
    expect(expanded.config.torch_dtype).toBe('float32');
  });

  it('of shards is one file', async () => {
    const model = rawModel();
    await writeRawModel(source(), model, { shards: 3 });
    expectLayout(await expand([0]), model, ['0', '0-', '1', '2']);
    expect((await readdir(destination())).sort()).toEqual([
      'config.json',
      'expansion.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
  });

  it.each(['model.embed_tokens.weight', 'lm_head.weight'])('of a tied model stays tied, its table stored as %s', async (stored) => {
    const model = rawModel({ isTied: true });
    await writeRawModel(source(), renamed(model, 'model.embed_tokens.weight', stored));
    const expanded = await expand([2]);
    expectLayout(expanded, model, ['0', '1', '2', '2-']);
    expect(expanded.config.tie_word_embeddings).toBe(true);
  });

  it('has the configuration of the base but for the number of blocks', async () => {
    const model = rawModel();
    model.config.rope_scaling = null;
    model.config.eos_token_id = [2, 5];
    model.config.custom = { kept: true };
    await writeRawModel(source(), model);
    const { config } = await expand([0, 1]);
    expect(config).toEqual({ ...model.config, num_hidden_layers: 5, attention_bias: false, mlp_bias: false });
  });

  it('has the biases of the base, those of what copies add to the stream zeroed', async () => {
    const model = rawModel();
    for (const [name, { shape }] of [...model.tensors]) {
      const bias = name.replace(/_proj\.weight$/, '_proj.bias');
      if (bias !== name) model.tensors.set(bias, rawTensor(bias, shape.slice(0, 1), 'F32'));
    }
    Object.assign(model.config, { attention_bias: true, mlp_bias: true });
    await writeRawModel(source(), model);
    const expanded = await expand([1]);
    expectLayout(expanded, model, ['0', '1', '1-', '2']);
    for (const name of ['self_attn.o_proj.bias', 'mlp.down_proj.bias', 'self_attn.q_proj.bias']) {
      const isZero = expanded.tensors.get(`model.layers.2.${name}`)!.bytes.every((byte) => byte === 0);
      expect(isZero, name).toBe(name !== 'self_attn.q_proj.bias');
    }
  });

  it('has the lists of one value for each block extended as its blocks are', async () => {
    const model = rawModel();
    Object.assign(model.config, { layer_types: ['a', 'b', 'c'], no_rope_layers: [1, 0, 1], eos_token_id: [2, 5, 7], other_layers: [1] });
    await writeRawModel(source(), model);
    expect((await expand([0, 2])).config).toMatchObject({
      layer_types: ['a', 'a', 'b', 'c', 'c'],
      no_rope_layers: [1, 1, 0, 1, 1],
      eos_token_id: [2, 5, 7],
      other_layers: [1],
    });
  });

  it('has the tokenizer and all small files of the base, and none of its weights in other forms', async () => {
    await writeRawModel(source());
    const small = [
      'generation_config.json',
      'special_tokens_map.json',
      'chat_template.jinja',
      'LICENSE',
      'README.md',
      'vocab.json',
      'merges.txt',
      'tokenizer.model',
    ];
    for (const name of [...small, 'pytorch_model.bin', 'optimizer.pt', 'notes.txt', 'onnx/tokenizer.json'])
      await folder.write(`base/${name}`, `of ${name}`);
    await expand([0]);
    const copied = [...small, 'tokenizer.json', 'tokenizer_config.json'];
    expect((await readdir(destination())).sort()).toEqual([...copied, 'config.json', 'expansion.json', 'model.safetensors'].sort());
    for (const name of copied) expect(await readFile(join(destination(), name))).toEqual(await readFile(join(source(), name)));
  });

  it('carries its plan and the base that it was made from', async () => {
    await writeRawModel(source());
    await expand([0, 2, 2]);
    const inserted = [
      { after: 0, copies: 0, position: 1 },
      { after: 2, copies: 2, position: 4 },
      { after: 2, copies: 2, position: 5 },
    ];
    const method = { name: 'expand', plan: { schemaVersion: 1, baseBlocks: 3, inserted } };
    expect(JSON.parse(await readFile(join(destination(), 'expansion.json'), 'utf8'))).toEqual({
      schemaVersion: 3,
      base,
      line: [{ id: null, name: null, base, method, importance: null, training: null }],
      frozen: expect.objectContaining({ 'model.norm.weight': expect.stringMatching(/^F32 [0-9a-f]{64}$/) as string }) as object,
      changed: expect.any(Object) as object,
    });
  });

  it('can be opened and expanded again: what was inserted before is part of the base then', async () => {
    const model = rawModel({ blocks: 2 });
    await writeRawModel(source(), model);
    const once = await expand([1]);
    await expandModelFolder(destination(), join(folder.path, 'models/twice'), planExpansion(3, undefined, [0, 2]), {
      name: 'once',
      hash: 'x',
    });
    const twice = await readRawModel(join(folder.path, 'models/twice'));
    expectLayout(twice, once, ['0', '0-', '1', '2', '2-']);
    const opened = await openModelFolder(join(folder.path, 'models/twice'));
    expect(opened.plan?.inserted.map(({ position }) => position)).toEqual([1, 4]);
    expect(opened.expansion?.line.map((step) => step.base)).toEqual([base, { name: 'once', hash: 'x' }]);
    expect(opened.expansion?.base).toEqual(base);
    expect(blockOwners(opened.expansion!, 5)).toEqual(['base', 1, 'base', 0, 1]);
    await opened.close();
  });

  it('leaves the base as it is', async () => {
    await writeRawModel(source());
    const before = await contentsOf(source());
    await expand('even', 2);
    expect(await contentsOf(source())).toEqual(before);
  });
});

/** A model with a tensor under another name. */
function renamed(model: RawModel, from: string, to: string): RawModel {
  return { ...model, tensors: new Map([...model.tensors].map(([name, tensor]) => [name === from ? to : name, tensor])) };
}

async function contentsOf(directory: string): Promise<Record<string, string>> {
  const names = await readdir(directory);
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await readFile(join(directory, name), 'base64')] as const)));
}

describe('an expansion that cannot be done leaves nothing behind:', () => {
  it('a plan for another model', async () => {
    await writeRawModel(source());
    const before = await folder.list();
    await expect(expandModelFolder(source(), destination(), planExpansion(4, 1, 'even'), base)).rejects.toMatchObject({
      code: 'BAD_INPUT',
      message: 'The plan does not fit the model.',
      found: 'a plan for 4 blocks',
      allowed: "a plan for 3, the model's number of blocks",
    });
    expect(await folder.list()).toEqual(before);
  });

  it('a base that is no model', async () => {
    await folder.write('base/config.json', '{}');
    const before = await folder.list();
    await expect(expandModelFolder(source(), destination(), planExpansion(3, 1, 'even'), base)).rejects.toMatchObject({
      code: 'UNSUPPORTED',
    });
    expect(await folder.list()).toEqual(before);
  });

  it('a destination that is taken, which stays as it is', async () => {
    await writeRawModel(source());
    await folder.write('models/expanded/precious', 'mine');
    const before = await folder.list();
    await expect(expandModelFolder(source(), destination(), planExpansion(3, 1, 'even'), base)).rejects.toThrow();
    expect(await folder.list()).toEqual(before);
  });
});

it.runIf(process.platform === 'linux')('an expansion that fills the disk leaves nothing behind', async () => {
  await writeRawModel(source());
  await folder.write('models/another/config.json', '{}');
  const before = await folder.list();
  const module = join(import.meta.dirname, '../../../main/models/expansion/expand-folder.ts');
  expect(errorWithFullDisk(16, module, 'expandModelFolder', [source(), destination(), planExpansion(3, 1, 'even'), base])).toBe('EFBIG');
  expect(await folder.list()).toEqual(before);
});

it('what an interrupted expansion left behind is replaced', async () => {
  await writeRawModel(source());
  await folder.write('models/expanded.partial/model.safetensors.partial', 'half');
  await folder.write('models/expanded.partial/other', 'x');
  await expand([0]);
  expect((await folder.list()).filter((name) => name.includes('partial') || name.endsWith('other'))).toEqual([]);
});
