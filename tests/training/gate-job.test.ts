import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDataset } from '../../main/datasets/dataset-folder.ts';
import { buildTokenShards } from '../../main/datasets/token-shard.ts';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import type { Engine } from '../../main/engine/engine.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { loadContentEncoder } from '../../main/models/content-encoder.ts';
import { explainText } from '../../main/training/explain-job.ts';
import { evaluatePackGate } from '../../main/training/gate-job.ts';
import { LoadedModels } from '../../main/training/voice.ts';
import { plainTextOf } from '../../shared/domain/content.ts';
import { fastEngine } from '../support/engines.ts';
import { prepareTinyTraining, type TinyTraining, trainHere } from '../support/train-jobs.ts';

let tiny: TinyTraining;
let engine: Engine;
let trained: string;
beforeAll(async () => {
  tiny = await prepareTinyTraining();
  engine = await loadEngine(fastEngine, engineDirectory());
  const job = tiny.job('trained', { steps: 12, learningRate: 0.05, evaluation: { everySteps: 100, tokens: 64 } });
  await trainHere(job);
  trained = job.modelDirectory;
});
afterAll(() => tiny.remove());

const POSITIONS = [2, 5];
const LENGTH = 40;

/** Losses of a text's tokens, one text at a time, by another way through the code. */
async function lossesOf(models: LoadedModels, text: string, strength: number): Promise<number[]> {
  const strengths = [1, 1, strength, 1, 1, strength];
  const { tokens } = await explainText(engine, models, {
    ...{ kind: 'explain', voices: [{ modelDirectory: trained, strengths, gate: null }] },
    ...{ prompt: text, continuation: '', alternatives: 0, blocks: 0 },
  });
  return tokens.flatMap(({ views }) => views?.map(({ logProbability }) => -logProbability) ?? []);
}

it('a gate is right as often, and loses as much, as a plain loop over the documents says', async () => {
  const encoder = await loadContentEncoder(trained);
  const models = new LoadedModels(engine);
  const datasets = [];
  const expected = [];
  for (const role of ['new', 'old'] as const) {
    const { heldOutPath } = await buildTokenShards(tiny.datasets[role], encoder, { needsDocuments: true });
    datasets.push({ name: role, role, heldOutPath });
    const { range } = await openDataset(tiny.datasets[role]);
    const sum = { documents: 0, right: 0, tokens: 0, routed: 0, always: 0, never: 0 };
    for (const { content } of await range(0, 100, { part: 'heldOut' })) {
      const text = plainTextOf(content).slice(0, LENGTH - 1); // a start token stands before it
      const [without, withPack] = [await lossesOf(models, text, 0), await lossesOf(models, text, 1)];
      const of = (losses: number[], begin: number, end?: number): number =>
        losses.slice(begin, end).reduce((total, each) => total + each, 0);
      const isThrough = of(withPack, 0, 8) < of(without, 0, 8);
      sum.documents++;
      sum.right += Number(isThrough === (role === 'new'));
      sum.tokens += withPack.length - 8;
      sum.always += of(withPack, 8);
      sum.never += of(without, 8);
      sum.routed += of(isThrough ? withPack : without, 8);
    }
    expected.push(sum);
  }
  const job = { kind: 'gate' as const, engine: fastEngine, modelDirectory: trained, positions: POSITIONS, datasets };
  const { results } = await evaluatePackGate({ ...job, tokens: [8], documents: 100, documentTokens: LENGTH }, engine, () => undefined);
  for (const [index, figure] of results[0]!.figures.entries()) {
    const { documents, right, tokens, routed, always, never } = expected[index]!;
    expect(figure).toMatchObject({ documents, tooShort: 0, tokens });
    expect(documents).toBeGreaterThan(2);
    expect(figure.accuracy.value).toBe(right / documents);
    expect(figure.loss.routed.value).toBeCloseTo(routed / tokens, 4);
    expect(figure.loss.always.value).toBeCloseTo(always / tokens, 4);
    expect(figure.loss.never.value).toBeCloseTo(never / tokens, 4);
  }
});
