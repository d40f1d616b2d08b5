import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import type { Engine } from '../../main/engine/engine.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { expandModelFolder } from '../../main/models/expansion/expand-folder.ts';
import { verifyExpansion } from '../../main/training/verify-job.ts';
import { planExpansion } from '../../shared/domain/plan.ts';
import { fastEngine } from '../support/engines.ts';
import { randomWeights } from '../support/tiny-llama.ts';
import { prepareTinyTraining, tensorBytes, type TinyTraining, trainHere } from '../support/train-jobs.ts';
import { byteModelConfig, writeTinyModel } from '../support/workspace.ts';

let tiny: TinyTraining;
let engine: Engine;
let expanded: string;
let trained: string;
beforeAll(async () => {
  tiny = await prepareTinyTraining();
  engine = await loadEngine(fastEngine, engineDirectory());
  expanded = join(tiny.directory, 'expanded');
  await expandModelFolder(tiny.sources.model, expanded, planExpansion(4, undefined, [0, 2, 2]), { name: 'tiny', hash: 'h' });
  const job = tiny.job('trained');
  await trainHere(job);
  trained = job.modelDirectory;
});
afterAll(() => tiny.remove());

const verify = (modelDirectory: string, baseModelDirectory: string | null = tiny.sources.model): ReturnType<typeof verifyExpansion> =>
  verifyExpansion({ kind: 'verify', engine: fastEngine, modelDirectory, baseModelDirectory }, engine);

describe('an expanded model against its base', () => {
  it('is the same function before training, to the last bit', async () => {
    expect(await verify(expanded)).toMatchObject({ maxLogitDifference: 0, bypassDifference: 0, problems: [] });
  });

  it('is another one after training, and the base again without its inserted blocks', async () => {
    const { maxLogitDifference, bypassDifference, problems } = await verify(trained);
    expect(maxLogitDifference).toBeGreaterThan(1e-3);
    expect(bypassDifference).toBe(0);
    expect(problems).toEqual([]);
  });

  it('that was changed outside its inserted blocks is found out', async () => {
    const changed = join(tiny.directory, 'changed');
    await cp(expanded, changed, { recursive: true });
    const path = join(changed, 'model.safetensors');
    const file = await readFile(path);
    const weights = (await tensorBytes(path)).get('model.layers.3.mlp.up_proj.weight')!; // the base's block 2; its copies stand behind it
    const at = file.indexOf(weights);
    file.writeFloatLE(file.readFloatLE(at) + 1, at);
    await writeFile(path, file);
    const { bypassDifference, problems } = await verify(changed);
    expect(bypassDifference).toBeGreaterThan(0);
    expect(problems).toEqual([expect.stringMatching(/differs from its base by up to \d\.\d+; it should be the base/)]);
  });

  it('that computes no numbers proves nothing', async () => {
    const weights = randomWeights(byteModelConfig);
    weights.get('model.norm.weight')![3] = Infinity;
    const [base, model] = [join(tiny.directory, 'infinite'), join(tiny.directory, 'infinite-expanded')];
    await writeTinyModel(base, { weights });
    await expandModelFolder(base, model, planExpansion(4, 1, 'top'), { name: 'infinite', hash: 'h' });
    const { maxLogitDifference, bypassDifference, problems } = await verify(model, base);
    expect({ maxLogitDifference, bypassDifference }).toMatchObject({ maxLogitDifference: null, bypassDifference: null });
    expect(problems[0]).toMatch(/infinite or undefined/);
  });

  it('that is no longer there is compared with nothing', async () => {
    expect(await verify(trained, null)).toMatchObject({ maxLogitDifference: null, bypassDifference: null, problems: [] });
  });
});
