import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExportEvent, ExportRequest } from '../../shared/contract/exports.ts';
import type { ModelInfo } from '../../shared/contract/models.ts';
import { modelHash } from '../../main/models/model-folder.ts';
import { StrataError } from '../../shared/errors.ts';
import { openStudioAt, openTinyStudio, type TinyStudio } from '../support/workspace.ts';

let tiny: TinyStudio;
/** A second expansion of an expanded model. */
let [first, second]: ModelInfo[] = [];

beforeAll(async () => {
  tiny = await openTinyStudio();
  first = await tiny.studio.models.expand({ model: 'tiny', place: '0,2', name: 'first' });
  second = await tiny.studio.models.expand({ model: 'first', place: '1,5', name: 'second' });
});
afterAll(() => tiny.remove());

const at = (name: string): string => join(tiny.directory, name);

async function refusal(request: ExportRequest): Promise<StrataError> {
  const before = await readdir(tiny.directory, { recursive: true });
  const error: unknown = await tiny.studio.exports.write(request).then(
    () => expect.fail('it was exported'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StrataError);
  expect(await readdir(tiny.directory, { recursive: true })).toEqual(before);
  return error as StrataError;
}

describe('a pack of the workspace', () => {
  it('is put on the base that it names, and is the model that it was made of', async () => {
    await tiny.studio.exports.write({ model: 'first', format: 'pack', destination: at('pack-first') });
    const again = await tiny.studio.models.import({ path: at('pack-first') });
    expect(again).toMatchObject({ name: 'first 2', blocks: 6, baseModel: tiny.model.id, plan: first!.plan, line: first!.line });
    expect(await modelHash(again.path)).toBe(await modelHash(first!.path));
    expect(await tiny.studio.models.verify({ model: again.id })).toMatchObject({ identity: true, problems: [] });
    tiny.studio.models.remove({ model: again.id });
  });

  it('can be one file, which becomes the same model and leaves nothing else', async () => {
    const file = at('first.strata-pack');
    const exported = await tiny.studio.exports.write({ model: 'first', format: 'pack', destination: file });
    expect(exported).toMatchObject({ path: file, format: 'pack', verified: true, bytes: (await readFile(file)).length });
    const again = await tiny.studio.models.import({ path: file });
    expect(again).toMatchObject({ name: 'first 2', source: `${file}, put on tiny`, baseModel: tiny.model.id });
    expect(await modelHash(again.path)).toBe(await modelHash(first!.path));
    const models = join(tiny.home, 'models');
    const left = [...(await readdir(models)), ...(await readdir(tiny.directory))].filter((name) => name.includes('.partial'));
    expect(left).toEqual([]);
    tiny.studio.models.remove({ model: again.id });

    const bytes = await readFile(file);
    bytes[bytes.indexOf('{"', bytes.indexOf('inserted.safetensors')) + 2000]! ^= 1; // within the tensors, which are stored as they are
    await writeFile(at('damaged.strata-pack'), bytes);
    await expect(tiny.studio.models.import({ path: at('damaged.strata-pack') })).rejects.toMatchObject({ code: 'CORRUPT' });
    expect((await readdir(models)).filter((name) => name.includes('pack'))).toEqual([]);
    expect(await refusal({ model: 'first', format: 'pack', destination: file })).toMatchObject({ code: 'BAD_INPUT' });
  });

  it('holds the blocks of the last expansion, or of the whole line if its beginning is named', async () => {
    const tensorsOf = async (pack: string): Promise<number[]> => {
      const description = JSON.parse(await readFile(join(pack, 'pack.json'), 'utf8')) as { tensors: Record<string, string> };
      const blocks = Object.keys(description.tensors).map((name) => Number(/layers\.(\d+)\./.exec(name)![1]));
      return [...new Set(blocks)].sort((a, b) => a - b);
    };
    const last = await tiny.studio.exports.write({ model: 'second', format: 'pack', destination: at('pack-last') });
    const line = await tiny.studio.exports.write({ model: 'second', format: 'pack', destination: at('pack-line'), base: 'tiny' });
    expect(last.notes).toEqual([
      'This pack holds the blocks of the last step of 2 only, and is put on "first". Import "tiny" first, from the same files, and put on it, ' +
        'in this order, the pack of "first".',
      'One pack of all 2 steps is made by naming the first base: --base "tiny" on the command line.',
    ]);
    expect(line.notes).toEqual(['This pack is put on "tiny", and needs no other pack.']);
    // The first expansion made 0 (1) 1 2 (4) 3; the second put one behind 1 of those and one at the end.
    expect(await tensorsOf(at('pack-last'))).toEqual([2, 7]);
    expect(await tensorsOf(at('pack-line'))).toEqual([1, 2, 5, 7]);
    const wanted = await modelHash(second!.path);
    for (const [pack, base] of [
      ['pack-last', first!.id],
      ['pack-line', first!.id],
    ] as const) {
      const again = await tiny.studio.models.import({ path: at(pack), name: pack });
      expect(await modelHash(again.path)).toBe(wanted);
      expect(again).toMatchObject({ baseModel: base, line: second!.line, owners: second!.owners });
      tiny.studio.models.remove({ model: again.id });
    }
  });

  it('goes into another workspace that has the base, and waits for the base in one that has not', async () => {
    const other = openStudioAt(at('other'));
    try {
      const error: unknown = await other.models.import({ path: at('pack-line') }).catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        code: 'NOT_FOUND',
        found: `no model with sha256 ${await modelHash(tiny.model.path)}`,
        allowed: expect.stringContaining('"tiny"') as string,
      });
      const base = await other.models.import({ path: tiny.sources.model, name: 'mine' });
      const again = await other.models.import({ path: at('pack-line') });
      expect(again.source).toBe(`${at('pack-line')}, put on mine`);
      expect(again.baseModel).toBeNull(); // the first expansion is not here
      expect(await modelHash(again.path)).toBe(await modelHash(second!.path));
      expect(base.blocks).toBe(4);
    } finally {
      await other.close();
    }
  });

  it('of the last step names the packs that must come before it, in order, where they are missing', async () => {
    const third = await tiny.studio.models.expand({ model: 'second', place: '0', name: 'third' });
    await tiny.studio.exports.write({ model: 'third', format: 'pack', destination: at('pack-third') });
    const hint = 'Import "tiny" first, from the same files, and put on it, in this order, the pack of "first", then the pack of "second".';
    const refused: unknown = await tiny.studio.models.import({ path: at('pack-third'), base: 'tiny' }).catch((reason: unknown) => reason);
    expect(refused).toMatchObject({ code: 'BAD_INPUT', message: 'This pack belongs to another base.', hint });
    const other = openStudioAt(at('without-them'));
    const missing: unknown = await other.models.import({ path: at('pack-third') }).catch((reason: unknown) => reason);
    await other.close();
    expect(missing).toMatchObject({ code: 'NOT_FOUND', hint });
    tiny.studio.models.remove({ model: third.id });
  });

  it('is refused by another base, with both hashes, and nothing is left', async () => {
    const before = await readdir(join(tiny.home, 'models'));
    const error: unknown = await tiny.studio.models.import({ path: at('pack-line'), base: 'first' }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'BAD_INPUT',
      found: `"first", sha256 ${await modelHash(first!.path)}`,
      allowed: `"tiny", sha256 ${await modelHash(tiny.model.path)}`,
    });
    const noPack: unknown = await tiny.studio.models.import({ path: tiny.sources.model, base: 'tiny' }).catch((reason: unknown) => reason);
    expect(noPack).toMatchObject({ code: 'BAD_INPUT', message: 'Only a pack is put on a base.' });
    expect(await readdir(join(tiny.home, 'models'))).toEqual(before);
  });
});

describe('an export is refused', () => {
  const there = (): Pick<ExportRequest, 'model' | 'destination'> => ({ model: 'second', destination: at('nowhere/x') });

  it('in an element type that the format does not take', async () => {
    expect(await refusal({ ...there(), format: 'huggingface', dtype: 'Q4_0' })).toMatchObject({
      code: 'BAD_INPUT',
      found: 'Q4_0',
      allowed: 'f32, f16, bf16, or none for what is stored',
    });
    expect(await refusal({ ...there(), format: 'pack', dtype: 'F32' })).toMatchObject({ code: 'BAD_INPUT' });
  });

  it('with an option of another format', async () => {
    expect(await refusal({ ...there(), format: 'gguf', shardBytes: 5 })).toMatchObject({
      allowed: 'a size of files with the format "huggingface"',
    });
    expect(await refusal({ ...there(), format: 'huggingface', base: 'tiny' })).toMatchObject({ allowed: 'a base with the format "pack"' });
  });

  it('as a pack of a model that has no inserted blocks, or on a model that it was not made of', async () => {
    expect(await refusal({ ...there(), model: 'tiny', format: 'pack' })).toMatchObject({
      code: 'BAD_INPUT',
      message: '"tiny" has no inserted blocks.',
    });
    expect(await refusal({ ...there(), format: 'pack', base: 'second' })).toMatchObject({ code: 'BAD_INPUT' });
  });

  it('as a pack where the base is gone', async () => {
    const base = await tiny.studio.models.import({ path: tiny.sources.model, name: 'short-lived' });
    await writeFile(join(base.path, 'config.json'), (await readFile(join(base.path, 'config.json'), 'utf8')) + '\n');
    const { id } = await tiny.studio.models.import({ path: base.path, name: 'another' });
    const expanded = await tiny.studio.models.expand({ model: id, blocks: 1, place: 'top', name: 'orphan' });
    tiny.studio.models.remove({ model: id });
    expect(await refusal({ ...there(), model: expanded.id, format: 'pack' })).toMatchObject({
      code: 'NOT_FOUND',
      allowed: expect.stringContaining('"another"') as string,
    });
  });
});

describe('an export that is followed', () => {
  const request = (name: string): ExportRequest => ({ model: 'second', format: 'huggingface', dtype: 'BF16', destination: at(name) });

  it('tells how far it is, and at the end what came of it', async () => {
    const events: ExportEvent[] = [];
    for await (const event of tiny.studio.exports.follow(request('followed'))) events.push(event);
    expect(events.at(-1)).toMatchObject({ done: 1, exported: { path: at('followed'), dtype: 'BF16', verified: true } });
    expect(events.slice(0, -1).every(({ exported }) => exported === null)).toBe(true);
  });

  it('ends with its error', async () => {
    await mkdir(at('occupied/by-something'), { recursive: true });
    const following = async (): Promise<void> => {
      for await (const event of tiny.studio.exports.follow(request('occupied'))) expect(event.exported).toBeNull();
    };
    await expect(following()).rejects.toMatchObject({ code: 'BAD_INPUT' });
  });

  it('ends with the signal, and when the studio closes; nothing is left', async () => {
    const controller = new AbortController();
    controller.abort();
    await expect(tiny.studio.exports.write(request('ended'), { signal: controller.signal })).rejects.toMatchObject({ code: 'INTERRUPTED' });
    const studio = openStudioAt(tiny.home);
    const writing = studio.exports.write(request('ended')).then(
      () => 'written',
      (error: StrataError) => error.code,
    );
    await studio.close();
    expect(await writing).toBe('INTERRUPTED');
    expect((await readdir(tiny.directory)).filter((name) => name.startsWith('ended'))).toEqual([]);
  });
});

it('sizes are told before, and are right', async () => {
  const { stored, sizes } = await tiny.studio.exports.sizes({ model: 'second' });
  expect(stored).toEqual(['F32']);
  for (const dtype of ['F32', 'F16', 'BF16'] as const) {
    const { bytes } = await tiny.studio.exports.write({ model: 'second', format: 'huggingface', dtype, destination: at(`sized-${dtype}`) });
    const told = sizes.find((size) => size.format === 'huggingface' && size.dtype === dtype)!.bytes;
    expect(Math.abs(told / bytes - 1)).toBeLessThan(0.01);
  }
  const pack = sizes.find(({ format }) => format === 'pack')!.bytes;
  expect(pack).toBe(4 * (second!.parameters - first!.parameters)); // two blocks of F32 numbers
  expect((await tiny.studio.exports.sizes({ model: 'tiny' })).sizes.some(({ format }) => format === 'pack')).toBe(false);
});
