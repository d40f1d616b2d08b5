import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DatasetInfo } from '../../shared/contract/datasets.ts';
import type { ModelInfo } from '../../shared/contract/models.ts';
import type { ImportedFile } from '../../shared/contract/dataset-import.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { fastEngine } from '../support/engines.ts';
import { sharedData } from '../support/shared-data.ts';
import { StrataHere } from '../support/strata-command.ts';

/** The main job on a model and texts that are not ours, through the command line: what a script may count on. */

const [steps, batch, context, replay] = [6, 4, 64, 0.1];
const settings = ['--steps', `${steps}`, '--batch', `${batch}`, '--context', `${context}`, '--engine', fastEngine];
const measuring = ['--set', 'evaluationTokens=1024', 'evaluateEvery=3'];

type Json = Record<string, unknown>;

describe.skipIf(!sharedData)('the real job', () => {
  const source = join(sharedData ?? '', 'models/tinystories-656k');
  let directory: string;
  let strata: StrataHere;
  let base: ModelInfo;
  let stories: { datasets: DatasetInfo[]; files: ImportedFile[] };
  let code: { datasets: DatasetInfo[]; files: ImportedFile[] };
  let run: RunSummary;
  let second: RunSummary;
  let expanded: ModelInfo;
  let exported: Json;
  let again: ModelInfo;
  let hashesBefore: { source: string; base: string };

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'strata real-input Übung '));
    strata = new StrataHere(join(directory, 'mein Arbeitsplatz 工作区'));
    base = await strata.json('model', 'import', source, '--name', 'Small stories 小');
    stories = await strata.json('data', 'import', join(sharedData!, 'text/tinystories'));
    code = await strata.json('data', 'import', join(sharedData!, 'code/python-stdlib/python-stdlib.jsonl.gz'), '--name', 'Python');
    hashesBefore = { source: await folderHash(source), base: await folderHash(base.path) };
    const roles = ['--new', 'Python', '--old', stories.datasets[0]!.id, '--replay', `${replay}`];
    run = await strata.json('train', '--model', base.name, ...roles, ...settings, ...measuring);
    second = await strata.json(
      'train',
      '--model',
      base.id,
      '--new',
      'Python',
      '--name',
      'Ohne Altes',
      '--at',
      '0,0,1',
      '--lr',
      '0.02',
      ...settings,
      ...measuring,
    );
    expanded = await strata.json('model', 'expand', base.name, '--blocks', '2', '--at', 'top', '--name', 'Mit Kopien');
    exported = await strata.json(
      'model',
      'export',
      run.model!,
      '--format',
      'huggingface',
      '--out',
      join(directory, 'für andere', 'Modell'),
    );
    again = await strata.json('model', 'import', String(exported.path), '--name', 'zurück');
  }, 240_000);
  afterAll(() => rm(directory, { recursive: true, force: true }));

  describe('imports', () => {
    test('the model with the facts of its folder', () => {
      expect(base).toMatchObject({
        id: expect.stringMatching(/^[a-z0-9-]+$/) as string,
        name: 'Small stories 小',
        architecture: 'LlamaForCausalLM',
        parameters: 656_000,
        blocks: 2,
        vocabularySize: 2048,
        contextLength: 512,
      });
    });

    test('a folder: the text in it, not the file that describes it', async () => {
      expect(stories.files).toEqual([
        {
          path: join(sharedData!, 'text/tinystories/README.md'),
          status: 'skipped',
          reason: expect.stringContaining('describes') as string,
        },
        { path: join(sharedData!, 'text/tinystories/tinystories.txt.gz'), status: 'imported', reason: '1968 documents' },
      ]);
      const text = gunzipSync(await readFile(join(sharedData!, 'text/tinystories/tinystories.txt.gz'))).toString();
      const documents = text.split(/^\s*<\|endoftext\|>\s*$/m).filter((story) => story.trim() !== '');
      expect(stories.datasets).toEqual([expect.objectContaining({ name: 'tinystories', documents: documents.length })]);
      expect(documents).toHaveLength(1968);
    });

    test('a file: every row, with the bytes of its text', async () => {
      const lines = gunzipSync(await readFile(join(sharedData!, 'code/python-stdlib/python-stdlib.jsonl.gz'))).toString();
      const texts = lines
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { text: string }).text);
      const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
      expect(code.datasets).toEqual([expect.objectContaining({ name: 'Python', documents: 140, bytes })]);
      expect(texts).toHaveLength(140);
    });
  });

  describe('the run', () => {
    test('has every field that the design promises, in its type', () => {
      const promised: Record<string, (value: unknown) => boolean> = {
        id: isText,
        status: isText,
        model: isText,
        baseModel: (value) => (value as Json).id === base.id,
        method: isText,
        plan: (value) => Array.isArray((value as Json).inserted),
        seed: Number.isInteger,
        steps: Number.isInteger,
        tokens: (value) => Number.isInteger((value as Json).total),
        replayShare: isNumber,
        trainableParameters: Number.isInteger,
        addedParameters: Number.isInteger,
        identityDifference: isNumber,
        baseline: isMeasured,
        final: isMeasured,
        gain: isNumber,
        forgetting: isNumber,
        drift: isNumber,
        tokensPerSecond: isNumber,
        seconds: isNumber,
        peakMemory: isNumber,
        engine: isText,
      };
      const wrong = Object.entries(promised).filter(([field, isRight]) => !isRight((run as Json)[field]));
      expect(wrong.map(([field]) => field)).toEqual([]);
    });

    test('is the one that run show prints, by id and by name', async () => {
      const noted = { ...run, note: expect.any(String) as string };
      expect(await strata.json('run', 'show', run.id)).toEqual(noted);
      expect(await strata.json('run', 'show', run.name)).toEqual(noted);
    });

    test('trained as many tokens as it was asked for, a tenth of them old, counted in whole windows', () => {
      const windows = steps * batch;
      const old = Math.floor(windows * replay);
      expect(run.replayShare).toBe(replay);
      expect(run.tokens).toEqual({
        total: windows * context,
        byDataset: { [code.datasets[0]!.id]: (windows - old) * context, [stories.datasets[0]!.id]: old * context },
      });
    });

    test('proved identity and put the blocks where the paper puts them', () => {
      expect(run).toMatchObject({ status: 'done', stepsDone: steps, method: 'expand', identityDifference: 0 });
      expect(run.plan!.inserted).toEqual([{ after: 1, copies: 1, position: 2 }]);
      expect(second.plan!.inserted.map(({ after }) => after)).toEqual([0, 0, 1]);
    });

    test('trained the inserted block and nothing else', () => {
      const perBlock = 2 * 128 + 128 * 128 * 2 + 64 * 128 * 2 + 3 * 128 * 384;
      expect(run).toMatchObject({ addedParameters: perBlock, trainableParameters: perBlock });
      expect(run.trainableTensors).toHaveLength(9);
      expect(run.trainableTensors.every((name) => name.startsWith('model.layers.2.'))).toBe(true);
      expect(second.addedParameters).toBe(3 * perBlock);
    });

    test('gain and forgetting are the differences of what was measured; it learned something', () => {
      expect(run.gain).toBe(run.baseline!.new.loss - run.final!.new.loss);
      expect(run.forgetting).toBe(run.final!.old!.loss - run.baseline!.old!.loss);
      expect(run.drift).toBe(run.final!.drift);
      expect(run.gain).toBeGreaterThan(0);
      expect(run.drift).toBeGreaterThan(0);
      expect(run.baseline!.new.tokens).toBe(run.final!.new.tokens);
    });

    test('the model of old stories knows stories better than code, before and after', () => {
      expect(run.baseline!.old!.loss).toBeLessThan(run.baseline!.new.loss);
      expect(run.final!.old!.loss).toBeLessThan(run.final!.new.loss);
    });

    test('without old data has nothing to forget, and says so', () => {
      expect(second).toMatchObject({ name: 'Ohne Altes', replayShare: 0, forgetting: null, drift: null });
      expect(second.baseline!.old).toBeNull();
      expect(second.tokens.byDataset).toEqual({ [code.datasets[0]!.id]: steps * batch * context });
    });

    test('left the base as it was, byte for byte', async () => {
      expect({ source: await folderHash(source), base: await folderHash(base.path) }).toEqual(hashesBefore);
    });

    test('kept every tensor of the base in the trained model', async () => {
      const [before, after] = [await tensorsOf(source), await tensorsOf(run.modelPath!)];
      const moved = new Map([...before].map(([name, bytes]) => [name === 'lm_head.weight' ? 'model.embed_tokens.weight' : name, bytes]));
      for (const [name, bytes] of moved) expect(after.get(name)?.equals(bytes), name).toBe(true);
      expect(after.size).toBe(moved.size + 9);
    });
  });

  test('the history lists both, newest first; a comparison shows what differs and nothing else', async () => {
    const list = await strata.json<RunSummary[]>('run', 'list');
    expect(list.map(({ id }) => id)).toEqual([second.id, run.id]);
    const compared = await strata.json<{ runs: RunSummary[]; differences: Record<string, unknown[]> }>(
      'run',
      'compare',
      run.id,
      second.name,
    );
    expect(compared.runs.map(({ id }) => id)).toEqual([run.id, second.id]);
    expect(compared.differences).toMatchObject({
      replayShare: [replay, 0],
      addedParameters: [run.addedParameters, second.addedParameters],
      gain: [run.gain, second.gain],
    });
    expect(Object.keys(compared.differences)).not.toContain('steps');
  });

  test('a note stays with its run', async () => {
    const text = 'Zuerst ohne "Altes" – 试试';
    expect(await strata.json('run', 'note', run.id, text)).toMatchObject({ id: run.id, note: text });
    expect((await strata.run('run', 'show', run.id)).stdout).toContain(text);
  });

  describe('eval', () => {
    test('has the loss that an independent program computed for these stories', async () => {
      const expected = JSON.parse(await readFile(join(source, 'expected.json'), 'utf8')) as {
        loss_by_domain: { domains: Record<string, { documents: number; tokens: number; nats_per_token: number }> };
      };
      const domain = expected.loss_by_domain.domains['TinyStories (first stories of the excerpt)']!;
      const text = gunzipSync(await readFile(join(sharedData!, 'text/tinystories/tinystories.txt.gz'))).toString();
      // The recipe: the first 1,500 characters; none of these has more than 257 ids, so each is one window.
      const documents = text.split('<|endoftext|>').map((story) => story.trim().slice(0, 1500));
      const folder = join(directory, 'first stories');
      await mkdir(folder);
      const paths = Array.from({ length: domain.documents }, (_, index) => join(folder, `Geschichte ${index}.txt`));
      for (const [index, path] of paths.entries()) await writeFile(path, documents[index]!);
      const result = await strata.json<Record<string, number>>('eval', base.id, '--text', ...paths, '--engine', fastEngine);
      expect(Object.keys(result)).toEqual(expect.arrayContaining(['bitsPerByte', 'bytes', 'lossPerToken', 'perplexity', 'tokens']));
      expect(result.tokens).toBe(domain.tokens);
      expect(result.lossPerToken).toBeCloseTo(domain.nats_per_token, 4);
      expect(result.perplexity).toBeCloseTo(Math.exp(result.lossPerToken!), 9);
      const bytes = documents.slice(0, domain.documents).reduce((sum, story) => sum + Buffer.byteLength(story), 0);
      expect(result.bytes).toBe(bytes);
      expect(result.bitsPerByte).toBeCloseTo((result.lossPerToken! * result.tokens!) / Math.log(2) / bytes, 9);
    });

    test('scores all but the first token of each window, the last short one included', async () => {
      const path = join(directory, 'story.txt');
      await writeFile(path, 'Once upon a time there was a little girl named Lily. She loved to play outside in the park all day.');
      const whole = await strata.json<{ tokens: number }>('eval', base.id, '--text', path, '--engine', fastEngine);
      const cut = await strata.json<{ tokens: number }>('eval', base.id, '--text', path, '--context', '8', '--engine', fastEngine);
      const ids = whole.tokens + 1;
      expect(cut.tokens).toBe(ids - Math.ceil(ids / 8));
    });

    test('takes the model that a run made', async () => {
      const path = join(directory, 'code.py');
      await writeFile(path, 'import os\n\ndef main():\n    return os.path.join(a, b)\n'.repeat(20));
      const arguments_ = ['--text', path, '--engine', fastEngine];
      const before = await strata.json<{ lossPerToken: number }>('eval', base.id, ...arguments_);
      const after = await strata.json<{ lossPerToken: number }>('eval', run.id, ...arguments_);
      expect(after.lossPerToken).toBeLessThan(before.lossPerToken);
    });
  });

  test('generate continues greedily as an independent program did; without the new blocks the trained model does so too', async () => {
    const { greedy } = JSON.parse(await readFile(join(source, 'expected.json'), 'utf8')) as {
      greedy: { prompt: string; prompt_ids: number[]; ids: number[] }[];
    };
    const { prompt, prompt_ids: promptIds, ids } = greedy[0]!;
    const arguments_ = ['--prompt', prompt, '--max-tokens', `${ids.length - promptIds.length}`, '--engine', fastEngine];
    const wanted = { tokenIds: ids.slice(promptIds.length), text: expect.stringMatching(/^, a little girl named Lily/) as string };
    expect(await strata.json('generate', base.id, ...arguments_)).toMatchObject(wanted);
    expect(await strata.json('generate', second.id, ...arguments_, '--bypass')).toMatchObject(wanted);
    expect(await strata.json('generate', second.id, ...arguments_)).not.toMatchObject(wanted);
  });

  describe('models', () => {
    test('expand makes an identity, and verify proves it', async () => {
      expect(expanded).toMatchObject({ name: 'Mit Kopien', blocks: 4, parameters: 656_000 + 2 * run.addedParameters!, baseModel: base.id });
      const verified = await strata.json('model', 'verify', 'Mit Kopien', '--engine', fastEngine);
      expect(verified).toEqual({
        identity: true,
        maxLogitDifference: 0,
        plan: [1, 1],
        tensors: { compared: 38, different: [] },
        problems: [],
      });
    });

    test('verify finds the trained one changed in nothing but its new block', async () => {
      const verified = await strata.json('model', 'verify', run.model!, '--engine', fastEngine);
      const tensors = { compared: 29, different: [] };
      expect(verified).toEqual({ identity: false, maxLogitDifference: expect.any(Number) as number, plan: [1], tensors, problems: [] });
      expect((verified as { maxLogitDifference: number }).maxLogitDifference).toBeGreaterThan(0);
    });

    test('export writes a folder with the configuration of the expanded model', async () => {
      const out = join(directory, 'für andere', 'Modell');
      const sizes = await Promise.all((await readdir(out)).map(async (name) => (await readFile(join(out, name))).length));
      const bytes = sizes.reduce((sum, size) => sum + size, 0);
      expect(exported).toEqual({ path: out, format: 'huggingface', dtype: 'F32', bytes, verified: true });
      const read = async (name: string): Promise<Json> => JSON.parse(await readFile(join(out, name), 'utf8')) as Json;
      const original = JSON.parse(await readFile(join(source, 'config.json'), 'utf8')) as Json;
      expect(await read('config.json')).toMatchObject({
        architectures: ['LlamaForCausalLM'],
        num_hidden_layers: 3,
        hidden_size: original.hidden_size,
        num_key_value_heads: original.num_key_value_heads,
        vocab_size: original.vocab_size,
        tie_word_embeddings: true,
        torch_dtype: 'float32',
      });
      expect(await read('expansion.json')).toMatchObject({ schemaVersion: 3, line: [{ method: { name: 'expand', plan: run.plan } }] });
      expect(await tensorsOf(out)).toEqual(await tensorsOf(run.modelPath!));
      expect(await readFile(join(out, 'tokenizer.json'))).toEqual(await readFile(join(source, 'tokenizer.json')));
    });

    test('an exported model comes back by import as the same model', async () => {
      expect(again).toMatchObject({ blocks: 3, plan: run.plan });
      expect(await tensorsOf(again.path)).toEqual(await tensorsOf(run.modelPath!));
    });

    test('list and show agree, and what is deleted for good takes the folder with it', async () => {
      const list = await strata.json<ModelInfo[]>('model', 'list');
      expect(list.map(({ name }) => name)).toEqual([base.name, run.name, 'Ohne Altes', 'Mit Kopien', 'zurück']);
      expect(await strata.json('model', 'show', 'zurück')).toEqual(list.at(-1));
      expect(await strata.json('model', 'delete', 'zurück')).toEqual({ removed: list.at(-1)!.id });
      expect(await strata.json<ModelInfo[]>('model', 'list')).toEqual(list.slice(0, -1));
      expect(await strata.json('model', 'purge', 'zurück')).toEqual({ removed: [list.at(-1)!.id], kept: [] });
      await expect(readdir(again.path)).rejects.toThrow('ENOENT');
    });
  });

  test('data list and show agree, with documents of both parts', async () => {
    const list = await strata.json<DatasetInfo[]>('data', 'list');
    expect(list).toEqual([stories.datasets[0], code.datasets[0]]);
    const shown = await strata.json<Json & { preview: { heldOut: boolean }[] }>('data', 'show', 'Python');
    expect(shown).toMatchObject({ ...code.datasets[0]!, files: code.files });
    expect(new Set(shown.preview.map(({ heldOut }) => heldOut))).toEqual(new Set([true, false]));
  });

  test('what finished runs used may go, and their history stays', async () => {
    expect(await strata.json('data', 'delete', 'Python')).toEqual({ removed: code.datasets[0]!.id });
    expect(await strata.json('data', 'list')).toEqual([stories.datasets[0]]);
    expect(await strata.json('run', 'show', run.id)).toEqual({ ...run, note: expect.any(String) as string });
    expect(await strata.json('run', 'delete', 'Ohne Altes')).toEqual({ removed: second.id });
    expect((await strata.json<RunSummary[]>('run', 'list')).map(({ id }) => id)).toEqual([run.id]);
    expect(await strata.json('model', 'show', second.model!)).toMatchObject({ id: second.model, run: second.id });
    expect(await strata.json('run', 'purge', 'Ohne Altes')).toEqual({ removed: [second.id] });
    expect(await strata.json('model', 'show', second.model!)).toMatchObject({ id: second.model, run: null });
  });

  test('a person reads the same figures', async () => {
    const { stdout } = await strata.run('run', 'show', run.id);
    expect(stdout).toContain(`Gain        +${run.gain!.toFixed(4)}`);
    expect(stdout).toContain(`on ${run.final!.old!.tokens.toLocaleString('en-US')} tokens`);
    expect(stdout).toContain('largest logit difference before step 1: 0');
    expect(stdout).toContain(run.modelPath);
  });
});

test('engine lists every engine with its self-test, and the one that is used', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'strata-engine-'));
  const { selected, engines } = await new StrataHere(directory).json<{ selected: string; engines: Json[] }>('engine');
  await rm(directory, { recursive: true, force: true });
  expect(selected).toBe(fastEngine);
  expect(engines.map(({ name }) => name)).toEqual(['tensorflow-gpu', 'tensorflow-cpu', 'webgpu', 'wasm', 'cpu']);
  for (const { name, available, reason, selfTest } of engines.filter((engine) => engine.available)) {
    expect({ name, available, reason, selfTest }).toEqual({
      name,
      available: true,
      reason: 'Passed its self-test.',
      selfTest: { passed: true, milliseconds: expect.any(Number) as number, largestError: expect.any(Number) as number },
    });
  }
});

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value);
}

function isMeasured(value: unknown): boolean {
  const roles = value as Record<'new' | 'old', { loss: unknown; tokens: unknown }>;
  return [roles.new, roles.old].every(({ loss, tokens }) => isNumber(loss) && Number.isInteger(tokens));
}

async function folderHash(path: string): Promise<string> {
  const hash = createHash('sha256');
  for (const name of (await readdir(path)).sort()) hash.update(name).update(await readFile(join(path, name)));
  return hash.digest('hex');
}

/** The tensors of a safetensors file, by the format's own description: u64 length, JSON header, bytes. */
async function tensorsOf(folder: string): Promise<Map<string, Buffer>> {
  const file = await readFile(join(folder, 'model.safetensors'));
  const start = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, start)) as Record<string, { data_offsets?: [number, number] }>;
  const entries = Object.entries(header).filter(([name]) => name !== '__metadata__');
  return new Map(entries.map(([name, { data_offsets: [from, to] = [0, 0] }]) => [name, file.subarray(start + from, start + to)]));
}
