import { copyFile, cp, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { attachPack } from '../../../main/models/pack/attach-pack.ts';
import { expandModelFolder } from '../../../main/models/expansion/expand-folder.ts';
import { isPack, openPack } from '../../../main/models/pack/expansion-pack.ts';
import { exportPack } from '../../../main/models/pack/export-pack.ts';
import { modelHash } from '../../../main/models/model-folder.ts';
import { planExpansion } from '../../../shared/domain/plan.ts';
import { packTensors, type RawDtype, rawModel, rawTensor, readRawModel, unpackTensors, writeRawModel } from '../../support/raw-models.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const folder = useTemporaryFolder();

const at = (name: string): string => join(folder.path, name);
const base = (): { name: string; directory: string } => ({ name: 'the base', directory: at('base') });
const model = (): { name: string; directory: string } => ({ name: 'the model', directory: at('model') });

/** A base, and a model with blocks inserted at positions 2 and 3 that were trained in 32 bits, as Strata saves them. */
async function writeModels({ dtype = 'BF16', isTied = false }: { dtype?: RawDtype; isTied?: boolean } = {}): Promise<void> {
  await writeRawModel(at('base'), rawModel({ dtype, isTied }));
  await folder.write('base/generation_config.json', '{"a": 1}\n');
  await folder.write('base/LICENSE', 'The licence of the base.\n');
  const hash = await modelHash(at('base'));
  await expandModelFolder(at('base'), at('model'), planExpansion(3, undefined, [1, 1]), { name: 'the base', hash });
  const { tensors, metadata } = unpackTensors(await readFile(at('model/model.safetensors')));
  for (const [name, { shape }] of tensors) {
    if (/layers\.[23]\./.test(name)) tensors.set(name, rawTensor(`trained ${name}`, shape, 'F32'));
  }
  await writeFile(at('model/model.safetensors'), packTensors(tensors, metadata as Record<string, string>));
  await padWeights(at('model'));
  await folder.write('model/generation_config.json', '{"a": 2}\n');
}

/** A file whose data begin at a multiple of 8, as the safetensors packages and Strata write it. */
function padded(file: Buffer, spaces = 8 - (file.readUInt32LE() % 8)): Buffer {
  const length = file.readUInt32LE();
  const header = Buffer.concat([file.subarray(0, 8 + length), Buffer.alloc(spaces % 8, ' ')]);
  header.writeUInt32LE(header.length - 8);
  return Buffer.concat([header, file.subarray(8 + length)]);
}

async function padWeights(directory: string): Promise<void> {
  for (const name of (await readdir(directory)).filter((each) => each.endsWith('.safetensors'))) {
    await writeFile(join(directory, name), padded(await readFile(join(directory, name))));
  }
}

async function contents(directory: string): Promise<Map<string, string>> {
  const names = (await readdir(directory)).sort();
  return new Map(await Promise.all(names.map(async (name) => [name, (await readFile(join(directory, name))).toString('base64')] as const)));
}

describe('a pack', () => {
  it.each([{ dtype: 'BF16' as const, isTied: true }, { dtype: 'F32' as const }, { dtype: 'F16' as const }])(
    'put on its base is the model that it was made of, byte for byte: %o',
    async (options) => {
      await writeModels(options);
      const result = await exportPack(model(), base(), at('pack'));
      expect(result).toMatchObject({ path: at('pack'), format: 'pack', dtype: 'F32', verified: true });
      await attachPack(at('pack'), base(), at('again'));
      expect(await contents(at('again'))).toEqual(await contents(at('model')));
      expect(await modelHash(at('again'))).toBe(await modelHash(at('model')));
    },
  );

  it('holds the inserted blocks and nothing that the base has', async () => {
    await writeModels();
    const { bytes } = await exportPack(model(), base(), at('pack'));
    const { tensors } = unpackTensors(await readFile(at('pack/inserted.safetensors')));
    expect([...tensors.keys()].every((name) => /^model\.layers\.[23]\./.test(name))).toBe(true);
    const whole = await readRawModel(at('model'));
    for (const [name, tensor] of tensors) expect(tensor, name).toEqual(whole.tensors.get(name));
    expect(tensors.size).toBe(18);
    const files = (await folder.list()).filter((name) => name.startsWith('pack/') && !name.endsWith('/'));
    expect(files).toEqual([
      'pack/README.md',
      'pack/inserted.safetensors',
      'pack/model/config.json',
      'pack/model/expansion.json',
      'pack/model/generation_config.json',
      'pack/pack.json',
    ]);
    expect(bytes).toBe((await Promise.all(files.map((name) => readFile(at(name))))).reduce((sum, { length }) => sum + length, 0));
    expect(await readFile(at('pack/README.md'), 'utf8')).toContain('Blocks 2, 3 of a model of 5 blocks');
    expect([await isPack(at('pack')), await isPack(at('model')), await isPack(at('nowhere'))]).toEqual([true, false, false]);
  });

  it('of a model in several files makes the same files again', async () => {
    await writeModels();
    const { config, tensors } = await readRawModel(at('model'));
    await writeRawModel(at('sharded'), { config, tensors }, { shards: 3 });
    await padWeights(at('sharded'));
    await copyFile(at('model/config.json'), at('sharded/config.json'));
    await copyFile(at('model/expansion.json'), at('sharded/expansion.json'));
    await exportPack({ name: 'sharded', directory: at('sharded') }, base(), at('pack'));
    await attachPack(at('pack'), base(), at('again'));
    expect(await modelHash(at('again'))).toBe(await modelHash(at('sharded')));
    const weights = (await readdir(at('again'))).filter((name) => name.endsWith('.safetensors'));
    expect(weights).toHaveLength(3);
  });

  it('tells how far it is, and leaves nothing when it is cancelled', async () => {
    await writeModels();
    const before = await folder.list();
    const controller = new AbortController();
    let [last, all] = [0, 0];
    const onProgress = (done: number, total: number): void => {
      [last, all] = [done, total];
      if (done > total / 2) controller.abort();
    };
    await expect(exportPack(model(), base(), at('out/pack'), { onProgress, signal: controller.signal })).rejects.toMatchObject({
      code: 'INTERRUPTED',
    });
    expect(await folder.list()).toEqual(before);
    await exportPack(model(), base(), at('pack'), { onProgress });
    expect(last).toBe(all);
  });
});

describe('no pack is made, and nothing is left,', () => {
  async function refusal(): Promise<unknown> {
    const before = await folder.list();
    const error: unknown = await exportPack(model(), base(), at('out/pack')).then(
      () => expect.fail('it was exported'),
      (reason: unknown) => reason,
    );
    expect(await folder.list()).toEqual(before);
    return error;
  }

  it('of a model that was not expanded', async () => {
    await writeModels();
    await rm(at('model/expansion.json'));
    expect(await refusal()).toMatchObject({ code: 'BAD_INPUT', found: 'a model that Strata did not make' });
  });

  it('for a base that the model was not expanded from; both hashes are told', async () => {
    await writeModels();
    const hash = await modelHash(at('base'));
    await writeRawModel(at('base'), rawModel({ dtype: 'F32' }));
    expect(await refusal()).toMatchObject({
      code: 'BAD_INPUT',
      found: expect.stringContaining(hash) as string,
      allowed: expect.stringContaining(await modelHash(at('base'))) as string,
    });
  });

  it('where more than inserted blocks was changed', async () => {
    await writeModels();
    const file = await readFile(at('model/model.safetensors'));
    file[file.length - 1]! ^= 1; // the head
    await writeFile(at('model/model.safetensors'), file);
    expect(await refusal()).toMatchObject({ code: 'UNSUPPORTED', found: "lm_head.weight is not the base's lm_head.weight" });
  });

  it('where files are laid out as no safetensors package does it', async () => {
    await writeModels();
    const { tensors } = unpackTensors(await readFile(at('model/model.safetensors')));
    await writeFile(at('model/model.safetensors'), packTensors(tensors, { format: 'pt', more: 'x' })); // not padded
    expect(await refusal()).toMatchObject({ code: 'UNSUPPORTED', found: 'the header of model.safetensors' });
  });

  it('where something stands already', async () => {
    await writeModels();
    await folder.write('out/pack/precious', 'mine');
    expect(await refusal()).toMatchObject({ code: 'BAD_INPUT', allowed: expect.stringContaining('does not exist yet') as string });
  });
});

describe('a pack is refused, and nothing is left, when', () => {
  /** Makes a pack, changes it, and tries to put it on its base. */
  async function refusal(change: () => Promise<unknown>): Promise<{ code: string; message: string; found: string; allowed: string }> {
    await writeModels();
    await exportPack(model(), base(), at('pack'));
    await change();
    const before = await folder.list();
    const error: unknown = await attachPack(at('pack'), base(), at('again')).then(
      () => expect.fail('it was taken'),
      (reason: unknown) => reason,
    );
    expect(await folder.list()).toEqual(before);
    return error as { code: string; message: string; found: string; allowed: string };
  }

  /** What the tests change in the JSON files of a pack. */
  interface PackJson {
    kind: string;
    schemaVersion: number;
    base: { hash: string };
    line: { base: { hash: string } }[];
    model: { hash: string };
    files: { name: string; tensors: string[] }[];
    tensors: Record<string, string>;
    rope_theta: number;
  }

  async function edit(name: string, change: (json: PackJson) => unknown): Promise<void> {
    const json = JSON.parse(await readFile(at(name), 'utf8')) as PackJson;
    change(json);
    await writeFile(at(name), JSON.stringify(json));
  }

  async function editTensors(change: (tensors: ReturnType<typeof unpackTensors>['tensors']) => void): Promise<void> {
    const { tensors } = unpackTensors(await readFile(at('pack/inserted.safetensors')));
    change(tensors);
    await writeFile(at('pack/inserted.safetensors'), packTensors(tensors, { format: 'pt' }));
  }

  const FIRST = 'model.layers.2.input_layernorm.weight';

  it('the base is another one: both hashes are told', async () => {
    const error = await refusal(() => writeRawModel(at('base'), rawModel({ dtype: 'F16' })));
    expect(error).toMatchObject({ code: 'BAD_INPUT', message: 'This pack belongs to another base.' });
    expect(error.found).toContain(await modelHash(at('base')));
    expect(error.allowed).toMatch(/"the base", sha256 [0-9a-f]{64}/);
  });

  it('one bit of a tensor is another', async () => {
    const error = await refusal(() => editTensors((tensors) => (tensors.get(FIRST)!.bytes[5]! ^= 1)));
    expect(error).toMatchObject({ code: 'CORRUPT', message: `Tensor ${FIRST} of this pack is damaged.` });
  });

  it('a tensor is missing, or one is left over', async () => {
    const missing = await refusal(() => editTensors((tensors) => tensors.delete(FIRST)));
    expect(missing).toMatchObject({ code: 'CORRUPT', found: `in inserted.safetensors: no ${FIRST}` });
    await rm(at('pack'), { recursive: true });
    await rm(at('model'), { recursive: true });
    const extra = await refusal(() => editTensors((tensors) => tensors.set('model.norm.weight', rawTensor('x', [12], 'F32'))));
    expect(extra).toMatchObject({ code: 'CORRUPT', found: 'in inserted.safetensors: also model.norm.weight' });
  });

  it('a tensor has another shape', async () => {
    const error = await refusal(() => editTensors((tensors) => (tensors.get(FIRST)!.shape = [3, 4])));
    expect(error).toMatchObject({ code: 'CORRUPT', found: 'F32 [3, 4]', allowed: 'F32, F16, BF16 [12]' });
  });

  it('its file of tensors is cut off', async () => {
    const error = await refusal(async () =>
      writeFile(at('pack/inserted.safetensors'), (await readFile(at('pack/inserted.safetensors'))).subarray(0, -4)),
    );
    expect(error.code).toBe('CORRUPT');
  });

  it.each(['expansion.json', 'config.json'])('its model/%s is missing', async (name) => {
    const error = await refusal(() => rm(at(`pack/model/${name}`)));
    expect(error).toMatchObject({ code: 'CORRUPT', message: 'This pack is not complete.' });
  });

  it('its plan is one of another base', async () => {
    const error = await refusal(() =>
      edit('pack/model/expansion.json', (json) => (json.base.hash = json.line[0]!.base.hash = 'f'.repeat(64))),
    );
    expect(error).toMatchObject({ code: 'CORRUPT', found: 'no expansion of the base that the pack names' });
  });

  it('its configuration is not the base’s with more blocks', async () => {
    const error = await refusal(() => edit('pack/model/config.json', (json) => (json.rope_theta = 5)));
    expect(error).toMatchObject({ code: 'CORRUPT', found: 'other numbers in config.json than the base’s' });
  });

  it('what comes of it is not the model that it names', async () => {
    const error = await refusal(() => edit('pack/pack.json', (json) => (json.model.hash = 'f'.repeat(64))));
    expect(error).toMatchObject({ code: 'CORRUPT', allowed: 'f'.repeat(64) });
  });

  it.each([
    ['a path instead of a name', (json: PackJson) => (json.files[0]!.name = '../../evil.safetensors'), /files\.0\.name/],
    ['an absolute path', (json: PackJson) => (json.files[0]!.name = '/tmp/model.safetensors'), /files\.0\.name/],
    ['a tensor that the model has not', (json: PackJson) => (json.files[0]!.tensors[0] = '../x'), /also \.\.\/x/],
    ['a tensor twice', (json: PackJson) => json.files[0]!.tensors.push(FIRST), /more than once/],
    ['a file twice', (json: PackJson) => json.files.push({ ...json.files[0]!, tensors: [] }), /more than once/],
    ['no files', (json: PackJson) => (json.files.length = 0), /files/],
    ['a hash that is none', (json: PackJson) => (json.tensors[FIRST] = 'x'), /tensors/],
    ['a hash of another tensor', (json: PackJson) => (json.tensors.x = 'f'.repeat(64)), /also x/],
    ['another kind', (json: PackJson) => (json.kind = 'x'), /kind/],
  ])('pack.json has %s', async (_, change, found) => {
    const error = await refusal(() => edit('pack/pack.json', change));
    expect(error).toMatchObject({ code: 'CORRUPT', found: expect.stringMatching(found) as string });
  });

  it('it is of a newer version', async () => {
    const error = await refusal(() => edit('pack/pack.json', (json) => (json.schemaVersion = 2)));
    expect(error).toMatchObject({ code: 'UNSUPPORTED', found: 'schemaVersion 2' });
  });

  it('pack.json is no JSON, or larger than any description', async () => {
    expect((await refusal(() => writeFile(at('pack/pack.json'), '{'))).code).toBe('CORRUPT');
    await rm(at('pack'), { recursive: true });
    await rm(at('model'), { recursive: true });
    const large = await refusal(() => writeFile(at('pack/pack.json'), Buffer.alloc(16_000_001, ' ')));
    expect(large).toMatchObject({ code: 'CORRUPT', found: '16000001 bytes' });
  });

  it.each(['pack.json', 'inserted.safetensors', 'model/tokenizer.json', 'model/expansion.json', 'model'])(
    'its %s is a link',
    async (name) => {
      const error = await refusal(async () => {
        await folder.write('elsewhere/tokenizer.json', 'secret');
        await rename(at(`pack/${name}`), at('elsewhere/moved')).catch(() => undefined);
        await symlink(name === 'model/tokenizer.json' ? at('elsewhere/tokenizer.json') : at('elsewhere/moved'), at(`pack/${name}`));
      });
      expect(error.code).toBe('CORRUPT');
      expect(`${error.message} ${error.found}`).toMatch(/a link|not complete/);
    },
  );
});

it('a pack that is opened is only read', async () => {
  await writeModels();
  await exportPack(model(), base(), at('pack'));
  await cp(at('pack'), at('copy'), { recursive: true });
  const pack = await openPack(at('pack'));
  expect(pack.blocks).toEqual([0, 1, null, null, 2]);
  await pack.close();
  await mkdir(at('again'));
  expect(await contents(at('pack/model'))).toEqual(await contents(at('copy/model')));
});
