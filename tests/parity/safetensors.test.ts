import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expandModelFolder } from '../../main/models/expansion/expand-folder.ts';
import { openModelFolder } from '../../main/models/model-folder.ts';
import { openSafetensors, PIECE_BYTES, type SafetensorsDtype, writeSafetensors, zeroPieces } from '../../main/models/safetensors.ts';
import { llamaTensors } from '../../shared/domain/llama-tensors.ts';
import { planExpansion } from '../../shared/domain/plan.ts';
import { python } from './sides.ts';

/** A tensor as both sides describe it. */
interface Described {
  dtype: string;
  shape: number[];
  sha256: string;
}
type Tensors = Record<string, Described>;

const MODELS = ['float32', 'bfloat16-sharded', 'float16-biased-sharded', 'tied-sharded', 'mistral-sharded'];

let folder: string;
let written: { all: Tensors; models: Record<string, Tensors> };
/** What transformers makes of each model after its expansion. */
let loaded: Map<string, { tensors: Tensors; missing: string[]; unexpected: string[] }>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strata-safetensors-'));
  [written] = (await ask<typeof written>('write', folder)) as [typeof written];
  const expanded = MODELS.map((name) => join(folder, `${name}-expanded`));
  for (const [index, name] of MODELS.entries()) {
    await expandModelFolder(join(folder, name), expanded[index]!, planExpansion(3, undefined, [0, 2]), { name, hash: '' });
  }
  const answers = await ask<{ tensors: Tensors; missing: string[]; unexpected: string[] }>('load', ...expanded);
  loaded = new Map(MODELS.map((name, index) => [name, answers[index]!]));
}, 300_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** One answer for each path: Python takes seconds to start. */
async function ask<Answer>(what: string, ...paths: string[]): Promise<Answer[]> {
  return JSON.parse(await python('safetensors_files.py', what, ...paths)) as Answer[];
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('what Python has written is read with the same bytes:', () => {
  it('every element type', async () => {
    const file = await openSafetensors(join(folder, 'all.safetensors'));
    const read: Tensors = {};
    for (const [name, { dtype, shape }] of file.tensors) read[name] = { dtype, shape, sha256: sha256(await file.readBytes(name)) };
    expect(read).toEqual(written.all);
    expect(file.metadata).toEqual({ format: 'pt', note: 'ü' });
    await file.close();
  });

  it.each(MODELS)('a model that transformers saved: %s', async (name) => {
    const opened = await openModelFolder(join(folder, name));
    const read: Tensors = {};
    for (const { name: tensor, shape } of llamaTensors(opened.config)) {
      const hash = createHash('sha256');
      for await (const piece of opened.readPieces(tensor)) hash.update(piece);
      read[tensor] = { dtype: opened.dtypeOf(tensor), shape, sha256: hash.digest('hex') };
    }
    await opened.close();
    expect(read).toEqual(written.models[name]);
    if (name.endsWith('sharded'))
      expect((await readdir(join(folder, name))).filter((file) => file.endsWith('.safetensors')).length).toBeGreaterThan(2);
  });
});

describe('what Strata has written is read by Python with the same bytes:', () => {
  it('every element type, empty tensors, scalars and tensors that were written in pieces', async () => {
    const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (index * 37 + 11) & 0xff);
    const sizes: [SafetensorsDtype, number][] = [
      ...(['F64', 'I64', 'U64'] as const).map((dtype): [SafetensorsDtype, number] => [dtype, 8]),
      ...(['F32', 'I32', 'U32'] as const).map((dtype): [SafetensorsDtype, number] => [dtype, 4]),
      ...(['F16', 'BF16', 'I16', 'U16'] as const).map((dtype): [SafetensorsDtype, number] => [dtype, 2]),
      ...(['I8', 'U8'] as const).map((dtype): [SafetensorsDtype, number] => [dtype, 1]),
    ];
    const small = sizes.map(([dtype, size]) => ({ name: `of ${dtype}`, dtype, shape: [2, 3], bytes: bytes(6 * size) }));
    const others = [
      { name: 'a scalar', dtype: 'F32' as const, shape: [], bytes: bytes(4) },
      { name: 'nothing', dtype: 'F32' as const, shape: [0, 4], bytes: bytes(0) },
      { name: 'ünïcödé / 漢字', dtype: 'BF16' as const, shape: [3], bytes: bytes(6) },
    ];
    const path = join(folder, 'ours.safetensors');
    const entries = [...small, ...others].map(({ bytes: data, ...entry }) => ({ ...entry, data: () => data }));
    const large = { name: 'large', dtype: 'U8' as const, shape: [2 * PIECE_BYTES + 5], data: () => zeroPieces(2 * PIECE_BYTES + 5) };
    await writeSafetensors(path, [...entries, large], { format: 'pt', note: 'ü' });
    const [answer] = await ask<{ tensors: Tensors; metadata: unknown }>('read', path);
    const { tensors, metadata } = answer!;
    expect(metadata).toEqual({ format: 'pt', note: 'ü' });
    const expected = [...small, ...others].map(({ name, bytes: data, dtype, shape }) => [name, { dtype, shape, sha256: sha256(data) }]);
    expect(tensors).toEqual({
      ...(Object.fromEntries(expected) as Tensors),
      large: { dtype: 'U8', shape: [2 * PIECE_BYTES + 5], sha256: sha256(new Uint8Array(2 * PIECE_BYTES + 5)) },
    });
  }, 120_000);

  it.each(MODELS)('an expanded model, which transformers loads without a missing or unexpected tensor: %s', (name) => {
    const { tensors, missing, unexpected } = loaded.get(name)!;
    expect({ missing, unexpected }).toEqual({ missing: [], unexpected: [] });
    const base = written.models[name]!;
    const sources = [0, 0, 1, 2, 2]; // block 1 copies block 0, block 4 block 2
    for (const [tensor, found] of Object.entries(tensors)) {
      const block = /layers\.(\d+)\./.exec(tensor)?.[1];
      const source = block === undefined ? tensor : tensor.replace(/layers\.\d+/, `layers.${sources[Number(block)]}`);
      const original = base[source] ?? base['model.embed_tokens.weight']!; // transformers names a tied head, too
      const isZeroed = ['1', '4'].includes(block ?? '') && /o_proj|down_proj/.test(tensor);
      const size = original.shape.reduce((product, length) => product * length, original.dtype === 'F32' ? 4 : 2);
      expect(found, tensor).toEqual({ ...original, sha256: isZeroed ? sha256(new Uint8Array(size)) : original.sha256 });
    }
    expect(Object.keys(tensors).filter((tensor) => tensor.endsWith('q_proj.weight'))).toHaveLength(5);
  });
});
