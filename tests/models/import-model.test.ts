import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { StrataError } from '../../shared/errors.ts';
import { importModel } from '../../main/models/import-model.ts';
import { modelHash, openModelFolder } from '../../main/models/model-folder.ts';
import { loadTokenizer } from '../../main/models/tokenizer.ts';
import { letterTokenizer, rawModel, rawTensor, writeRawModel } from '../support/raw-models.ts';
import { sharedData } from '../support/shared-data.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();

const source = (): string => join(folder.path, 'tiny');
const destination = (): string => join(folder.path, 'models/one');

/** Names and hashes of everything below a folder. */
async function contentsOf(directory: string): Promise<Record<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
  const hashes = await Promise.all(
    files.map(async (file) =>
      createHash('sha256')
        .update(await readFile(file))
        .digest('hex'),
    ),
  );
  return Object.fromEntries(files.map((file, index) => [file.slice(directory.length + 1), hashes[index]!]).sort());
}

describe('importing a Hugging Face folder', () => {
  it('copies the model as it is, and leaves the source as it is', async () => {
    await writeRawModel(source(), rawModel({ dtype: 'BF16' }));
    await folder.write('tiny/README.md', 'a card');
    const before = await contentsOf(source());
    expect(await importModel(source(), destination())).toEqual({
      suggestedName: 'tiny',
      architecture: 'LlamaForCausalLM',
    });
    expect(await contentsOf(source())).toEqual(before);
    expect(await contentsOf(destination())).toEqual(before);
    expect(await modelHash(destination())).toBe(await modelHash(source()));
  });

  it('leaves out what does not belong to it', async () => {
    await writeRawModel(source());
    for (const name of ['pytorch_model.bin', 'model.fp16.safetensors', 'optimizer.pt', 'runs/log.txt', '.cache/x'])
      await folder.write(`tiny/${name}`, 'x');
    await importModel(source(), destination());
    expect((await readdir(destination())).sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json']);
  });

  it.each([
    ['as they are named usually', 'model-00002-of-00003.safetensors'],
    ['whatever the index calls them', 'pytorch_model-2.safetensors'],
  ])('takes shards with their index, %s', async (_what, name) => {
    await writeRawModel(source(), rawModel(), { shards: 3 });
    const index = join(source(), 'model.safetensors.index.json');
    await writeFile(index, (await readFile(index, 'utf8')).replaceAll('model-00002-of-00003.safetensors', name));
    await rename(join(source(), 'model-00002-of-00003.safetensors'), join(source(), name));
    await importModel(source(), destination());
    expect(await contentsOf(destination())).toEqual(await contentsOf(source()));
  });

  it('takes the files that links point to, as model caches have them', async () => {
    await writeRawModel(join(folder.path, 'blobs'));
    await mkdir(source());
    for (const name of await readdir(join(folder.path, 'blobs'))) await symlink(`../blobs/${name}`, join(source(), name));
    await importModel(source(), destination());
    await rm(join(folder.path, 'blobs'), { recursive: true });
    expect((await loadTokenizer(destination())).encode('abc')).toEqual([1, 21]);
    await (await openModelFolder(destination())).close();
  });

  it('takes the plan of an expanded model along', async () => {
    await writeRawModel(source());
    const plan = { schemaVersion: 1, baseBlocks: 2, inserted: [{ after: 0, copies: 0, position: 1 }] };
    const expansion = JSON.stringify({ schemaVersion: 1, base: { name: 'b', hash: 'h' }, plan, training: null });
    await folder.write('tiny/expansion.json', expansion);
    await importModel(source(), destination());
    expect(await readFile(join(destination(), 'expansion.json'), 'utf8')).toBe(expansion);
  });

  it('names it after its folder, with a slash at the end or without', async () => {
    await writeRawModel(source());
    expect((await importModel(`${source()}//`, destination())).suggestedName).toBe('tiny');
  });

  it('replaces what an interrupted import left behind', async () => {
    await writeRawModel(source());
    await folder.write('models/one.partial/model.safetensors', 'half');
    await folder.write('models/one.partial/other', 'x');
    await importModel(source(), destination());
    expect(await readdir(join(folder.path, 'models'))).toEqual(['one']);
    expect(await contentsOf(destination())).toEqual(await contentsOf(source()));
  });
});

describe('what is not a whole model is refused, and nothing is left behind:', () => {
  /** Imports, expects a refusal, and that no file anywhere changed. */
  async function refusal(path: string): Promise<unknown> {
    await mkdir(join(folder.path, 'models'), { recursive: true });
    const before = await contentsOf(folder.path);
    const error: unknown = await importModel(path, destination()).then(
      () => expect.fail('it was imported'),
      (reason: unknown) => reason,
    );
    expect(await contentsOf(folder.path)).toEqual(before);
    expect(await readdir(join(folder.path, 'models'))).toEqual([]);
    return error;
  }

  const allowed =
    'a Hugging Face folder (config.json, model.safetensors, tokenizer.json), or a llama2.c checkpoint (.bin) with its tokenizer beside it';

  it('a path that is not there', async () => {
    const path = join(folder.path, 'none');
    expect(await refusal(path)).toMatchObject({ code: 'NOT_FOUND', message: 'There is no such file or folder.', found: path, allowed });
  });

  it('a folder of something else', async () => {
    await folder.write('tiny/photo.jpg', 'x');
    expect(await refusal(source())).toMatchObject({ code: 'NOT_FOUND', message: 'This folder holds no model.', found: 'photo.jpg' });
  });

  it('a text', async () => {
    expect(await refusal(await folder.write('story.txt', 'Once upon a time'))).toMatchObject({
      code: 'UNSUPPORTED',
      message: 'This file is not a model that Strata reads yet.',
      found: 'story.txt',
      allowed,
      hint: 'Convert it to a Hugging Face folder first.',
    });
  });

  it('weights without their folder, which is named', async () => {
    await writeRawModel(source());
    expect(await refusal(join(source(), 'model.safetensors'))).toMatchObject({
      code: 'UNSUPPORTED',
      hint: `Import its folder instead: ${source()}`,
    });
  });

  it('a file that is named as a checkpoint and is none', async () => {
    expect(await refusal(await folder.write('pytorch_model.bin', Buffer.from('PK\x03\x04 and more', 'latin1')))).toMatchObject({
      code: 'UNSUPPORTED',
      found: 'pytorch_model.bin',
    });
  });

  it('another architecture, by name', async () => {
    const model = rawModel();
    model.config.architectures = ['MistralForCausalLM'];
    await writeRawModel(source(), model);
    expect(await refusal(source())).toMatchObject({
      code: 'UNSUPPORTED',
      message: 'Strata does not know this architecture.',
      found: 'MistralForCausalLM',
      allowed: 'LlamaForCausalLM',
    });
  });

  it('a missing tensor', async () => {
    const model = rawModel();
    model.tensors.delete('model.norm.weight');
    await writeRawModel(source(), model);
    expect(await refusal(source())).toMatchObject({ code: 'CORRUPT', found: 'no model.norm.weight' });
  });

  it('a tensor of another shape', async () => {
    const model = rawModel();
    model.tensors.set('model.norm.weight', rawTensor('norm', [13], 'F32'));
    await writeRawModel(source(), model);
    expect(await refusal(source())).toMatchObject({ code: 'CORRUPT', found: 'model.norm.weight of shape [13]' });
  });

  it('no tokenizer, with the folder that was given', async () => {
    await writeRawModel(source());
    await rm(join(source(), 'tokenizer.json'));
    expect(await refusal(source())).toMatchObject({ code: 'NOT_FOUND', found: `no tokenizer.json in ${source()}` });
  });

  it('a damaged tokenizer', async () => {
    await writeRawModel(source());
    await folder.write('tiny/tokenizer.json', '{"model":');
    expect(await refusal(source())).toMatchObject({
      code: 'CORRUPT',
      message: `${join(source(), 'tokenizer.json')} cannot be understood.`,
    });
  });

  it('a tokenizer of more tokens than the model has', async () => {
    await writeRawModel(source());
    const json = letterTokenizer();
    (json.model as { vocab: Record<string, number> }).vocab.z = 23;
    await folder.write('tiny/tokenizer.json', JSON.stringify(json));
    expect(await refusal(source())).toMatchObject({
      code: 'CORRUPT',
      message: 'The tokenizer knows more tokens than the model.',
      found: '24 tokens in tokenizer.json',
      allowed: "up to 23, the model's vocabulary",
    });
  });

  it('a destination that is taken stays as it is', async () => {
    await writeRawModel(source());
    await folder.write('models/one/precious', 'mine');
    const before = await contentsOf(folder.path);
    await expect(importModel(source(), destination())).rejects.toThrow();
    expect(await contentsOf(folder.path)).toEqual(before);
    expect(await readdir(join(folder.path, 'models'))).toEqual(['one']);
  });
});

describe.skipIf(!sharedData)('real models', () => {
  it('TinyStories-656K is copied as it lies there', async () => {
    const path = join(sharedData!, 'models/tinystories-656k');
    expect(await importModel(path, destination())).toEqual({
      suggestedName: 'tinystories-656k',
      architecture: 'LlamaForCausalLM',
    });
    const [copied, original] = [await contentsOf(destination()), await contentsOf(path)];
    for (const [name, hash] of Object.entries(original)) if (name !== 'expected.json') expect(copied[name], name).toBe(hash);
    expect(Object.keys(copied).sort()).toEqual(
      Object.keys(original)
        .filter((name) => name !== 'expected.json')
        .sort(),
    );
  });

  it.each(['stories260K.bin', 'checkpoint_v1.bin'])('%s becomes a folder with its tokenizer', async (name) => {
    const result = await importModel(join(sharedData!, 'models/stories260k', name), destination());
    expect(result).toMatchObject({ suggestedName: name.replace('.bin', ''), architecture: 'LlamaForCausalLM' });
    const opened = await openModelFolder(destination());
    expect(opened.config).toMatchObject({
      hiddenSize: 64,
      blocks: 5,
      heads: 8,
      keyValueHeads: 4,
      vocabularySize: 512,
      tiedEmbeddings: true,
    });
    await opened.close();
    expect((await loadTokenizer(destination())).vocabularySize).toBe(512);
  });

  it('a folder with one llama2.c checkpoint is taken for it; with several, they are named', async () => {
    const shipped = join(sharedData!, 'models/stories260k');
    const several = await importModel(shipped, destination()).catch((error: unknown) => error);
    expect(several).toMatchObject({ code: 'BAD_INPUT', found: 'checkpoint_v1.bin, stories260K.bin' });
    expect((several as StrataError).hint).toContain('Import one of the files');
    await mkdir(join(folder.path, 'one'));
    for (const name of ['stories260K.bin', 'tok512.bin']) await copyFile(join(shipped, name), join(folder.path, 'one', name));
    expect(await importModel(join(folder.path, 'one'), destination())).toMatchObject({ architecture: 'LlamaForCausalLM' });
  });

  it('a cut checkpoint is refused with its sizes', async () => {
    const bytes = await readFile(join(sharedData!, 'models/stories260k/stories260K.bin'));
    const path = await folder.write('in/stories260K.bin', bytes.subarray(0, 1_000_000));
    await folder.write('in/tok512.bin', await readFile(join(sharedData!, 'models/stories260k/tok512.bin')));
    await expect(importModel(path, destination())).rejects.toMatchObject({
      code: 'CORRUPT',
      found: '1000000 bytes',
      allowed: '1056540 bytes, as its header says',
    });
  });

  it('a GGUF file is refused by name', async () => {
    const path = join(sharedData!, 'models/llama2-tiny-random-gguf/llama-2-tiny-random.gguf');
    await expect(importModel(path, destination())).rejects.toMatchObject({ code: 'UNSUPPORTED', found: 'llama-2-tiny-random.gguf' });
  });

  it('a folder with a tokenizer and no weights is refused', async () => {
    await expect(importModel(join(sharedData!, 'tokenizers/smollm2'), destination())).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'This folder holds no weights that Strata reads.',
    });
    expect(await readdir(join(folder.path, 'models'))).toEqual([]);
  });
});
