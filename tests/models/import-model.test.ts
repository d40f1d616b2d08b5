import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, realpath, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { StrataError } from '../../shared/errors.ts';
import { importModel } from '../../main/models/import-model.ts';
import { modelHash, openModelFolder } from '../../main/models/model-folder.ts';
import { loadTokenizer } from '../../main/models/tokenizer.ts';
import { letterTokenizer, rawModel, rawTensor, readRawModel, writeRawModel } from '../support/raw-models.ts';
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
      hash: await modelHash(source()),
      notes: [],
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

  it('takes the files that links point to in Hugging Face’s cache', async () => {
    const cache = join(folder.path, 'models--owner--tiny');
    const snapshot = join(cache, 'snapshots/0123abc');
    await writeRawModel(join(cache, 'blobs'), rawModel(), { shards: 2 });
    await mkdir(snapshot, { recursive: true });
    for (const name of await readdir(join(cache, 'blobs'))) await symlink(`../../blobs/${name}`, join(snapshot, name));
    await importModel(snapshot, destination());
    await rm(cache, { recursive: true });
    expect((await loadTokenizer(destination())).encode('abc')).toEqual([1, 21]);
    await (await openModelFolder(destination())).close();
  });

  it('takes files that are links to others of the same folder, and a folder that is a link itself', async () => {
    await writeRawModel(source());
    await rename(join(source(), 'model.safetensors'), join(source(), 'weights.bin'));
    await symlink('weights.bin', join(source(), 'model.safetensors'));
    await symlink('tiny', join(folder.path, 'link'));
    expect(await importModel(join(folder.path, 'link'), destination())).toMatchObject({ suggestedName: 'link' });
    expect((await readRawModel(destination())).tensors).toEqual(rawModel().tensors);
  });

  it('takes the only safetensors file whatever it is called, and calls it as every program does', async () => {
    await writeRawModel(source());
    await rename(join(source(), 'model.safetensors'), join(source(), 'tiny-q.safetensors'));
    await folder.write('tiny/adapter_model.safetensors', 'of an adapter');
    const { hash } = await importModel(source(), destination());
    expect((await readdir(destination())).sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json']);
    expect(await modelHash(destination())).toBe(hash);
    expect((await readRawModel(destination())).tensors).toEqual(rawModel().tensors);
  });

  it('takes everything that belongs to a tokenizer and to talking', async () => {
    await writeRawModel(source());
    const small = ['generation_config.json', 'special_tokens_map.json', 'chat_template.jinja', 'chat_template.json', 'added_tokens.json'];
    for (const name of small) await folder.write(`tiny/${name}`, JSON.stringify({ of: name }));
    const before = await contentsOf(source());
    await importModel(source(), destination());
    expect(await contentsOf(destination())).toEqual(before);
  });

  it.each([
    ['{"bos_token_id": 1, "eos_token_id": [2, 22], "pad_token_id": -1}', '{"pad_token": null}', '{"eos_token": {"content": "</s>"}}'],
    ['{"eos_token_id": null}', '{"tokenizer_class": "LlamaTokenizer", "pad_token": "<pad>"}', '{}'],
    ['{"eos_token_id": -1, "eos_token_id": 2}', '{"bos_token": "<s>", "bos_token": "<s>"}', '{}'],
  ])('takes settings as other programs take them: %s', async (generation, tokenizer, tokens) => {
    await writeRawModel(source(), { ...rawModel(), config: { ...rawModel().config, pad_token_id: -1 } });
    await folder.write('tiny/generation_config.json', generation);
    await folder.write('tiny/tokenizer_config.json', tokenizer);
    await folder.write('tiny/special_tokens_map.json', tokens);
    await importModel(source(), destination());
    expect(await contentsOf(destination())).toEqual(await contentsOf(source()));
  });

  it('takes -1 as an end token for none', async () => {
    await writeRawModel(source(), { ...rawModel(), config: { ...rawModel().config, eos_token_id: -1 } });
    await folder.write('tiny/tokenizer_config.json', '{}');
    await importModel(source(), destination());
    expect((await loadTokenizer(destination())).eosTokenId).toBeNull();
  });

  it.each<[string, string, RegExp, RegExp]>([
    ['generation_config.json', '{"eos_token_id": 2', /Expected|Unexpected/, /a JSON object/],
    ['generation_config.json', '', /^an empty file$/, /a JSON object/],
    ['generation_config.json', '[1]', /^\[1\]$/, /a JSON object/],
    ['tokenizer_config.json', 'null', /^null$/, /a JSON object/],
    ['tokenizer_config.json', '{"eos_token": 2}', /^eos_token 2$/, /^a text such as/],
    ['special_tokens_map.json', '"x"', /^"x"$/, /a JSON object/],
    ['special_tokens_map.json', '{"bos_token": {}}', /^bos_token \{\}$/, /^a text such as/],
    ['generation_config.json', '{"eos_token_id": 23}', /^eos_token_id 23$/, /^ids from 0 to 22/],
    ['generation_config.json', '{"eos_token_id": [2, 32000]}', /^eos_token_id \[2,32000\]$/, /^ids from 0 to 22/],
    ['generation_config.json', '{"bos_token_id": [1]}', /^bos_token_id \[1\]$/, /^ids from 0 to 22/],
    ['generation_config.json', '{"pad_token_id": -2}', /^pad_token_id -2$/, /or -1 or null/],
    ['generation_config.json', '{"eos_token_id": "2"}', /^eos_token_id "2"$/, /^ids from 0 to 22/],
    ['generation_config.json', `{"eos_token_id": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`, /^eos_token_id a list of 1$/, /^ids from/],
    ['config.json', JSON.stringify({ ...rawModel().config, bos_token_id: 23 }), /^bos_token_id 23$/, /^ids from 0 to 22/],
    ['config.json', JSON.stringify({ ...rawModel().config, pad_token_id: 32_000 }), /^pad_token_id 32000$/, /^ids from 0 to 22/],
    [
      'config.json',
      JSON.stringify({ ...rawModel().config, model_type: 'mistral' }),
      /^architectures \["LlamaForCausalLM"\] with model_type "mistral"$/,
      /\["LlamaForCausalLM"\] with "llama"/,
    ],
  ])('refuses a %s that cannot be right: case %#', async (name, text, found, allowed) => {
    await writeRawModel(source());
    await folder.write(`tiny/${name}`, text);
    const refusal = await importModel(source(), destination()).catch((error: unknown) => error as StrataError);
    expect(refusal).toMatchObject({ code: 'CORRUPT', message: expect.stringMatching(/\.json/) as string });
    expect((refusal as StrataError).found).toMatch(found);
    expect((refusal as StrataError).allowed).toMatch(allowed);
    expect((refusal as StrataError).hint).toMatch(/download|Download/);
    expect(existsSync(destination())).toBe(false);
  });

  it('takes mixed types, and a tied model that stores its one table twice', async () => {
    const model = rawModel({ isTied: true, dtype: 'BF16' });
    model.tensors.set('model.norm.weight', rawTensor('wide', [12], 'F32'));
    model.tensors.set('lm_head.weight', model.tensors.get('model.embed_tokens.weight')!);
    await writeRawModel(source(), model);
    await importModel(source(), destination());
    expect((await readRawModel(destination())).tensors).toEqual(model.tensors);
  });

  it('takes biases where the configuration has them', async () => {
    const model = rawModel();
    model.config.attention_bias = true;
    for (let block = 0; block < 3; block++) {
      for (const name of ['q_proj', 'k_proj', 'v_proj', 'o_proj']) {
        const weight = model.tensors.get(`model.layers.${block}.self_attn.${name}.weight`)!;
        const bias = `model.layers.${block}.self_attn.${name}.bias`;
        model.tensors.set(bias, rawTensor(bias, weight.shape.slice(0, 1), 'F32'));
      }
    }
    await writeRawModel(source(), model);
    await importModel(source(), destination());
    expect((await readRawModel(destination())).tensors).toEqual(model.tensors);
  });

  it('takes the plan of an expanded model along', async () => {
    await writeRawModel(source());
    const plan = { schemaVersion: 1, baseBlocks: 2, inserted: [{ after: 0, copies: 0, position: 1 }] };
    const expansion = JSON.stringify({ schemaVersion: 1, base: { name: 'b', hash: 'h' }, plan, training: null });
    await folder.write('tiny/expansion.json', expansion);
    await importModel(source(), destination());
    expect(await readFile(join(destination(), 'expansion.json'), 'utf8')).toBe(expansion);
  });

  it.each([
    [
      { sliding_window: 16 },
      [/^config\.json names a sliding window of 16 tokens, which a LlamaForCausalLM does not have: .* context of 32\./],
    ],
    [{ sliding_window: 32 }, []],
    [{ sliding_window: null }, []],
    [{ architectures: ['MistralForCausalLM'], model_type: 'mistral', sliding_window: 16 }, []],
  ])('notes a window that nothing goes by: %j', async (fields, notes) => {
    await writeRawModel(source(), { ...rawModel(), config: { ...rawModel().config, max_position_embeddings: 32, ...fields } });
    const imported = await importModel(source(), destination());
    expect(imported.notes).toEqual(notes.map((note) => expect.stringMatching(note) as string));
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

  /** The same where something lies in the folders that cannot be read. */
  async function refusalWith(path: string, unreadable: string): Promise<unknown> {
    const startedAt = Date.now();
    const error: unknown = await importModel(path, destination()).then(
      () => expect.fail('it was imported'),
      (reason: unknown) => reason,
    );
    expect(Date.now() - startedAt).toBeLessThan(2000);
    expect(await readdir(join(folder.path, 'models'))).toEqual([]);
    await rm(unreadable);
    return error;
  }

  const allowed =
    'a Hugging Face folder (config.json, model.safetensors, tokenizer.json), a GGUF file, or a llama2.c checkpoint (.bin) with its tokenizer beside it';

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
      message: 'This file is not a model that Strata reads.',
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
      hint: expect.stringContaining('safe_serialization=True') as string,
    });
  });

  it.each([
    ['model.zip', 'PK\x03\x04', 'model.zip, a zip archive'],
    ['model.tar.gz', '\x1f\x8b\x08', 'model.tar.gz, a gzip archive'],
    ['model.tar.zst', '\x28\xb5\x2f\xfd', 'model.tar.zst, a zstd archive'],
    ['model.txz', '\xfd7zXZ\0', 'model.txz, an xz archive'],
    ['model.7z', '7z\xbc\xaf\x27\x1c', 'model.7z, a 7z archive'],
  ])('an archive, which nobody unpacks: %s', async (name, start, found) => {
    const path = await folder.write(name, Buffer.from(start + 'and more', 'latin1'));
    expect(await refusal(path)).toMatchObject({
      code: 'UNSUPPORTED',
      found,
      hint: 'Unpack it and import the folder that was in it.',
    });
  });

  it.each([
    ['PK\x03\x04', 'z.gguf, a zip archive', 'Unpack it and import the folder that was in it.'],
    ['text', 'z.gguf, which begins with "text" instead of "GGUF"', 'Download or copy it again: what lies there is no GGUF file'],
  ])('another file by the name of a GGUF file, as by any other name: %j', async (start, found, hint) => {
    const path = await folder.write('z.gguf', Buffer.from(start + 'and more', 'latin1'));
    expect(await refusal(path)).toMatchObject({
      code: 'UNSUPPORTED',
      message: 'This file is not a model that Strata reads.',
      found,
      hint: expect.stringContaining(hint) as string,
    });
  });

  it.each(['', 'GG', 'GGUF\x03'])('a GGUF file that ends after %j: one that was cut off', async (start) => {
    expect(await refusal(await folder.write('z.gguf', start))).toMatchObject({
      code: 'CORRUPT',
      message: expect.stringContaining('is not a complete GGUF file') as string,
    });
  });

  it('weights of PyTorch in a folder, with how to convert them', async () => {
    await writeRawModel(source());
    await rename(join(source(), 'model.safetensors'), join(source(), 'pytorch_model.bin'));
    expect(await refusal(source())).toMatchObject({
      code: 'NOT_FOUND',
      found: 'pytorch_model.bin',
      hint: expect.stringContaining('safe_serialization=True') as string,
    });
  });

  it('several files of weights without an index', async () => {
    await writeRawModel(source());
    await rename(join(source(), 'model.safetensors'), join(source(), 'a.safetensors'));
    await folder.write('tiny/b.safetensors', 'x');
    expect(await refusal(source())).toMatchObject({ code: 'NOT_FOUND', found: 'a.safetensors, b.safetensors' });
  });

  it('a head that contradicts the configuration', async () => {
    const model = rawModel({ isTied: true });
    model.tensors.set('lm_head.weight', rawTensor('another', [23, 12], 'F32'));
    await writeRawModel(source(), model);
    expect(await refusal(source())).toMatchObject({
      code: 'CORRUPT',
      found: 'lm_head.weight that differs from model.embed_tokens.weight, with tie_word_embeddings: true',
      hint: expect.stringContaining('Set tie_word_embeddings to false') as string,
    });
  });

  it.each([
    ['NaN', 'F32', [0x7fc00000], 1],
    ['NaN of another kind', 'F32', [0xff800001], 1],
    ['infinity', 'F32', [0x7f800000, 0xff800000], 2],
    ['NaN', 'F16', [0x7e007e00, 0x3c00fe01], 3],
    ['infinity', 'F16', [0x7c003c00], 1],
    ['NaN', 'BF16', [0x7fc03f80, 0xffc13f80], 2],
    ['infinity', 'BF16', [0x3f80ff80], 1],
  ] as const)('weights with %s in %s, with their tensor and their number', async (_what, dtype, words, count) => {
    const model = rawModel({ dtype });
    const name = 'model.layers.1.mlp.up_proj.weight';
    const { bytes } = model.tensors.get(name)!;
    for (const [index, word] of words.entries()) bytes.writeUInt32LE(word, 40 + 64 * index);
    await writeRawModel(source(), model);
    expect(await refusal(source())).toMatchObject({
      code: 'CORRUPT',
      message: 'The model has weights that are infinite or not a number.',
      found: `${count} of the 240 numbers of ${name} in model.safetensors`,
      allowed: 'finite numbers',
    });
  });

  it.each(['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json', 'generation_config.json', 'expansion.json'])(
    'a link out of the folder: %s',
    async (name) => {
      await writeRawModel(source());
      const secret = await folder.write('secret', '{}');
      await rm(join(source(), name), { force: true });
      await symlink('../secret', join(source(), name));
      expect(await refusal(source())).toMatchObject({
        code: 'BAD_INPUT',
        message: `${join(source(), name)} is a link out of the model's folder.`,
        found: `a link to ${await realpath(secret)}`,
        allowed: 'files of the folder itself',
      });
    },
  );

  it('a link out of the cache’s folder of the model, to that of another', async () => {
    const cache = join(folder.path, 'models--owner--tiny');
    const snapshot = join(cache, 'snapshots/0123abc');
    await writeRawModel(snapshot);
    const other = await folder.write('models--owner--secret/blobs/tokenizer', '{}');
    await rm(join(snapshot, 'tokenizer.json'));
    await symlink(other, join(snapshot, 'tokenizer.json'));
    expect(await refusal(snapshot)).toMatchObject({
      code: 'BAD_INPUT',
      found: `a link to ${await realpath(other)}`,
      allowed: `files of the folder itself and of ${await realpath(cache)}/blobs`,
    });
  });

  it.each([
    ['to nothing', 'nowhere', /no such file/],
    ['to itself', 'model.safetensors', /links that lead to each other/],
  ])('a link %s', async (_what, target, found) => {
    await writeRawModel(source());
    await rm(join(source(), 'model.safetensors'));
    await symlink(target, join(source(), 'model.safetensors'));
    expect(await refusalWith(source(), join(source(), 'model.safetensors'))).toMatchObject({
      code: 'CORRUPT',
      message: `${join(source(), 'model.safetensors')} is a link to a file that is not there.`,
      found: expect.stringMatching(found) as string,
    });
  });

  describe.runIf(process.platform === 'linux')('something else in the place of a file, at once:', () => {
    it.each(['config.json', 'model.safetensors', 'tokenizer.json', 'generation_config.json', 'expansion.json'])(
      'a pipe: %s',
      async (name) => {
        await writeRawModel(source());
        await rm(join(source(), name), { force: true });
        execFileSync('mkfifo', [join(source(), name)]);
        expect(await refusalWith(source(), join(source(), name))).toMatchObject({
          code: 'BAD_INPUT',
          message: `${join(source(), name)} is not a file.`,
          found: 'a pipe',
        });
      },
    );

    it.each(['config.json', 'model.safetensors'])('a folder: %s', async (name) => {
      await writeRawModel(source());
      await rm(join(source(), name));
      await mkdir(join(source(), name));
      expect(await refusal(source())).toMatchObject({ code: 'BAD_INPUT', found: 'a folder' });
    });

    it('a socket', async () => {
      await writeRawModel(source());
      const path = join(source(), 'model.safetensors');
      await rm(path);
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(path, resolve));
      const error = await refusalWith(source(), path);
      server.close();
      expect(error).toMatchObject({ code: 'BAD_INPUT', found: 'a socket' });
    });

    it.each(['/dev/zero', '/dev/stdin'])('a device that is given itself: %s', async (path) => {
      expect(await refusal(path)).toMatchObject({ code: 'BAD_INPUT', message: `${path} is not a file.` });
    });

    it('a pipe that is given itself, or lies in a folder as a checkpoint would', async () => {
      await mkdir(source());
      const pipe = join(source(), 'model.bin');
      execFileSync('mkfifo', [pipe]);
      for (const given of [pipe, source()]) {
        if (!existsSync(pipe)) execFileSync('mkfifo', [pipe]);
        expect(await refusalWith(given, pipe)).toMatchObject({ code: 'BAD_INPUT', message: `${pipe} is not a file.`, found: 'a pipe' });
      }
    });
  });

  it('a file that changes while it is read', async () => {
    const model = rawModel();
    const size = 2 ** 22;
    model.tensors.set('model.embed_tokens.weight', rawTensor('large', [(size / 12) | 0, 12], 'F32'));
    model.config.vocab_size = (size / 12) | 0;
    model.tensors.set('lm_head.weight', rawTensor('large', [(size / 12) | 0, 12], 'F32'));
    await writeRawModel(source(), model);
    const path = join(source(), 'model.safetensors');
    const importing = importModel(source(), destination()).catch((error: unknown) => error);
    await expect
      .poll(
        () =>
          stat(join(folder.path, 'models/one.partial/model.safetensors')).then(
            ({ size }) => size,
            () => 0,
          ),
        { interval: 1 },
      )
      .toBeGreaterThan(0);
    await utimes(path, new Date(), new Date());
    expect(await importing).toMatchObject({ code: 'CONFLICT', message: `${path} was changed while it was read.` });
    expect(await readdir(join(folder.path, 'models'))).toEqual([]);
  });

  it('another architecture, by name', async () => {
    const model = rawModel();
    model.config.architectures = ['GPT2LMHeadModel'];
    await writeRawModel(source(), model);
    expect(await refusal(source())).toMatchObject({
      code: 'UNSUPPORTED',
      message: 'Strata does not know this architecture.',
      found: 'GPT2LMHeadModel',
      allowed: 'LlamaForCausalLM, MistralForCausalLM',
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
    expect(await refusal(source())).toMatchObject({
      code: 'NOT_FOUND',
      found: `no tokenizer.json in ${source()}`,
      allowed: expect.stringMatching(/tokenizer\.json .*tokenizer\.model .*GGUF/) as string,
    });
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
      hash: await modelHash(path),
      notes: [],
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

  it('a folder with a SentencePiece tokenizer only gets a tokenizer.json of it', async () => {
    const model = rawModel();
    model.config.vocab_size = 4096;
    for (const name of ['model.embed_tokens.weight', 'lm_head.weight']) model.tensors.set(name, rawTensor(name, [4096, 12], 'F32'));
    await writeRawModel(source(), model);
    for (const name of ['tokenizer.json', 'tokenizer_config.json']) await rm(join(source(), name));
    await copyFile(join(sharedData!, 'tokenizers/sentencepiece/storyllamas_4096.model'), join(source(), 'tokenizer.model'));
    const { hash } = await importModel(source(), destination());
    expect(await modelHash(destination())).toBe(hash);
    const tokenizer = await loadTokenizer(destination());
    expect(tokenizer.vocabularySize).toBe(4096);
    const text = 'Once upon a time there was a lighthouse.';
    expect(tokenizer.encode(text)[0]).toBe(tokenizer.bosTokenId);
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    expect((await readdir(destination())).sort()).toEqual([
      'config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer.model',
      'tokenizer_config.json',
    ]);
  });

  it('a GGUF file becomes a folder, given itself or as the only one of a folder', async () => {
    const shipped = join(sharedData!, 'models/llama2-tiny-random-gguf/llama-2-tiny-random.gguf');
    expect(await importModel(shipped, destination())).toMatchObject({
      suggestedName: 'llama-2-tiny-random',
      architecture: 'LlamaForCausalLM',
      hash: await modelHash(destination()),
    });
    await mkdir(source());
    await copyFile(shipped, join(source(), 'llama-2-tiny-random.gguf'));
    await folder.write('tiny/config.json', '{}'); // repositories of GGUF files have one beside them
    await importModel(source(), join(folder.path, 'models/two'));
    expect(await contentsOf(join(folder.path, 'models/two'))).toEqual(await contentsOf(destination()));
    await folder.write('tiny/other.gguf', 'x');
    await expect(importModel(source(), join(folder.path, 'models/three'))).rejects.toMatchObject({
      code: 'BAD_INPUT',
      found: 'llama-2-tiny-random.gguf, other.gguf',
    });
  });

  it('a folder with a tokenizer and no weights is refused', async () => {
    await expect(importModel(join(sharedData!, 'tokenizers/smollm2'), destination())).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'This folder holds no weights that Strata reads.',
    });
    expect(await readdir(join(folder.path, 'models'))).toEqual([]);
  });
});
