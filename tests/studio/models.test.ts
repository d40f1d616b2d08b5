import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modelInfoSchema } from '../../shared/contract/models.ts';
import { StrataError } from '../../shared/errors.ts';
import { randomWeights } from '../support/tiny-llama.ts';
import { byteModelConfig, openTinyStudio, type TinyStudio, writeTinyModel } from '../support/workspace.ts';

let tiny: TinyStudio;
beforeAll(async () => {
  tiny = await openTinyStudio();
});
afterAll(() => tiny.remove());

async function refusal(attempt: () => unknown): Promise<StrataError> {
  try {
    await attempt();
  } catch (error) {
    expect(error).toBeInstanceOf(StrataError);
    return error as StrataError;
  }
  throw new Error('It was allowed.');
}

const folders = (): Promise<string[]> => readdir(join(tiny.home, 'models'));

describe('a model', () => {
  it('is imported whole, under its folder’s name or a given one, and found by id and name', async () => {
    const { studio, model, sources, home } = tiny;
    expect(modelInfoSchema.parse(model)).toEqual(model);
    expect(model).toMatchObject({
      name: 'tiny',
      architecture: 'LlamaForCausalLM',
      blocks: 4,
      vocabularySize: 258,
      contextLength: 64,
      baseModel: null,
      run: null,
      plan: null,
      line: [],
      owners: ['base', 'base', 'base', 'base'],
      source: sources.model,
    });
    expect(model.path).toBe(join(home, 'models', model.id));
    expect(await readFile(join(model.path, 'model.safetensors'))).toEqual(await readFile(join(sources.model, 'model.safetensors')));
    const second = await studio.models.import({ path: sources.model });
    const named = await studio.models.import({ path: sources.model, name: `'); DROP TABLE models; --` });
    expect([second.name, named.name]).toEqual(['tiny 2', `'); DROP TABLE models; --`]);
    expect(studio.models.list()).toEqual([model, second, named]);
    expect(studio.models.show(named.name)).toEqual(named);
    for (const { id } of [second, named]) studio.models.remove({ model: id });
    expect(await studio.models.bin.purge()).toEqual({ removed: expect.arrayContaining([second.id, named.id]) as string[], kept: [] });
    expect(existsSync(named.path)).toBe(false);
    expect(studio.models.list()).toEqual([model]);
  });

  it('that cannot be imported leaves nothing behind', async () => {
    const before = await folders();
    expect((await refusal(() => tiny.studio.models.import({ path: join(tiny.directory, 'nowhere') }))).code).toBe('NOT_FOUND');
    expect((await refusal(() => tiny.studio.models.import({ path: tiny.sources.newText }))).code).toBe('UNSUPPORTED');
    expect(await folders()).toEqual(before);
    expect(tiny.studio.models.list()).toEqual([tiny.model]);
  });

  it('is expanded into another one, which proves to be the same function', async () => {
    const { studio, model } = tiny;
    const expanded = await studio.models.expand({ model: 'tiny', place: '1,1' });
    expect(expanded).toMatchObject({ name: 'tiny +2', blocks: 6, baseModel: model.id, run: null, source: 'expanded from tiny' });
    expect(await studio.models.verify({ model: expanded.id })).toEqual({
      identity: true,
      maxLogitDifference: 0,
      plan: [1, 1],
      tensors: { compared: 6 * 9 + 3, different: [] },
      problems: [],
    });
  });

  it('whose inserted tensors, configuration or files are not what they began as does not verify, and each is named', async () => {
    const { studio } = tiny;
    const { path, id } = await studio.models.expand({ model: 'tiny', place: '1', name: 'meddled' });
    const weights = await readFile(join(path, 'model.safetensors'));
    const headerBytes = Number(weights.readBigUInt64LE(0));
    const header = JSON.parse(weights.toString('utf8', 8, 8 + headerBytes)) as Record<string, { data_offsets: [number, number] }>;
    for (const name of ['model.layers.2.mlp.down_proj.weight', 'model.layers.2.self_attn.q_proj.weight']) {
      weights.writeFloatLE(0.25, 8 + headerBytes + header[name]!.data_offsets[0]);
    }
    await writeFile(join(path, 'model.safetensors'), weights);
    const config = JSON.parse(await readFile(join(path, 'config.json'), 'utf8')) as Record<string, unknown>;
    await writeFile(join(path, 'config.json'), JSON.stringify({ ...config, initializer_range: 7 }));
    await writeFile(join(path, 'tokenizer_config.json'), '{}');
    const { tensors, problems, identity } = await studio.models.verify({ model: id });
    expect(identity).toBe(false);
    expect(tensors).toEqual({
      compared: 5 * 9 + 3,
      different: ['model.layers.2.self_attn.q_proj.weight', 'model.layers.2.mlp.down_proj.weight'],
    });
    expect(problems).toEqual([
      expect.stringMatching(/^model\.layers\.2\.self_attn\.q_proj\.weight is not what the plan says: found F32 /),
      expect.stringMatching(/^model\.layers\.2\.mlp\.down_proj\.weight is not what the plan says: found F32 /),
      'initializer_range in config.json is 7 instead of missing.',
      "tokenizer_config.json is not the base's.",
    ]);
  });

  it('that was changed after its expansion does not verify, and the tensor is named', async () => {
    const { studio } = tiny;
    const expanded = await studio.models.expand({ model: 'tiny', blocks: 1, place: 'top', name: 'tampered' });
    const weights = join(expanded.path, 'model.safetensors');
    const file = await readFile(weights);
    const embeddings = await readFile(join(tiny.model.path, 'model.safetensors'));
    const dataStart = 8 + Number(embeddings.readBigUInt64LE(0));
    const at = file.indexOf(embeddings.subarray(dataStart, dataStart + 64)); // the first row of the embedding
    file.writeFloatLE(file.readFloatLE(at) + 0.5, at);
    await writeFile(weights, file);
    const { identity, problems } = await studio.models.verify({ model: 'tampered' });
    expect(identity).toBe(true); // no passage has the byte 0, so the logits cannot tell
    expect(problems).toEqual([
      expect.stringMatching(/^model\.embed_tokens\.weight is not what the plan says: found F32 [0-9a-f]{64}, allowed F32 [0-9a-f]{64}, /),
    ]);
  });

  it('that was not expanded, or whose base is gone, says that there is nothing to compare with', async () => {
    const { studio } = tiny;
    expect((await studio.models.verify({ model: 'tiny' })).problems).toEqual([
      'The model was not made by expansion: there is no plan in its folder.',
    ]);
    const other = join(tiny.directory, 'other');
    await writeTinyModel(other, { weights: randomWeights(byteModelConfig, 2) });
    const base = await studio.models.import({ path: other, name: 'short-lived' });
    const expanded = await studio.models.expand({ model: base.id, blocks: 1, place: 'top' });
    studio.models.remove({ model: base.id });
    const verified = await studio.models.verify({ model: expanded.id });
    expect(verified).toMatchObject({ identity: false, maxLogitDifference: null, plan: [3] });
    expect(verified.problems).toEqual([expect.stringMatching(/no longer in the workspace/)]);
    await studio.models.import({ path: other, name: 'back again' }); // another id, the same model
    expect(await studio.models.verify({ model: expanded.id })).toMatchObject({ identity: true, maxLogitDifference: 0, problems: [] });
  });

  it('is not expanded by a plan that does not fit; nothing is left behind', async () => {
    const before = await folders();
    expect(await refusal(() => tiny.studio.models.expand({ model: 'tiny', place: '9' }))).toMatchObject({ code: 'BAD_INPUT', exitCode: 2 });
    expect(await folders()).toEqual(before);
  });

  it('is exported to where nothing is', async () => {
    const directory = join(tiny.directory, 'exported');
    const exported = await tiny.studio.exports.write({ model: 'tiny', format: 'huggingface', destination: directory });
    expect(exported).toMatchObject({ path: directory, format: 'huggingface', dtype: 'F32', verified: true });
    expect((await refusal(() => tiny.studio.exports.write({ model: 'tiny', format: 'huggingface', destination: directory }))).code).toBe(
      'BAD_INPUT',
    );
  });

  it('that nobody knows is refused with what there is', async () => {
    for (const attempt of [
      () => tiny.studio.models.show('gpt'),
      () => tiny.studio.models.verify({ model: 'gpt' }),
      () => tiny.studio.models.remove({ model: 'gpt' }),
    ]) {
      const error = await refusal(attempt);
      expect(error).toMatchObject({ code: 'NOT_FOUND', exitCode: 2, found: 'gpt' });
      expect(error.allowed).toContain('(tiny)');
    }
  });

  it('whose folder was taken away meanwhile can still be removed from the list', async () => {
    const { studio, sources } = tiny;
    const { id, path } = await studio.models.import({ path: sources.model, name: 'lost' });
    const { rm } = await import('node:fs/promises');
    await rm(path, { recursive: true });
    expect(studio.models.remove({ model: id })).toEqual({ removed: id });
    expect(await studio.models.bin.purge(id)).toEqual({ removed: [id], kept: [] });
  });
});
