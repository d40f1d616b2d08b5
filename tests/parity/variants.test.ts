import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { generate } from '../../main/llama/generate.ts';
import { largestLogitDifference } from '../../main/llama/measure.ts';
import { hiddenStates, logitsOf } from '../../main/llama/model.ts';
import { disposeLlama, type Llama, loadLlama } from '../../main/llama/parameters.ts';
import { expandModelFolder } from '../../main/models/expansion/expand-folder.ts';
import { openModelFolder } from '../../main/models/model-folder.ts';
import { planExpansion } from '../../shared/domain/plan.ts';
import { fastEngine } from '../support/engines.ts';

const LARGEST_DIFFERENCE = 1e-4;

describe('every variant of LLaMA that is computed, beside transformers', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'strata-variants-'));
    await promisify(execFile)(process.env.STRATA_PYTHON ?? 'python3', [join(import.meta.dirname, 'make_variants.py'), directory]);
  }, 300_000);
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it.each([
    'plain',
    'tied',
    'head-dim',
    'attention-bias',
    'mlp-bias',
    'linear',
    'dynamic',
    'llama3',
    'yarn',
    'yarn-all',
    'mistral',
    'mistral-whole',
  ])(
    '%s: the same logits, the same continuation, and an expansion that is the same again',
    async (name) => {
      const folder = join(directory, name);
      const wanted = JSON.parse(await readFile(join(folder, 'ids.json'), 'utf8')) as { ids: number[]; greedy: number[] };
      const logits = new Float32Array((await readFile(join(folder, 'logits.f32'))).buffer.slice(0));
      const engine = await loadEngine(fastEngine, engineDirectory());
      const model = await load(folder);
      const inputs = Int32Array.from(wanted.ids);
      const ours = await engine.read(logitsOf(engine, model, hiddenStates(engine, model, { batch: 1, time: inputs.length, inputs })));
      expect(Math.max(...logits.map((logit, index) => Math.abs(logit - ours[index]!)))).toBeLessThan(LARGEST_DIFFERENCE);
      const greedy = await generate(engine, model, wanted.ids.slice(0, 20), { maxTokens: 40, temperature: 0, seed: 0 });
      expect(greedy).toEqual(wanted.greedy);

      const expanded = join(directory, `${name}-expanded`);
      await expandModelFolder(folder, expanded, planExpansion(model.config.blocks, undefined, [0, 2, 2]), { name, hash: '' });
      const grown = await load(expanded);
      expect(grown.blocks).toHaveLength(model.blocks.length + 3);
      expect(await largestLogitDifference(engine, model, grown, [inputs])).toBe(0);
      disposeLlama(grown);
      disposeLlama(model);

      async function load(path: string): Promise<Llama> {
        const { config, readTensor, close } = await openModelFolder(path);
        const loaded = await loadLlama(engine, { config, read: readTensor });
        await close();
        return loaded;
      }
    },
    60_000,
  );
});
