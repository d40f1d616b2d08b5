import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { expandModelFolder } from '../../../main/models/expansion/expand-folder.ts';
import {
  checkExpansion,
  type TensorDifference,
  weightDifferences,
  weightsDisagree,
} from '../../../main/models/expansion/expansion-check.ts';
import { modelHash, openModelFolder } from '../../../main/models/model-folder.ts';
import type { Expansion, ExpansionStep } from '../../../shared/domain/expansion.ts';
import type { Importance } from '../../../shared/domain/importance.ts';
import type { Method } from '../../../shared/domain/method.ts';
import { type InsertedBlock, planExpansion } from '../../../shared/domain/plan.ts';
import { StrataError } from '../../../shared/errors.ts';
import { rawModel, readRawModel, writeRawModel } from '../../support/raw-models.ts';
import { tinyConfig } from '../../support/tiny-llama.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const folder = useTemporaryFolder();
const path = (name: string): string => join(folder.path, name);

const expand = (baseBlocks: number, ...after: number[]): Method => ({ name: 'expand', plan: planExpansion(baseBlocks, undefined, after) });

/** An expansion of these steps, each from a model of its own. */
function lineOf(...methods: Method[]): Expansion {
  const line = methods.map((method, index): ExpansionStep => ({
    id: null,
    name: null,
    base: { name: `model ${index}`, hash: `hash ${index}` },
    method,
    importance: null,
    training: null,
  }));
  return { schemaVersion: 3, base: line[0]!.base, line, frozen: null, changed: null };
}

/** The same method, with its first block as it never can be. */
function moved(method: Method, change: Partial<InsertedBlock>): Method {
  const { plan } = method as Extract<Method, { name: 'expand' }>;
  return { name: 'expand', plan: { ...plan, inserted: plan.inserted.map((block) => ({ ...block, ...change })) } };
}

/** What the blocks of a model matter. */
function weighed(model: number, rises: readonly number[]): Importance {
  const blocks = rises.map((rise, block) => ({ block, loss: 3 + rise, rise, standardError: null }));
  const measured = { context: 8, windows: 1, tokens: 7, loss: 3, seconds: 1, engine: 'cpu', datasets: [] };
  return { modelHash: `hash ${model}`, blocks, ...measured };
}

/** A copy of the first of three blocks that was placed by such a table. */
function placedBy(importance: Importance): Expansion {
  const expansion = lineOf(expand(3, 0));
  return { ...expansion, line: expansion.line.map((step) => ({ ...step, importance })) };
}

function refusal(expansion: Expansion, blocks: number): StrataError {
  try {
    checkExpansion(expansion, { ...tinyConfig, blocks });
  } catch (error) {
    expect(error).toBeInstanceOf(StrataError);
    return error as StrataError;
  }
  throw new Error('It was accepted.');
}

describe('a line of models', () => {
  it('that fits together and into the model is accepted', () => {
    checkExpansion(lineOf(expand(3, 0), { name: 'full' }, expand(4, 1, 1), { name: 'freeze', blocks: [5] }), { ...tinyConfig, blocks: 6 });
  });

  const swapped = lineOf(expand(3, 0, 2));
  const [first, second] = (swapped.line[0]!.method as Extract<Method, { name: 'expand' }>).plan.inserted;
  (swapped.line[0]!.method as Extract<Method, { name: 'expand' }>).plan.inserted = [
    { ...first!, position: second!.position },
    { ...second!, position: first!.position },
  ];
  const doubled = lineOf(expand(3, 0, 0));
  for (const block of (doubled.line[0]!.method as Extract<Method, { name: 'expand' }>).plan.inserted) block.position = 1;

  it.each<[string, Expansion, number, RegExp, RegExp]>([
    ['of more blocks than the model has', lineOf(expand(3, 0)), 3, /^3 blocks in config\.json$/, /^3 of the base and 1 inserted/],
    ['of fewer', lineOf(expand(3, 0)), 5, /^5 blocks in config\.json$/, /^3 of the base and 1 inserted/],
    ['whose steps do not follow from each other', lineOf(expand(3, 0), expand(5, 1)), 6, /^5 blocks before step 2/, /^3 of the base and 1/],
    ['with copies in another order', swapped, 5, /a copy of block 0 after block 0, at position 4/, /order of their positions/],
    ['with two copies at one position', doubled, 5, /positions 1, 1/, /each once/],
    ['that begins with another model', { ...lineOf({ name: 'full' }), base: { name: 'x', hash: 'other' } }, 3, /hash 0/, /other/],
    [
      'with the same model twice',
      {
        ...lineOf(expand(3, 0), { name: 'full' }),
        line: lineOf(expand(3, 0), { name: 'full' }).line.map((step) => ({ ...step, base: { name: 'x', hash: 'hash 0' } })),
      },
      4,
      /two steps that start from the model hash 0…, 1 and 2/,
      /each model once/,
    ],
    [
      'whose earlier step has a copy somewhere else',
      lineOf(moved(expand(3, 0), { position: 2 }), expand(4, 1)),
      5,
      /a copy of block 0 after block 0, at position 2 in step 1 of the line/,
      /order of their positions/,
    ],
    [
      'whose earlier step copies a block that its base did not have',
      lineOf(moved(expand(3, 2), { copies: 3 }), expand(4, 1)),
      5,
      /a copy of block 3 after block 2/,
      /blocks 0 to 2/,
    ],
    [
      'whose earlier step trained a block that was not there yet',
      lineOf({ name: 'freeze', blocks: [3] }, expand(3, 0)),
      4,
      /block 3 was trained in step 1/,
      /blocks 0 to 2/,
    ],
    ['whose blocks were placed by another table', placedBy(weighed(0, [3, 1, 2])), 4, /a copy of block 0 after block 0/, /after 1$/],
    ['whose table is of other blocks', placedBy(weighed(0, [1, 2])), 4, /importance of 2 blocks/, /the base's 3 blocks/],
    ['whose table is of another model', placedBy(weighed(1, [1, 2, 3])), 4, /of the model hash 1/, /its base, hash 0/],
    ['with a trained block that is not there', lineOf({ name: 'freeze', blocks: [1, 3] }), 3, /block 3 was trained/, /blocks 0 to 2/],
    [
      'of an enormous model',
      lineOf(expand(3, 0), { name: 'expand', plan: { schemaVersion: 1, baseBlocks: 2 ** 52, inserted: [] } }),
      4,
      /4 blocks/,
      /of the base/,
    ],
  ])('%s is refused', (_what, expansion, blocks, found, allowed) => {
    const error = refusal(expansion, blocks);
    expect(error.code).toBe('CORRUPT');
    expect(error.found).toMatch(found);
    expect(error.allowed).toMatch(allowed);
  });
});

describe('the weights of an expanded model', () => {
  beforeEach(async () => {
    await writeRawModel(path('base'), rawModel({ dtype: 'BF16' }));
    await expandModelFolder(path('base'), path('once'), planExpansion(3, undefined, [0, 2]), {
      name: 'base',
      hash: await modelHash(path('base')),
    });
    await expandModelFolder(path('once'), path('twice'), planExpansion(5, undefined, [1]), {
      name: 'once',
      hash: await modelHash(path('once')),
    });
  });

  async function differences(model: string, ancestor: { path: string; step: number } | null = null): Promise<TensorDifference[]> {
    const [opened, earlier] = [await openModelFolder(path(model)), ancestor && (await openModelFolder(path(ancestor.path)))];
    try {
      return await weightDifferences(opened, earlier && { folder: earlier, step: ancestor!.step });
    } finally {
      await opened.close();
      await earlier?.close();
    }
  }

  /** Changes one byte of a tensor, as a failing disk or a careless program would. */
  async function tamper(model: string, name: string): Promise<void> {
    const raw = await readRawModel(path(model));
    const tensor = raw.tensors.get(name)!;
    tensor.bytes = Buffer.from(tensor.bytes);
    tensor.bytes[0]! ^= 1;
    const kept = await readFile(path(`${model}/expansion.json`), 'utf8');
    await rm(path(model), { recursive: true });
    await writeRawModel(path(model), raw);
    await folder.write(`${model}/expansion.json`, kept);
  }

  it('are recorded where they are the base’s, by type and hash', async () => {
    const base = await readRawModel(path('base'));
    const { frozen, changed } = JSON.parse(await readFile(path('once/expansion.json'), 'utf8')) as Expansion;
    const names = Object.keys(frozen!);
    expect(Object.keys(changed!).every((name) => /layers\.(1|4)\./.test(name))).toBe(true);
    expect(Object.keys(changed!)).toHaveLength(18);
    expect(names.some((name) => /layers\.(1|4)\./.test(name))).toBe(false); // the copies
    expect(names).toHaveLength(base.tensors.size);
    const expected = createHash('sha256').update(base.tensors.get('model.layers.2.mlp.up_proj.weight')!.bytes).digest('hex');
    expect(frozen!['model.layers.3.mlp.up_proj.weight']).toBe(`BF16 ${expected}`);
  });

  it('agree as they were written, with the base, and with the base’s base', async () => {
    expect(await differences('once')).toEqual([]);
    expect(await differences('once', { path: 'base', step: 0 })).toEqual([]);
    expect(await differences('twice', { path: 'once', step: 1 })).toEqual([]);
    expect(await differences('twice', { path: 'base', step: 0 })).toEqual([]);
    expect(await differences('base')).toEqual([]);
  });

  it('that were changed are found without the base, by tensor, those of inserted blocks too', async () => {
    await tamper('once', 'model.layers.3.mlp.up_proj.weight');
    const found = await differences('once');
    expect(found.map(({ name }) => name)).toEqual(['model.layers.3.mlp.up_proj.weight']);
    const error = weightsDisagree('my model', found);
    expect(error).toMatchObject({ code: 'CORRUPT', message: 'The plan of the model "my model" and its weights disagree.' });
    expect(error.found).toMatch(/^in block 3: model\.layers\.3\.mlp\.up_proj\.weight BF16 sha256 [0-9a-f]{12}…$/);
    expect(error.allowed).toMatch(/^model\.layers\.3\.mlp\.up_proj\.weight BF16 sha256 [0-9a-f]{12}…, what expansion\.json recorded$/);
    expect(error.found!.slice(-13)).not.toBe(error.allowed!.match(/[0-9a-f]{12}…/)![0]);
    await tamper('once', 'model.layers.1.mlp.down_proj.weight');
    expect((await differences('once')).map(({ name }) => name)).toContain('model.layers.1.mlp.down_proj.weight');
  });

  it('must all be written down, as frozen or as changed, as the plan says', async () => {
    const raw = JSON.parse(await readFile(path('once/expansion.json'), 'utf8')) as Expansion;
    const norm = 'model.norm.weight';
    const { [norm]: hash, ...rest } = raw.frozen!;
    const [copied] = Object.keys(raw.changed!);
    const cases: [Partial<Expansion>, string][] = [
      [{ frozen: rest }, `${norm}: not listed`],
      [{ frozen: rest, changed: { ...raw.changed, [norm]: hash! } }, `${norm}: changed`],
      [{ frozen: { ...raw.frozen, [copied!]: hash! } }, `${copied}: frozen`],
      [{ frozen: { ...raw.frozen, 'model.layers.99.mlp.up_proj.weight': hash! } }, 'model.layers.99.mlp.up_proj.weight: frozen'],
      [{ frozen: {} }, 'model.embed_tokens.weight: not listed'],
    ];
    for (const [fields, found] of cases) {
      await folder.write('once/expansion.json', JSON.stringify({ ...raw, ...fields }));
      await expect(openModelFolder(path('once'))).rejects.toMatchObject({ code: 'CORRUPT', found });
    }
  });

  it('say where untrained blocks of an earlier step stand, without any model before', async () => {
    const raw = JSON.parse(await readFile(path('twice/expansion.json'), 'utf8')) as Expansion;
    const twice = await openModelFolder(path('twice'));
    await twice.close();
    const first = raw.line[0]!;
    const elsewhere = { ...first, method: expand(3, 1, 2) }; // possible in itself: the truth is a copy after block 0 and one after block 2
    expect(() => checkExpansion({ ...raw, line: [elsewhere, raw.line[1]!] }, twice.config)).toThrow('contradicts itself');
    const training = { run: null, datasets: [], replayShare: 0, steps: 1, tokens: 1, gain: 0, forgetting: null };
    checkExpansion({ ...raw, line: [{ ...elsewhere, training }, raw.line[1]!] }, twice.config); // trained blocks are no copies
  });

  it('of an untrained block are zero where it writes into the residual stream', async () => {
    const raw = JSON.parse(await readFile(path('once/expansion.json'), 'utf8')) as Expansion;
    const name = 'model.layers.1.self_attn.o_proj.weight';
    const changed = { ...raw.changed, [name]: raw.changed!['model.layers.1.self_attn.q_proj.weight']! };
    await folder.write('once/expansion.json', JSON.stringify({ ...raw, changed }));
    await expect(openModelFolder(path('once'))).rejects.toMatchObject({
      code: 'CORRUPT',
      found: expect.stringContaining(`${name}, which is not zero`) as string,
      allowed: expect.stringContaining('a copy of block 0 at position 1') as string,
    });
  });

  it('are the base’s even when the record was changed with them', async () => {
    await tamper('twice', 'model.layers.3.mlp.up_proj.weight'); // one that no untrained block copies
    const raw = JSON.parse(await readFile(path('twice/expansion.json'), 'utf8')) as Expansion;
    const [changed] = await differences('twice');
    const frozen = { ...raw.frozen, [changed!.name]: changed!.found };
    await folder.write('twice/expansion.json', JSON.stringify({ ...raw, frozen }));
    expect(await differences('twice')).toEqual([]);
    expect(await differences('twice', { path: 'once', step: 1 })).toMatchObject([
      { name: 'model.layers.3.mlp.up_proj.weight', comparedWith: "the base's model.layers.2.mlp.up_proj.weight" },
    ]);
    expect(await differences('twice', { path: 'base', step: 0 })).toHaveLength(1);
  });

  it('of another model with the same plan are told by their blocks', async () => {
    const kept = await readFile(path('once/expansion.json'), 'utf8');
    await writeRawModel(path('other'), rawModel({ blocks: 5, dtype: 'BF16' }));
    await folder.write('other/expansion.json', kept);
    const found = await differences('other');
    const error = weightsDisagree('other', found);
    expect(found.length).toBeGreaterThan(5);
    expect(error.found).toMatch(/^in blocks [\d, ]+.*: .* and \d+ more$/);
  });

  it('that were converted to another type since are not compared', async () => {
    const kept = await readFile(path('once/expansion.json'), 'utf8');
    await writeRawModel(path('converted'), rawModel({ blocks: 5, dtype: 'F32' }));
    await folder.write('converted/expansion.json', kept);
    expect(await differences('converted')).toEqual([]);
  });
});
