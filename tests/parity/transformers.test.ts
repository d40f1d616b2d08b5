import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { hiddenStates, logitsOf } from '../../main/llama/model.ts';
import { disposeLlama, loadLlama } from '../../main/llama/parameters.ts';
import { ADAPTER_FOLDER } from '../../main/models/adapter-folder.ts';
import { openModelFolder } from '../../main/models/model-folder.ts';
import { loadTokenizer } from '../../main/models/tokenizer.ts';
import type { ModelInfo } from '../../shared/contract/models.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { fastEngine } from '../support/engines.ts';
import { sharedData } from '../support/shared-data.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

const TEXTS = [
  'Once upon a time there was a small boat that wanted to see the whole sea.',
  'function add(a, b) {\n  return a + b; // 1 + 2 = 3\n}\n',
  'Emma Woodhouse, handsome, clever, and rich – “with a comfortable home”. Ünïcödé, 漢字, 🙂.',
];
const LARGEST_DIFFERENCE = 1e-4;

const bases = [
  { name: 'the embedded base', path: join(root, 'resources/base') },
  ...(sharedData
    ? [
        { name: 'tinystories-656k', path: join(sharedData, 'models/tinystories-656k') },
        { name: 'stories260k', path: join(sharedData, 'models/stories260k/stories260K.bin') },
      ]
    : []),
];

/** The real command line on a workspace; its JSON. */
async function strata<Result>(home: string, ...args: string[]): Promise<Result> {
  const { stdout } = await run(process.execPath, [join(root, 'main/cli/main.ts'), ...args, '--home', home, '--json'], {
    maxBuffer: 64 * 1024 * 1024,
  });
  return JSON.parse(stdout) as Result;
}

describe.each(bases)('$name, expanded, trained and exported', ({ path }) => {
  let home: string;
  let base: ModelInfo;
  let trained: RunSummary;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'strata-parity-'));
    base = await strata<ModelInfo>(home, 'model', 'import', path, '--name', 'base');
    await strata(home, 'data', 'import', join(root, 'resources/samples/new/documents.jsonl.gz'), '--name', 'new');
    await strata(home, 'data', 'import', join(root, 'resources/samples/old/documents.jsonl.gz'), '--name', 'old');
    const request = ['--model', 'base', '--new', 'new', '--old', 'old', '--replay', '0.1', '--at', '0,1,1', '--steps', '6', '--batch', '4'];
    trained = await strata<RunSummary>(home, 'train', ...request);
    await strata(home, 'model', 'export', trained.model!, '--out', join(home, 'exported'));
    // A base may keep its tied table under a name that transformers does not find; the export puts it where it is looked for.
    await strata(home, 'model', 'export', 'base', '--out', join(home, 'exported-base'));
  }, 300_000);
  afterAll(() => rm(home, { recursive: true, force: true }));

  it('loads in transformers with the same token ids and the same logits', async () => {
    const { ids, logits, about } = await inTransformers(join(home, 'exported'), join(home, 'tuned'));
    expect(about).toEqual({ class: 'LlamaForCausalLM', blocks: base.blocks + 3 });
    const ours = await inStrata(join(home, 'exported'));
    expect(ours.ids).toEqual(ids);
    for (const [index, wanted] of logits.entries()) expect(largest(ours.logits[index]!, wanted)).toBeLessThan(LARGEST_DIFFERENCE);
  }, 300_000);

  it('differs from its base there, which transformers computes as Strata does', async () => {
    const { logits } = await inTransformers(join(home, 'exported-base'), join(home, 'base'));
    const ours = await inStrata(base.path);
    for (const [index, wanted] of logits.entries()) expect(largest(ours.logits[index]!, wanted)).toBeLessThan(LARGEST_DIFFERENCE);
    const tuned = await inStrata(join(home, 'exported'));
    expect(largest(tuned.logits[0]!, logits[0]!)).toBeGreaterThan(0.01);
  }, 300_000);
});

it('an adapter that was trained is put on its base by peft, and gives what the merged model gives', async () => {
  const home = await mkdtemp(join(tmpdir(), 'strata-parity-'));
  try {
    await strata(home, 'model', 'import', bases[0]!.path, '--name', 'base');
    await strata(home, 'data', 'import', join(root, 'resources/samples/new/documents.jsonl.gz'), '--name', 'new');
    const request = ['--model', 'base', '--new', 'new', '--method', 'lora', '--rank', '4', '--steps', '8', '--batch', '4'];
    const { model } = await strata<RunSummary>(home, 'train', ...request);
    const merged = (await strata<ModelInfo[]>(home, 'model', 'list')).find(({ id, name }) => id === model || name === model)!;
    await strata(home, 'model', 'export', 'base', '--out', join(home, 'exported-base'));
    const { logits } = await inTransformers(join(home, 'exported-base'), join(home, 'adapted'), join(merged.path, ADAPTER_FOLDER));
    const plain = await inTransformers(join(home, 'exported-base'), join(home, 'plain'));
    const ours = await inStrata(merged.path);
    for (const [index, wanted] of logits.entries()) expect(largest(ours.logits[index]!, wanted)).toBeLessThan(LARGEST_DIFFERENCE);
    expect(largest(plain.logits[0]!, logits[0]!)).toBeGreaterThan(0.01);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}, 300_000);

/** What transformers makes of the texts with the model in a folder, and peft with an adapter on it. */
async function inTransformers(
  folder: string,
  out: string,
  adapter?: string,
): Promise<{ ids: number[][]; logits: Float32Array[]; about: { class: string; blocks: number } }> {
  await mkdir(out, { recursive: true });
  await writeFile(join(out, 'texts.json'), JSON.stringify(TEXTS));
  await run(process.env.STRATA_PYTHON ?? 'python3', [
    join(import.meta.dirname, 'transformers_logits.py'),
    folder,
    join(out, 'texts.json'),
    out,
    ...(adapter === undefined ? [] : [adapter]),
  ]);
  const { ids, ...about } = JSON.parse(await readFile(join(out, 'ids.json'), 'utf8')) as { ids: number[][]; class: string; blocks: number };
  const logits: Float32Array[] = [];
  for (const index of TEXTS.keys()) logits.push(new Float32Array((await readFile(join(out, `logits-${index}.f32`))).buffer.slice(0)));
  return { ids, logits, about };
}

/** The same by our own forward pass. */
async function inStrata(directory: string): Promise<{ ids: number[][]; logits: Float32Array[] }> {
  const engine = await loadEngine(fastEngine, engineDirectory());
  const folder = await openModelFolder(directory);
  const tokenizer = await loadTokenizer(directory);
  const model = await loadLlama(engine, { config: folder.config, read: (name) => folder.readTensor(name) });
  const ids = TEXTS.map((text) => tokenizer.encode(text).slice(0, folder.config.contextLength));
  const logits: Float32Array[] = [];
  for (const inputs of ids) {
    const batch = { batch: 1, time: inputs.length, inputs: Int32Array.from(inputs) };
    const values = engine.scope(() => logitsOf(engine, model, hiddenStates(engine, model, batch)));
    logits.push(((await engine.read(values)) as Float32Array).slice());
    engine.dispose(values);
  }
  disposeLlama(model);
  await folder.close();
  return { ids, logits };
}

function largest(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, index) => Math.max(most, Math.abs(value - b[index]!)), 0);
}
