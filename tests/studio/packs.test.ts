import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { composedSchema, gateRequestSchema, modelPacksSchema, packProofSchema } from '../../shared/contract/packs.ts';
import { explainRequestSchema, explanationSchema, type StreamEvent, streamRequestSchema, voiceSchema } from '../../shared/contract/text.ts';
import type { ModelInfo } from '../../shared/contract/models.ts';
import { openModelFolder } from '../../main/models/model-folder.ts';
import { fastEngine } from '../support/engines.ts';
import { until } from '../support/studio-runs.ts';
import { randomWeights } from '../support/tiny-llama.ts';
import { byteModelConfig, openTinyStudio, type TinyStudio, writeTinyModel } from '../support/workspace.ts';

let tiny: TinyStudio;
let a: ModelInfo; // blocks after 1 and 3 of the base
let b: ModelInfo; // after 1, 1 and 2
let c: ModelInfo; // on a: after its block 2, which a inserted

async function train(name: string, model: string, place: string, changes: object = {}): Promise<ModelInfo> {
  const { id } = await tiny.studio.runs.start({
    ...{ model, newDatasets: ['code'], oldDatasets: ['stories'], method: 'expand', place, name },
    ...{ context: 32, batch: 2, steps: 15, learningRate: 0.05, engine: fastEngine, advanced: { evaluationTokens: 64 } },
    ...changes,
  } as Parameters<typeof tiny.studio.runs.start>[0]);
  const run = await until(tiny.studio, id, ({ status }) => status === 'done');
  return tiny.studio.models.show(run.model!);
}

beforeAll(async () => {
  tiny = await openTinyStudio();
  a = await train('A', 'tiny', '1,3');
  b = await train('B', 'tiny', '1,1,2');
  c = await train('C', a.id, '2');
}, 120_000);
afterAll(() => tiny.remove());

/** Every tensor of a model, by its name. */
async function tensorsOf(model: { path: string }): Promise<Map<string, Buffer>> {
  const folder = await openModelFolder(model.path);
  const tensors = new Map<string, Buffer>();
  for (let block = 0; block < folder.config.blocks; block++) {
    for (const part of BLOCK_PARTS) tensors.set(`${block}.${part}`, await bytes(`model.layers.${block}.${part}.weight`));
  }
  for (const name of ['model.embed_tokens', 'model.norm', 'lm_head']) tensors.set(name, await bytes(`${name}.weight`));
  async function bytes(name: string): Promise<Buffer> {
    return Buffer.from(await folder.readBytes(name));
  }
  await folder.close();
  return tensors;
}
const BLOCK_PARTS = [
  ...['q_proj', 'k_proj', 'v_proj', 'o_proj'].map((part) => `self_attn.${part}`),
  ...['gate_proj', 'up_proj', 'down_proj'].map((part) => `mlp.${part}`),
  ...['input_layernorm', 'post_attention_layernorm'],
];

/** Compares a model's blocks with those of others, by a list that is written out: `[model, block]` for each. */
async function expectBlocks(made: { path: string }, layout: readonly (readonly [{ path: string }, number])[]): Promise<void> {
  const found = await tensorsOf(made);
  const base = await tensorsOf(tiny.model);
  for (const name of ['model.embed_tokens', 'model.norm', 'lm_head']) expect(found.get(name)!.equals(base.get(name)!), name).toBe(true);
  expect(found.size).toBe(3 + BLOCK_PARTS.length * layout.length);
  for (const [position, [from, block]] of layout.entries()) {
    const source = await tensorsOf(from);
    for (const part of BLOCK_PARTS) {
      expect(found.get(`${position}.${part}`)!.equals(source.get(`${block}.${part}`)!), `${position}.${part}`).toBe(true);
    }
  }
}

const speak = async (voice: object, prompt = 'let total'): Promise<StreamEvent[]> => {
  const events: StreamEvent[] = [];
  const request = streamRequestSchema.parse({ voice, prompt, maxTokens: 6, engine: fastEngine });
  for await (const event of tiny.studio.text.stream(request)) events.push(event);
  return events;
};
const tokensOf = (events: StreamEvent[]): unknown[] => events.filter(({ kind }) => kind === 'token');

describe('the packs of a model', () => {
  it('are its trainings by expansion, each with its blocks where they are now', async () => {
    const listed = await tiny.studio.packs.list({ model: 'C' });
    expect(modelPacksSchema.parse(listed)).toEqual(listed);
    expect(listed.base).toEqual({ id: tiny.model.id, name: 'tiny', hash: listed.packs[0]!.trainedOn.hash });
    expect(listed.packs).toMatchObject([
      { number: 1, step: 1, name: 'A', positions: [2, 6], strength: 1, isRemovable: true, reason: null, gate: null },
      { number: 2, step: 2, name: 'C', positions: [3], strength: 1, isRemovable: true, trainedOn: { name: a.name } },
    ]);
    expect(listed.packs[0]!.training!.datasets.map(({ name, role }) => [name, role])).toEqual([
      ['code', 'new'],
      ['stories', 'old'],
    ]);
    expect(listed.packs[0]!.parameters).toBe(2 * listed.packs[1]!.parameters);
    expect((await tiny.studio.packs.list({ model: 'tiny' })).packs).toEqual([]);
  });

  it('left out are the base to the last bit, which is proved and kept', async () => {
    const proof = await tiny.studio.packs.prove({ model: 'C', engine: fastEngine });
    expect(packProofSchema.parse(proof)).toEqual(proof);
    expect(proof).toMatchObject({ isProved: true, maxLogitDifference: 0, base: { id: tiny.model.id }, engine: fastEngine });
    expect(proof.tensors).toEqual({ compared: 3 + 4 * BLOCK_PARTS.length, different: [] });
    expect(proof.tokens).toBeGreaterThan(100);
    expect((await tiny.studio.packs.list({ model: c.id })).proof).toEqual(proof);
    await expect(tiny.studio.packs.prove({ model: 'tiny' })).rejects.toMatchObject({ code: 'BAD_INPUT' });
  });

  it('are dialled by their numbers; all at 0 speak as the base, and one alone as the model before it', async () => {
    const off = [
      { pack: 1, strength: 0 },
      { pack: 2, strength: 0 },
    ];
    expect(tokensOf(await speak({ model: 'C', strengths: off }))).toEqual(tokensOf(await speak({ model: 'tiny' })));
    expect(tokensOf(await speak({ model: 'C', strengths: [off[1]] }))).toEqual(tokensOf(await speak({ model: 'A' })));
    expect(tokensOf(await speak({ model: 'C', bypass: true }))).toEqual(tokensOf(await speak({ model: 'A' })));
    const whole = tokensOf(await speak({ model: 'C' }));
    expect(tokensOf(await speak({ model: 'C', strengths: [{ pack: 1, strength: 0.4 }] }))).not.toEqual(whole);
    await expect(speak({ model: 'C', strengths: [{ pack: 3, strength: 0 }] })).rejects.toMatchObject({
      code: 'BAD_INPUT',
      allowed: '1, 2',
    });
    await expect(speak({ model: 'tiny', strengths: [{ pack: 1, strength: 0 }] })).rejects.toMatchObject({ code: 'BAD_INPUT' });
  });
});

describe('a composition', () => {
  const compose = (
    packs: { model: string; pack: number; strength?: number }[],
    base?: string,
  ): ReturnType<typeof tiny.studio.packs.compose> =>
    tiny.studio.packs.compose({ packs: packs.map((each) => ({ strength: 1, ...each })), ...(base === undefined ? {} : { base }) });

  it('of two packs has both between the base’s own blocks, byte for byte, in the order that was given where they share a place', async () => {
    const both = await compose([
      { model: 'A', pack: 1 },
      { model: 'B', pack: 1 },
    ]);
    expect(composedSchema.parse(both)).toEqual(both);
    expect(both.warnings.join()).toContain('trained without');
    const [base, A, B] = [tiny.model, a, b];
    // A: 0 1 a 2 3 a'; B: 0 1 b b' 2 b'' 3
    await expectBlocks(both.model, [[base, 0], [base, 1], [A, 2], [B, 2], [B, 3], [base, 2], [B, 5], [base, 3], [A, 5]]); // prettier-ignore
    const turned = await compose([
      { model: 'B', pack: 1 },
      { model: 'A', pack: 1 },
    ]);
    await expectBlocks(turned.model, [[base, 0], [base, 1], [B, 2], [B, 3], [A, 2], [base, 2], [B, 5], [base, 3], [A, 5]]); // prettier-ignore

    const { packs } = await tiny.studio.packs.list({ model: both.model.id });
    expect(packs).toMatchObject([
      { number: 1, name: 'A', positions: [2, 8], trainedOn: { name: 'tiny' } },
      { number: 2, name: 'B', positions: [3, 4, 6], trainedOn: { name: 'tiny' } },
    ]);
    expect(packs[0]!.training).toEqual(a.line[0]!.training);
    // Each with the other off is the model that it came from.
    expect(tokensOf(await speak({ model: both.model.id, strengths: [{ pack: 2, strength: 0 }] }))).toEqual(
      tokensOf(await speak({ model: 'A' })),
    );
    expect(tokensOf(await speak({ model: both.model.id, strengths: [{ pack: 1, strength: 0 }] }))).toEqual(
      tokensOf(await speak({ model: 'B' })),
    );

    const verified = await tiny.studio.models.verify({ model: both.model.id, engine: fastEngine });
    expect(verified).toMatchObject({ problems: [], tensors: { different: [] } });
    expect(await tiny.studio.packs.prove({ model: both.model.id, engine: fastEngine })).toMatchObject({ isProved: true });
    expect(JSON.parse(await readFile(join(both.model.path, 'expansion.json'), 'utf8'))).toMatchObject({ schemaVersion: 4 });
    // Training goes on from it as from any model.
    const next = await train('next', both.model.id, '8', { steps: 2 });
    expect((await tiny.studio.packs.list({ model: next.id })).packs.map(({ name }) => name)).toEqual(['A', 'B', 'next']);
    expect(await tiny.studio.packs.prove({ model: next.id, engine: fastEngine })).toMatchObject({ isProved: true });
  });

  it('of a model without its last pack, or one in the middle, leaves the others’ bytes; what was trained on top is told', async () => {
    const last = await compose([{ model: 'C', pack: 1 }]);
    expect(last.warnings).toEqual([]);
    expect(await tensorsOf(last.model)).toEqual(await tensorsOf(a));
    const middle = await compose([{ model: 'C', pack: 2 }]);
    // C: 0 1 a c 2 3 a'
    const base = tiny.model;
    await expectBlocks(middle.model, [[base, 0], [base, 1], [c, 3], [base, 2], [base, 3]]); // prettier-ignore
    expect(middle.warnings[0]).toBe('Pack 2 of "C" was trained on top of pack 1, which is not here: its input changes.');
    expect(await tiny.studio.models.verify({ model: middle.model.id, engine: fastEngine })).toMatchObject({ problems: [] });
    const onA = await compose([{ model: 'C', pack: 2 }], 'A');
    expect(await tensorsOf(onA.model)).toEqual(await tensorsOf(c));
  });

  it('with a strength is what the dial does without it, to the last bit', async () => {
    const baked = await compose([{ model: 'A', pack: 1, strength: 0.3 }]);
    const dialled = tokensOf(await speak({ model: 'A', strengths: [{ pack: 1, strength: 0.3 }] }));
    expect(tokensOf(await speak({ model: baked.model.id }))).toEqual(dialled);
    expect((await tiny.studio.packs.list({ model: baked.model.id })).packs).toMatchObject([{ strength: 0.3 }]);
    const again = await compose([{ model: baked.model.id, pack: 1, strength: 0.5 }]);
    expect((await tiny.studio.packs.list({ model: again.model.id })).packs).toMatchObject([{ strength: 0.15 }]);
    expect(await tiny.studio.models.verify({ model: again.model.id, engine: fastEngine })).toMatchObject({ problems: [] });
  });

  it('that is no such thing is refused, with the hashes of bases that differ', async () => {
    const other = join(tiny.directory, 'other');
    await writeTinyModel(other, { weights: randomWeights(byteModelConfig, 5) });
    const { id } = await tiny.studio.models.import({ path: other });
    await tiny.studio.models.expand({ model: id, place: '1', name: 'foreign' });
    const hash = (await tiny.studio.packs.list({ model: 'A' })).base!.hash;
    const foreign = [
      { model: 'A', pack: 1 },
      { model: 'foreign', pack: 1 },
    ];
    await expect(compose(foreign)).rejects.toMatchObject({ code: 'BAD_INPUT', allowed: expect.stringContaining(hash) as unknown });
    const mistakes = [
      [{ model: 'A', pack: 2 }],
      [{ model: 'A', pack: 1, strength: 0 }],
      [{ model: 'A', pack: 1, strength: 1.5 }],
      [foreign[0]!, foreign[0]!],
    ];
    for (const packs of mistakes) await expect(compose(packs)).rejects.toMatchObject({ code: 'BAD_INPUT', exitCode: 2 });
    await expect(compose([{ model: 'tiny', pack: 1 }])).rejects.toMatchObject({ code: 'BAD_INPUT' });
    const lora = await train('adapted', a.id, '', { method: 'lora', place: undefined, steps: 2 });
    expect((await tiny.studio.packs.list({ model: lora.id })).packs).toMatchObject([
      { isRemovable: false, reason: expect.stringContaining('lora') as unknown },
    ]);
    await expect(compose([{ model: lora.id, pack: 1 }])).rejects.toMatchObject({
      code: 'BAD_INPUT',
      found: expect.stringContaining('lora') as unknown,
    });
    await expect(speak({ model: lora.id, strengths: [{ pack: 1, strength: 0.5 }] })).rejects.toMatchObject({ code: 'BAD_INPUT' });
  });

  it('goes elsewhere as a pack, and comes out there the same, byte for byte', async () => {
    const both = await compose([
      { model: 'A', pack: 1 },
      { model: 'B', pack: 1 },
    ]);
    const destination = join(tiny.directory, 'packed');
    await tiny.studio.exports.write({ model: both.model.id, format: 'pack', destination });
    const attached = await tiny.studio.models.import({ path: destination, name: 'attached' });
    expect(await tensorsOf(attached)).toEqual(await tensorsOf(both.model));
    expect((await tiny.studio.packs.list({ model: 'attached' })).packs).toEqual(
      (await tiny.studio.packs.list({ model: both.model.id })).packs,
    );
  });
});

describe('text', () => {
  it('is explained token by token: what each voice thinks of it, and what each inserted block does', async () => {
    const request = explainRequestSchema.parse({
      ...{ prompt: 'let total', continuation: ' = count + 7;', engine: fastEngine },
      voices: [{ model: 'tiny' }, { model: 'C' }],
    });
    const explained = await tiny.studio.text.explain(request);
    expect(explanationSchema.parse(explained)).toEqual(explained);
    expect(explained.voices).toMatchObject([
      { blocks: [], blocksLeft: 0 },
      { blocks: [2, 3, 6], blocksLeft: 0 },
    ]);
    expect(explained.tokens.map(({ text }) => text).join('')).toBe('<s>let total = count + 7;');
    expect(explained.tokens.filter(({ isPrompt }) => isPrompt)).toHaveLength(1 + 'let total'.length);
    expect(explained.tokens[0]).toMatchObject({ views: null, difference: null });
    // Leaving a pack of one block out is what its dial at 0 does.
    const without = await tiny.studio.text.explain({
      ...request,
      voices: [voiceSchema.parse({ model: 'A' }), voiceSchema.parse({ model: 'C' })],
    });
    for (const { views, difference } of without.tokens.slice(1)) {
      expect(views![1]!.blocks[1]).toBeCloseTo(views![1]!.logProbability - views![0]!.logProbability, 10);
      expect(difference).toBeCloseTo(views![1]!.blocks[1]!, 10);
      expect(views![1]!.top).toHaveLength(5);
    }
    const bounded = await tiny.studio.text.explain({ ...request, blocks: 2 });
    expect(bounded.voices[1]).toMatchObject({ blocks: [2, 3], blocksLeft: 1 });
    expect(bounded.tokens[3]!.views![1]!.blocks).toEqual(explained.tokens[3]!.views![1]!.blocks.slice(0, 2));
  });

  it('comes token by token, from several voices at once, and ends when nobody listens', async () => {
    const [first, second] = await Promise.all([speak({ model: 'A' }), speak({ model: 'B' })]);
    for (const events of [first, second]) {
      expect(tokensOf(events)).toHaveLength(6);
      expect(events.at(-1)).toMatchObject({ kind: 'end', end: 'length', tokenIds: { length: 6 } });
    }
    const stopped = new AbortController();
    const request = streamRequestSchema.parse({ voice: { model: 'A' }, prompt: 'x', maxTokens: 50, engine: fastEngine });
    let heard = 0;
    await expect(async () => {
      for await (const { kind } of tiny.studio.text.stream(request, stopped.signal)) if (kind === 'token' && ++heard === 2) stopped.abort();
    }).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(heard).toBeLessThan(50);
    for await (const { kind } of tiny.studio.text.stream(request)) if (kind === 'token') break;
  });
});

describe('a gate', () => {
  it('is evaluated on held-out documents of what the pack learned and was to keep, and the result is kept', async () => {
    const events = [];
    const request = gateRequestSchema.parse({ model: 'A', tokens: [4, 16], engine: fastEngine });
    for await (const event of tiny.studio.gates.follow(request)) events.push(event);
    const { evaluation } = events.at(-1)!;
    expect(evaluation!.results.map(({ tokens }) => tokens)).toEqual([4, 16]);
    for (const { figures } of evaluation!.results) {
      expect(figures.map(({ role, dataset }) => [role, dataset])).toEqual([
        ['new', 'code'],
        ['old', 'stories'],
      ]);
      for (const { accuracy, loss, role } of figures) {
        expect(accuracy.value).toBeGreaterThanOrEqual(0);
        const [least, most] = [loss.always.value, loss.never.value].toSorted((x, y) => x - y);
        expect(loss.routed.value).toBeGreaterThanOrEqual(least! - 1e-6);
        expect(loss.routed.value).toBeLessThanOrEqual(most! + 1e-6);
        if (role === 'new') expect(accuracy.value).toBeGreaterThan(0.5);
      }
    }
    expect((await tiny.studio.packs.list({ model: 'A' })).packs[0]!.gate).toEqual(evaluation);
    const evaluate = (changes: object): Promise<unknown> => tiny.studio.gates.evaluate({ ...request, ...changes });
    await expect(evaluate({ tokens: [63] })).rejects.toMatchObject({ code: 'BAD_INPUT' });
    await expect(evaluate({ pack: 9 })).rejects.toMatchObject({ code: 'BAD_INPUT', allowed: '1' });
    await expect(evaluate({ newDatasets: [], oldDatasets: [] })).rejects.toMatchObject({ code: 'BAD_INPUT' });
  });
});
