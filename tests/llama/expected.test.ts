import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import type { Engine } from '../../main/engine/engine.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { generate } from '../../main/llama/generate.ts';
import { hiddenStates, logitsOf } from '../../main/llama/model.ts';
import { disposeLlama, type Llama, loadLlama } from '../../main/llama/parameters.ts';
import { importModel } from '../../main/models/import-model.ts';
import { openModelFolder } from '../../main/models/model-folder.ts';
import { loadTokenizer, type TextTokenizer } from '../../main/models/tokenizer.ts';
import { measureLoss } from '../../main/training/evaluation.ts';
import { engineNames, fastEngine } from '../support/engines.ts';
import { sharedData } from '../support/shared-data.ts';

interface Expected {
  greedy: { prompt: string; prompt_ids: number[]; ids: number[] }[];
  first_logits_top8: { id: number; logit: number }[];
  loss_by_domain: { domains: Record<string, { documents: number; tokens: number; nats_per_token: number }> };
}

/** The oracle's recipe: the first 257 ids of a document's first 1,500 characters. */
const LOSS_IDS = 257;
const LOSS_CHARACTERS = 1500;

async function storiesOf(directory: string): Promise<string[]> {
  const text = gunzipSync(await readFile(join(directory, 'text/tinystories/tinystories.txt.gz'))).toString();
  return text
    .split('<|endoftext|>')
    .map((story) => story.trim())
    .filter((story) => story !== '');
}

describe.skipIf(!sharedData).each([
  ['tinystories-656k', 'models/tinystories-656k'],
  ['stories260k', 'models/stories260k/stories260K.bin'],
  ['stories260k (version 1 file)', 'models/stories260k/checkpoint_v1.bin'],
])('%s', (name, path) => {
  let directory: string;
  let engine: Engine;
  let model: Llama;
  let tokenizer: TextTokenizer;
  let expected: Expected;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'strata-expected-'));
    await importModel(join(sharedData!, path), join(directory, 'model'));
    engine = await loadEngine(fastEngine, engineDirectory());
    const folder = await openModelFolder(join(directory, 'model'));
    model = await loadLlama(engine, { config: folder.config, read: (tensor) => folder.readTensor(tensor) });
    await folder.close();
    tokenizer = await loadTokenizer(join(directory, 'model'));
    const source = path.endsWith('.bin') ? join(path, '..') : path;
    expected = JSON.parse(await readFile(join(sharedData!, source, 'expected.json'), 'utf8')) as Expected;
  });
  afterAll(async () => {
    disposeLlama(model);
    await rm(directory, { recursive: true });
  });

  it('gives the expected logits for the first token, to 1e-4', async () => {
    const logits = engine.scope(() =>
      logitsOf(engine, model, hiddenStates(engine, model, { batch: 1, time: 1, inputs: Int32Array.of(1) })),
    );
    const values = await engine.read(logits);
    engine.dispose(logits);
    for (const { id, logit } of expected.first_logits_top8) expect(Math.abs(values[id]! - logit), `logit of ${id}`).toBeLessThan(1e-4);
  });

  it('continues every prompt with the expected ids', async () => {
    for (const { prompt, prompt_ids, ids } of expected.greedy) {
      if (prompt !== '') expect(tokenizer.encode(prompt)).toEqual(prompt_ids);
      const stopIds = [name.startsWith('tiny') ? 2 : 1];
      const produced = await generate(engine, model, prompt_ids, {
        maxTokens: ids.length - prompt_ids.length,
        temperature: 0,
        seed: 0,
        stopIds,
      });
      expect([...prompt_ids, ...produced]).toEqual(ids);
    }
  });

  it('has the expected loss on the first stories of the excerpt, to 1e-4', async () => {
    const domain = Object.entries(expected.loss_by_domain.domains).find(([label]) => label.includes('TinyStories (first'))![1];
    const windows = (await storiesOf(sharedData!))
      .slice(0, domain.documents)
      .map((story) => ({ tokens: Int32Array.from(tokenizer.encode(story.slice(0, LOSS_CHARACTERS)).slice(0, LOSS_IDS)) }));
    const { loss, tokens } = await measureLoss(engine, model, windows);
    expect(tokens).toBe(domain.tokens);
    expect(Math.abs(loss - domain.nats_per_token)).toBeLessThan(1e-4);
  });
});

describe.skipIf(!sharedData)('every engine', () => {
  it('computes the same logits, to 1e-4', async () => {
    const folder = await openModelFolder(join(sharedData!, 'models/tinystories-656k'));
    const inputs = Int32Array.from([1, 80, 147, 201, 282, 57]);
    const results: (readonly [string, Float32Array])[] = [];
    for (const name of engineNames) {
      const engine = await loadEngine(name, engineDirectory());
      const model = await loadLlama(engine, { config: folder.config, read: (tensor) => folder.readTensor(tensor) });
      const logits = engine.scope(() => logitsOf(engine, model, hiddenStates(engine, model, { batch: 1, time: inputs.length, inputs })));
      results.push([name, ((await engine.read(logits)) as Float32Array).slice()]);
      engine.dispose(logits);
      disposeLlama(model);
    }
    await folder.close();
    const reference = results.at(-1)![1];
    for (const [name, values] of results) {
      const difference = values.reduce((largest, value, index) => Math.max(largest, Math.abs(value - reference[index]!)), 0);
      expect(difference, name).toBeLessThan(1e-4);
    }
  });
});
