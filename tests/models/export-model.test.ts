import { mkdir, readdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { expandModelFolder } from '../../main/models/expand-folder.ts';
import { folderBytes } from '../../main/models/export-destination.ts';
import { exportHuggingFace } from '../../main/models/export-model.ts';
import { openModelFolder } from '../../main/models/model-folder.ts';
import { planExpansion } from '../../shared/domain/plan.ts';
import { errorWithFullDisk } from '../support/limited-process.ts';
import { rawModel, rawTensor, readRawModel, writeRawModel } from '../support/raw-models.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

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
    expect(await refused()).toMatchObject({ code: 'NOT_FOUND', message: 'Part of the model is missing.' });
  });

  it('a file of the model can no longer be read when its turn comes', async () => {
    await writeRawModel(source());
    await symlink('nowhere', join(source(), 'special_tokens_map.json'));
    await mkdir(join(folder.path, 'out'));
    await refused();
  });

  it.runIf(process.platform === 'linux')('the disk fills up', async () => {
    await writeRawModel(source());
    await mkdir(join(folder.path, 'out'));
    const before = await folder.list();
    const module = join(import.meta.dirname, '../../main/models/export-model.ts');
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
